//! What is too old to be kept: results that nothing has had to do with of late, and what jobs printed that ended long ago.
//!
//! A result stays while it is young, while a job that lives or is young has had to do with it, and while a branch of the output is made of it:
//! what stands there is not run again. Parts of what a built-in stage comes to stay as long as its output has a branch, since they spare it
//! all the rest when some of its input changes. Whoever keeps a result without need costs space; whoever drops one costs a run, and no more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use super::command;
use super::error::Error;
use super::job::{self, ARCHIVE, JOBS, Job};
use super::kept::{StateForm, results_of, state_form};
use super::report;
use super::results::{RESULTS, Record};
use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::object::{CommitId, Digest, NodeId, ObjectRead, ObjectWrite};
use crate::tree::{self, Cursor, Raw};

/// The times, in milliseconds since 1970, before which things are old. Without one nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages {
    /// Results that were made before.
    pub results: Option<i64>,
    /// What jobs printed that ended before.
    pub logs: Option<i64>,
}

/// The jobs and the tables of results, as one session saw them, with where the branches of outputs stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The facts by key.
    pub facts: BTreeMap<Vec<u8>, Vec<u8>>,
    heads: HashMap<u64, Vec<CommitId>>,
}

/// What becomes of them without what is old.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aged {
    /// The facts that change, with what they come to.
    pub facts: BTreeMap<Vec<u8>, Vec<u8>>,
    /// How many results go.
    pub results: u64,
    /// Of how many jobs what they printed goes.
    pub logs: u64,
}

impl Memory {
    /// Reads them.
    pub fn read(facts: &Session) -> Result<Self, Error> {
        let mut memory = Self::default();
        for prefix in [JOBS, RESULTS, ARCHIVE] {
            facts.scan(prefix, &mut |key, value| {
                memory.facts.insert(key.to_vec(), value.to_vec());
                ControlFlow::Continue(())
            })?;
        }
        let outputs: HashSet<u64> = memory.facts.keys().filter_map(|key| results_of(key)).collect();
        for repo in history::list(facts)?.iter().filter(|repo| outputs.contains(&repo.id)) {
            memory.heads.insert(repo.id, heads(facts, repo)?);
        }
        Ok(memory)
    }

    /// What they come to. The new tables are written to `sink`.
    pub fn age(&self, sink: &dyn ObjectWrite, ages: &Ages) -> Result<Aged, Error> {
        let mut aged = Aged::default();
        if *ages == Ages::default() {
            return Ok(aged);
        }
        let empty = tree::empty(sink)?;
        let used = self.used(sink, ages)?;
        for (key, value) in &self.facts {
            let after = if let Some(repo) = results_of(key) {
                let Some(table) = history::commit_id(value).map(|id| NodeId::new(*id.digest())) else {
                    continue;
                };
                let standing = self.standing(sink, repo)?;
                let table = Trim { sink, ages, used: &used, standing, empty }.apply(table, &mut aged)?;
                table.digest().as_bytes().to_vec()
            } else if let Some(before) = ages.logs {
                aged.printed(sink, key, value, before, empty)?
            } else {
                continue;
            };
            if after != *value {
                aged.facts.insert(key.clone(), after);
            }
        }
        Ok(aged)
    }

    /// What jobs have had to do with that live or are young.
    fn used(&self, objects: &dyn ObjectRead, ages: &Ages) -> Result<HashSet<Digest>, Error> {
        let mut used = HashSet::new();
        let Some(before) = ages.results else { return Ok(used) };
        let mut add = |job: Job| {
            let is_young = job.state.is_living() || job.ended.is_some_and(|ended| ended >= before);
            job.report.filter(|_| is_young).map_or(Ok(()), |report| {
                report::keys(objects, report, &mut |key| {
                    used.insert(key);
                })
            })
        };
        for (key, value) in &self.facts {
            if key.starts_with(JOBS) {
                add(job::read(value)?)?;
            } else if key == ARCHIVE {
                job::each_archived(objects, value, &mut add)?;
            }
        }
        Ok(used)
    }

    /// What the branches of this output are made of.
    fn standing(&self, objects: &dyn ObjectRead, repo: u64) -> Result<Standing, Error> {
        let mut standing = Standing::default();
        for head in self.heads.get(&repo).into_iter().flatten() {
            let commit = history::load(objects, *head)?;
            standing.outputs.insert(commit.tree);
            let Some(made) = commit.provenance else { continue };
            match state_form(objects, made.state)? {
                StateForm::Files => standing.has_parts = true,
                StateForm::Datums => {
                    for item in Cursor::<Raw>::new(objects, made.state)? {
                        let (key, value) = item?;
                        if let Some(command::Named::Output(output)) = command::state_names(&key, &value)? {
                            standing.outputs.insert(output);
                        }
                    }
                }
            }
        }
        Ok(standing)
    }
}

fn heads(facts: &Session, repo: &Repo) -> Result<Vec<CommitId>, Error> {
    Ok(history::branches(facts, repo)?.into_iter().map(|(_, head)| head).collect())
}

