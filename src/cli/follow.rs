//! `vds job logs -f`: what the datums of a job print, while it runs.
//!
//! Of a datum that runs there is a file, which holds the beginning of what will be its log; of one that has ended, the log itself,
//! once it is saved. It is remembered how much of the file was shown, and the log goes on from there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Form, Listing, Reader, write};
use super::context::{Answer, Context};
use super::logs::{Args, Place, Printed, last, read};
use crate::fault::Cause;
use crate::object::{Entry, NodeId, ObjectRead};
use crate::pipeline::job::{self, State};
use crate::pipeline::{Live, live};
use crate::store::Store;
use crate::tree::{self, Cursor};

/// The pause between two looks at what datums print that run.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The pause between two looks at the job.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Shows the logs as they come, until the job has ended or nobody reads them.
pub(super) fn follow(store: &Store, args: &Args, listing: &Listing<'_, Printed>, cx: &Context) -> Answer {
    if cx.form == Form::Json {
        return cx
            .feed(listing, |put| Follower::new(store, args, &mut |printed| Ok(put(&printed))).follow(cx));
    }
    let show = &mut |printed: Printed| match write(&printed.bytes(args, cx))? {
        Reader::There => Ok(ControlFlow::Continue(())),
        Reader::Gone => Ok(ControlFlow::Break(())),
    };
    Follower::new(store, args, show).follow(cx)?;
    Ok(0)
}

/// Whether it goes on.
type Next = Result<ControlFlow<()>, Cause>;

struct Follower<'a> {
    store: &'a Store,
    args: &'a Args,
    show: &'a mut dyn FnMut(Printed) -> Next,
    /// Of datums whose logs are not saved: the file, and how much of it was shown.
    begun: BTreeMap<String, (PathBuf, u64)>,
    /// What of the saved logs was shown.
    saved: Option<NodeId>,
    /// The datum that was shown last.
    last: Option<String>,
}

impl<'a> Follower<'a> {
    fn new(store: &'a Store, args: &'a Args, show: &'a mut dyn FnMut(Printed) -> Next) -> Self {
        Self { store, args, show, begun: BTreeMap::new(), saved: None, last: None }
    }

    fn follow(&mut self, cx: &Context) -> Result<(), Cause> {
        let mut is_told = false;
        loop {
            let job = job::last_of(self.store, &self.store.session()?, self.args.id)?;
            if let Some(root) = job.logs
                && self.show_saved(root)?.is_break()
            {
                return Ok(());
            }
            if !job.state.is_living() {
                return Ok(());
            }
            if job.state == State::Queued && !is_told {
                cx.note(&format!("job {} waits; its logs come when it is run", self.args.id));
                is_told = true;
            }
            let asked = Instant::now();
            while asked.elapsed() < ASK_EVERY {
                if self.show_living()?.is_break() {
                    return Ok(());
                }
                thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// Shows what was saved since.
    fn show_saved(&mut self, root: NodeId) -> Next {
        for (datum, entry) in new_logs(self.store.objects(), self.saved, root)? {
            if !self.args.wants(&datum) {
                continue;
            }
            let bytes = if let Some((_, shown)) = self.begun.remove(&datum) {
                let bytes = read(self.store, &entry, None)?;
                let rest = usize::try_from(shown).ok().and_then(|shown| bytes.get(shown..));
                rest.unwrap_or_default().to_vec()
            } else {
                // Of one that printed nothing the name is told.
                self.last = None;
                read(self.store, &entry, self.args.tail)?
            };
            let is_told = self.last.is_some() && bytes.is_empty();
            if !is_told && self.show(datum, bytes)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.saved = Some(root);
        Ok(ControlFlow::Continue(()))
    }

    /// Shows what datums that run have printed since, in whole lines.
    fn show_living(&mut self) -> Next {
        for log in live(self.store, self.args.id).into_iter().filter(|log| self.args.wants(&log.datum)) {
            if self.show_one(log)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn show_one(&mut self, mut log: Live) -> Next {
        let known = self.begun.get(&log.datum).filter(|(path, _)| *path == log.path);
        let shown = known.map_or(0, |(_, shown)| *shown);
        // What cannot be read here comes when it is saved.
        let mut bytes = log.read(shown).unwrap_or_default();
        bytes.truncate(bytes.iter().rposition(|byte| b"\n\r".contains(byte)).map_or(0, |at| at + 1));
        if bytes.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let now = shown.saturating_add(bytes.len() as u64);
        if let Some(lines) = self.args.tail.filter(|_| shown == 0) {
            bytes = last(&bytes, lines).to_vec();
        }
        let Live { datum, path, .. } = log;
        self.begun.insert(datum.clone(), (path, now));
        self.show(datum, bytes)
    }

    fn show(&mut self, datum: String, bytes: Vec<u8>) -> Next {
        let goes_on = self.last.as_ref().is_some_and(|last| *last == datum);
        let place = if goes_on { Place::Further } else { Place::First };
        self.last = Some(datum.clone());
        (self.show)(Printed { datum, bytes, place })
    }
}

/// The logs that came since.
fn new_logs(
    objects: &dyn ObjectRead,
    before: Option<NodeId>,
    root: NodeId,
) -> Result<Vec<(String, Entry)>, Cause> {
    let mut new = Vec::new();
    let mut add = |name: &[u8], entry| new.push((String::from_utf8_lossy(name).into_owned(), entry));
    match before {
        None => {
            for item in Cursor::<Entry>::new(objects, root)? {
                let (name, entry) = item?;
                add(&name, entry);
            }
        }
        Some(before) => {
            for change in tree::diff::<Entry>(objects, before, root) {
                let change = change?;
                change.after.into_iter().for_each(|entry| add(&change.key, entry));
            }
        }
    }
    Ok(new)
}
