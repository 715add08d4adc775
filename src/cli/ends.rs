//! Where what can be told of history ends, because the files of commits were let go.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::context::Context;
use crate::fault::Cause;
use crate::history;
use crate::object::{Commit, CommitId, ObjectRead};

/// The commits beyond which nothing could be told, as they are met.
#[derive(Debug)]
pub(super) struct Ends<'a> {
    objects: &'a dyn ObjectRead,
    met: RefCell<BTreeMap<CommitId, String>>,
}

impl<'a> Ends<'a> {
    /// None was met yet.
    pub(super) fn new(objects: &'a dyn ObjectRead) -> Self {
        Self { objects, met: RefCell::default() }
    }

    /// Looks whether the files of those are there that the commit follows.
    pub(super) fn look_beyond(&self, commit: &Commit) -> Result<(), Cause> {
        for parent in &commit.parents {
            match history::load_whole(self.objects, *parent) {
                Err(error @ history::Error::LetGo { .. }) => {
                    self.met.borrow_mut().insert(*parent, error.to_string());
                }
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// Says where it ended.
    pub(super) fn tell(&self, cx: &Context) {
        for why in self.met.borrow().values() {
            cx.note(&format!("note: what was before cannot be told: {why}"));
        }
    }
}