impl Aged {
    /// Whether anything is old.
    pub fn is_some(&self) -> bool {
        !self.facts.is_empty()
    }

    /// What the fact `key`, a job or the archive of jobs, comes to without what old jobs printed.
    fn printed(
        &mut self,
        sink: &dyn ObjectWrite,
        key: &[u8],
        value: &[u8],
        before: i64,
        empty: NodeId,
    ) -> Result<Vec<u8>, Error> {
        let mut edit = |bytes: &[u8]| -> Result<Vec<u8>, Error> {
            let after = job::without_logs(bytes, before, empty)?;
            self.logs += u64::from(after.is_some());
            Ok(after.unwrap_or_else(|| bytes.to_vec()))
        };
        if key == ARCHIVE { job::edit_archive(sink, value, &mut edit) } else { edit(value) }
    }
}

/// What branches of an output are made of.
#[derive(Debug, Default)]
struct Standing {
    /// The trees of whole outputs, and of datums.
    outputs: HashSet<NodeId>,
    /// Whether some may be made of parts that the table has.
    has_parts: bool,
}

/// Takes out of a table what is old.
struct Trim<'a> {
    sink: &'a dyn ObjectWrite,
    ages: &'a Ages,
    used: &'a HashSet<Digest>,
    standing: Standing,
    empty: NodeId,
}

impl Trim<'_> {
    fn apply(&self, table: NodeId, aged: &mut Aged) -> Result<NodeId, Error> {
        let mut edits: BTreeMap<Vec<u8>, Option<Raw>> = BTreeMap::new();
        for item in Cursor::<Raw>::new(self.sink, table)? {
            let (key, value) = item?;
            let record = Record::read(&value)?;
            let is_old = |before: Option<i64>| before.is_some_and(|before| record.made < before);
            if is_old(self.ages.results) && !self.is_needed(&key, &record) {
                aged.results += 1;
                edits.insert(key, None);
            } else if is_old(self.ages.logs) && record.outcome.logs != self.empty {
                let mut record = record;
                record.outcome.logs = self.empty;
                edits.insert(key, Some(record.write()?));
            }
        }
        if edits.is_empty() { Ok(table) } else { Ok(tree::edit(self.sink, table, edits)?) }
    }

    fn is_needed(&self, key: &[u8], Record { outcome, .. }: &Record) -> bool {
        let is_part = outcome.state == self.empty && outcome.logs == self.empty;
        let digest = <[u8; 32]>::try_from(key).map(Digest::from_bytes);
        digest.is_ok_and(|key| self.used.contains(&key))
            || self.standing.outputs.contains(&outcome.output)
            || (self.standing.has_parts && is_part)
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{self, Outcome};
    use super::*;
    use crate::object::access::memory::Objects;

    fn node(objects: &Objects, name: &str) -> NodeId {
        tree::build::<Raw>(objects, [(name.as_bytes().to_vec(), Raw(Vec::new()))]).unwrap()
    }

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    #[test]
    fn what_is_young_used_or_standing_stays() {
        let objects = Objects::default();
        let empty = tree::empty(&objects).unwrap();
        let of_command =
            |name: &str| Outcome { output: node(&objects, name), state: empty, logs: node(&objects, "log") };
        let part = Outcome { output: node(&objects, "part"), state: empty, logs: empty };
        let made = |names: &[&str]| names.iter().map(|n| (digest(n), of_command(n))).collect::<Vec<_>>();
        let table = results::add(&objects, None, &made(&["old", "used", "standing"]), 10).unwrap();
        let table = results::add(&objects, Some(table), &[(digest("part"), part)], 10).unwrap();
        let table = results::add(&objects, Some(table), &made(&["young"]), 20).unwrap();
        let left = |ages: Ages, has_parts: bool| {
            let standing = Standing { outputs: HashSet::from([node(&objects, "standing")]), has_parts };
            let used = HashSet::from([digest("used")]);
            let trim = Trim { sink: &objects, ages: &ages, used: &used, standing, empty };
            let mut aged = Aged::default();
            let after = trim.apply(table, &mut aged).unwrap();
            let has = |name| results::find(&objects, Some(after), &digest(name)).unwrap();
            let kept = ["old", "used", "standing", "part", "young"].map(|name| has(name).is_some());
            let printed = ["used", "young"].map(|name| has(name).is_some_and(|found| found.logs != empty));
            (kept, printed, aged.results)
        };
        let results = |at| Ages { results: Some(at), logs: None };
        assert_eq!(left(results(10), false), ([true; 5], [true; 2], 0));
        assert_eq!(left(results(11), true), ([false, true, true, true, true], [true; 2], 1));
        assert_eq!(left(results(11), false), ([false, true, true, false, true], [true; 2], 2));
        assert_eq!(left(results(21), true), ([false, true, true, true, false], [true, false], 2));
        let logs = Ages { results: None, logs: Some(11) };
        assert_eq!(left(logs, false), ([true; 5], [false, true], 0));
    }
}
