//! What a job has done so far, as its record tells it: while it runs, and when it has ended.

use std::collections::BTreeMap;

use super::attempt::{Done, Failed};
use super::datum::{Datum, Plan};
use crate::object::{Digest, Entry, NodeId, ObjectRead, ObjectWrite};
use crate::pipeline::error::Error;
use crate::pipeline::job::{Bytes, Conduct, Datums, Isolation};
use crate::pipeline::report::{self, Fate, Noted};
use crate::pipeline::results::Outcome;
use crate::pipeline::task::Account;
use crate::tree::{self, Cursor};

/// The books of a job. Each time they are closed, what came since is added to the trees that the record names.
pub(super) struct Book<'a> {
    plan: &'a Plan,
    keys: &'a [Digest],
    datums: Datums,
    bytes: Bytes,
    empty: NodeId,
    logs: NodeId,
    report: NodeId,
    new_logs: BTreeMap<Vec<u8>, Entry>,
    new: report::New,
    conduct: Conduct,
    /// Whether the record tells what is known of that.
    is_told: bool,
}

impl<'a> Book<'a> {
    pub(super) fn open(sink: &dyn ObjectWrite, plan: &'a Plan, keys: &'a [Digest]) -> Result<Self, Error> {
        let empty = tree::empty(sink)?;
        Ok(Self {
            plan,
            keys,
            datums: Datums::default(),
            bytes: Bytes::default(),
            empty,
            logs: empty,
            report: empty,
            new_logs: BTreeMap::new(),
            new: report::New::new(),
            conduct: Conduct { planned: Some(plan.datums.len() as u64), isolation: None },
            is_told: false,
        })
    }

    /// Its programs see this of the file system.
    pub(super) fn isolated(&mut self, isolation: Isolation) {
        self.conduct.isolation = Some(isolation);
    }

    /// The datum at `at` had a result.
    pub(super) fn reused(
        &mut self,
        objects: &dyn ObjectRead,
        at: usize,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        self.datums.reused += 1;
        self.note(at, Fate::Reused);
        self.log(objects, outcome)
    }

    /// The datum at `at` was run.
    pub(super) fn processed(&mut self, at: usize, done: &Done) {
        self.datums.processed += 1;
        self.bytes.read += self.plan.datums.get(at).map_or(0, Datum::size);
        self.bytes.written += done.bytes;
        self.note(at, Fate::Processed);
        self.new_logs.extend(self.name(at).map(|name| (name, done.log)));
    }

    /// The datum at `at` came to nothing, and that is no failure.
    pub(super) fn recovered(&mut self, at: usize, log: Entry) {
        self.datums.recovered += 1;
        self.note(at, Fate::Recovered);
        self.new_logs.extend(self.name(at).map(|name| (name, log)));
    }

    /// The datum at `at` came to nothing.
    pub(super) fn failed(&mut self, at: usize, failed: &Failed) {
        self.datums.failed += 1;
        self.note(at, Fate::Failed(failed.reason.clone()));
        self.new_logs.extend(self.name(at).zip(failed.log));
    }

    fn name(&self, at: usize) -> Option<Vec<u8>> {
        self.plan.datums.get(at).map(|datum| datum.name.clone().into_bytes())
    }

    fn note(&mut self, at: usize, fate: Fate) {
        let (Some(datum), Some(key)) = (self.plan.datums.get(at), self.keys.get(at)) else { return };
        let noted = Noted { order: datum.order.clone(), key: *key, fate };
        self.new.insert(datum.name.clone(), noted);
    }

    fn log(&mut self, objects: &dyn ObjectRead, outcome: &Outcome) -> Result<(), Error> {
        for log in Cursor::<Entry>::new(objects, outcome.logs)? {
            let (name, entry) = log?;
            self.new_logs.insert(name, entry);
        }
        Ok(())
    }

    /// Whether there is something that the record does not tell.
    pub(super) fn has_news(&self) -> bool {
        !self.is_told || !self.new.is_empty()
    }

    /// What is to be told now.
    pub(super) fn close(&mut self, sink: &dyn ObjectWrite) -> Result<Account, Error> {
        let logs: BTreeMap<Vec<u8>, Option<Entry>> =
            std::mem::take(&mut self.new_logs).into_iter().map(|(name, log)| (name, Some(log))).collect();
        self.logs = tree::edit(sink, self.logs, logs)?;
        self.report = report::add(sink, self.report, &std::mem::take(&mut self.new))?;
        let logs = Some(self.logs).filter(|logs| *logs != self.empty);
        self.is_told = true;
        let (datums, bytes, conduct) = (self.datums, Some(self.bytes), self.conduct.clone());
        Ok(Account { datums, bytes, logs, report: Some(self.report), conduct })
    }
}
