//! Making the facts again from the journal, and a new journal from what is left of both.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;

use super::error::Error;
use super::made::Made;
use super::operation::{KeyChange, Origin, decode, encode};
use super::session::{APPLIED, Ledger, Session, Writes};
use crate::journal::{self, Journal};
use crate::meta::{self, MetaSession};

/// How many bytes of facts one operation of a new journal takes.
const PART: usize = 16 << 20;

type Facts = BTreeMap<Vec<u8>, Vec<u8>>;

impl Ledger {
    /// Sets the facts aside and makes them again from the journal, which must be whole. Returns how many operations that took.
    pub fn rebuild(&self) -> Result<u64, Error> {
        // Without a journal nothing could be made again.
        if journal::exists(&self.journal) {
            Journal::read(&self.journal)?;
            self.meta.set_aside()?;
        }
        Ok(self.session()?.newest())
    }

    /// Begins a new journal, with the facts as they are; where those are gone, with what the old journal comes to as far as it is
    /// good. The old one is kept beside it. Returns how many facts there are.
    pub fn refound(&self, origin: &Origin) -> Result<u64, Error> {
        let facts = match self.meta.session() {
            Err(meta::Error::Unopenable { .. }) => {
                self.meta.set_aside()?;
                self.meta.session()?
            }
            other => other?,
        };
        let mut kept = scanned(&*facts)?;
        if kept.is_empty() {
            kept = self.as_far_as_good()?;
        }
        let draft = self.journal.join("new");
        let failed = |source| journal::Error::Io { verb: "begin", path: draft.clone(), source };
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(failed)?;
        }
        fs::create_dir_all(&draft).map_err(failed)?;
        let mut session = Session {
            facts,
            journal: Journal::open(&draft)?,
            barred: None,
            supposed: Writes::new(),
            made: Made::default(),
        };
        for changes in parts(&kept) {
            session.journal.append(&encode(origin, &changes)?)?;
        }
        journal::replace(&self.journal, &draft)?;
        let count = kept.len() as u64;
        session.follow(kept.into_iter().map(|(key, value)| (key, Some(value))))?;
        Ok(count)
    }

    /// What the operations come to up to the first that is not good.
    fn as_far_as_good(&self) -> Result<Facts, Error> {
        let mut facts = Facts::new();
        for record in journal::oldest_first(&self.journal)? {
            let Ok(operation) = decode(record.number, &record.payload) else { break };
            for change in operation.changes {
                match change.after {
                    Some(value) => facts.insert(change.key, value),
                    None => facts.remove(&change.key),
                };
            }
        }
        Ok(facts)
    }
}

fn scanned(facts: &dyn MetaSession) -> Result<Facts, Error> {
    let mut kept = Facts::new();
    facts.scan(b"", &mut |key, value| {
        if key != APPLIED {
            kept.insert(key.to_vec(), value.to_vec());
        }
        ControlFlow::Continue(())
    })?;
    Ok(kept)
}

/// The facts as changes, in parts that an operation can hold.
fn parts(kept: &Facts) -> Vec<Vec<KeyChange>> {
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for (key, value) in kept {
        size += key.len() + value.len();
        if size > PART {
            parts.push(Vec::new());
            size = 0;
        }
        if let Some(part) = parts.last_mut() {
            part.push(KeyChange { key: key.clone(), before: None, after: Some(value.clone()) });
        }
    }
    parts
}
