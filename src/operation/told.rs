//! Operations as people speak of them: with names instead of keys.

use std::collections::BTreeMap;

use super::error::Error;
use super::mark::{self, Turned};
use super::names::{self, Names};
use super::subject::Subject;
use crate::history::{Repo, Subject as Fact, commit_id};
use crate::ledger::{KeyChange, Operation, Origin};
use crate::pipeline::registry::{self, Record};
use crate::pipeline::{self, Subject as PipelineFact, follow, job};
use crate::setting::{self, Whose};

/// An operation, told.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its number.
    pub number: u64,
    /// Who made it, when, and how.
    pub origin: Origin,
    /// Whether it counts.
    pub standing: Standing,
    /// The operation that it took back.
    pub undid: Option<u64>,
    /// The operation that it brought back.
    pub redid: Option<u64>,
    /// What it changed: repos, pipelines, branches, tags, the rest, new commits, jobs, each by name.
    pub changes: Vec<Changed>,
}

/// Whether what an operation did counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Made,
    /// It was taken back, and not brought back since.
    Undone,
}

/// One thing that an operation changed, by the names of that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What it is.
    pub noun: Noun,
    /// Its name.
    pub name: String,
    /// What it was; `None` if it was not there.
    pub before: Option<String>,
    /// What it is since; `None` if it is gone.
    pub after: Option<String>,
}

/// What sort of thing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A repo, whose name it was and is.
    Repo,
    /// A repo that is a stage's output, or was: the `PIPELINE/STAGE`.
    Output,
    /// A pipeline: its version.
    Pipeline,
    /// `REPO@BRANCH`: the commit it points to.
    Branch,
    /// `REPO@TAG`: the commit it points to.
    Tag,
    /// A pin, by its repo: the commit.
    Pin,
    /// `REPO@BRANCH`: whether a merge into it waits for a person.
    OpenMerge,
    /// The rules of merges of a repo of this name; whether there are some.
    MergeRules,
    /// `REPO@BRANCH`, which follows another; which one.
    Follow,
    /// What a trigger let an input have, `OUTPUT of REPO@BRANCH`: the commit.
    LetThrough,
    /// A setting, `NAME`, or `NAME of REPO`: its value.
    Setting,
    /// Another store, by its name here; whether it is known.
    Remote,
    /// `REPO@REMOTE/BRANCH`: the commit at which it was seen.
    RemoteBranch,
    /// Anything else; before and after only say whether it was there.
    Other,
    /// A commit that came: its name is its repo's.
    Commit,
    /// A job, `NUMBER PIPELINE/STAGE@BRANCH`: its state.
    Job,
}

impl Told {
    pub(super) fn new(operation: &Operation, names: &Names, standing: Standing) -> Result<Self, Error> {
        let turned = mark::turned(operation);
        let (undid, redid) = match turned {
            Some(Turned::Undid(number)) => (Some(number), None),
            Some(Turned::Redid(number)) => (None, Some(number)),
            None => (None, None),
        };
        let (number, origin) = (operation.number, operation.origin.clone());
        Ok(Self { number, origin, standing, undid, redid, changes: tell(&operation.changes, names)? })
    }
}

/// These changes in the order of their nouns and names.
pub(super) fn tell(changes: &[KeyChange], names: &Names) -> Result<Vec<Changed>, Error> {
    let mut told = repos(changes)?;
    for change in changes {
        told.extend(other(change, names)?);
    }
    told.sort_by(|a, b| (a.noun, &a.name).cmp(&(b.noun, &b.name)));
    Ok(told)
}

/// What became of repos. A rename changes two facts.
fn repos(changes: &[KeyChange]) -> Result<Vec<Changed>, Error> {
    let mut met: BTreeMap<u64, [Option<Repo>; 2]> = BTreeMap::new();
    for change in changes {
        for (at, value) in [&change.before, &change.after].into_iter().enumerate() {
            if let Some(repo) = names::repo(change, value.as_ref())? {
                let pair = met.entry(repo.id).or_default();
                if let Some(side) = pair.get_mut(at) {
                    *side = Some(repo);
                }
            }
        }
    }
    let mut told = Vec::new();
    for [before, after] in met.into_values() {
        let name = |repo: &Option<Repo>| repo.as_ref().map(|repo| repo.name.to_string());
        let (old, new) = (name(&before), name(&after));
        let Some(called) = new.clone().or_else(|| old.clone()) else { continue };
        if old != new {
            let name = old.clone().unwrap_or_else(|| called.clone());
            told.push(Changed { noun: Noun::Repo, name, before: old, after: new });
        }
        let stage = |repo: &Option<Repo>| {
            let (pipeline, stage) = repo.as_ref()?.output_of.as_ref()?;
            Some(format!("{pipeline}/{stage}"))
        };
        let (was, is) = (stage(&before), stage(&after));
        if was != is && before.is_some() && after.is_some() {
            told.push(Changed { noun: Noun::Output, name: called, before: was, after: is });
        }
    }
    Ok(told)
}

/// What became of anything else that people should hear of.
fn other(change: &KeyChange, names: &Names) -> Result<Option<Changed>, Error> {
    let values = [&change.before, &change.after];
    let there = || values.map(|value| value.as_ref().map(|_| "there".to_owned()));
    let commits = || values.map(|value| Some(commit_id(value.as_deref()?)?.to_string()));
    let (noun, name, [before, after]) = match Subject::of(&change.key) {
        Subject::History(Fact::Branch(repo, name)) => {
            (Noun::Branch, format!("{}@{name}", names.of(repo)), commits())
        }
        Subject::History(Fact::Tag(repo, name)) => {
            (Noun::Tag, format!("{}@{name}", names.of(repo)), commits())
        }
        Subject::History(Fact::Pin(repo, _)) => (Noun::Pin, names.of(repo), commits()),
        Subject::History(Fact::Commit(repo, id)) if change.before.is_none() => {
            (Noun::Commit, names.of(repo), [None, Some(id.to_string())])
        }
        Subject::Pipeline(PipelineFact::Pipeline(name)) => {
            let mut versions = [None, None];
            for (version, value) in versions.iter_mut().zip(values) {
                let record = value.as_deref().map(Record::read).transpose()?;
                *version = record.map(|record| match record.standing {
                    registry::Standing::Active => record.version.to_string(),
                    registry::Standing::Paused => format!("{}, paused", record.version),
                });
            }
            (Noun::Pipeline, name.to_string(), versions)
        }
        Subject::Pipeline(PipelineFact::Job(_)) => {
            let read = |value: &Option<Vec<u8>>| value.as_deref().map(job::read).transpose();
            let (before, after) = (read(&change.before)?, read(&change.after)?);
            // One that goes without a successor has moved to the archive.
            let Some(job) = &after else { return Ok(None) };
            // What one that runs has done so far is no news.
            if before.as_ref().is_some_and(|before| before.state == job.state) {
                return Ok(None);
            }
            let state = |job: &Option<job::Job>| job.as_ref().map(|job| job.state.word().to_owned());
            let name = format!("{} {}@{}", job.id, job.stage_name(), job.branch);
            (Noun::Job, name, [state(&before), state(&after)])
        }
        Subject::History(Fact::Merge(repo, name)) => {
            (Noun::OpenMerge, format!("{}@{name}", names.of(repo)), there())
        }
        Subject::History(Fact::MergePolicy(repo)) => (Noun::MergeRules, names.of(repo), there()),
        Subject::Pipeline(PipelineFact::Follow(repo, name)) => {
            let follow = |value: &Option<Vec<u8>>| value.as_deref().map(follow::read).transpose();
            let (before, after) = (follow(&change.before)?, follow(&change.after)?);
            // When it moved last is no news.
            if before == after {
                return Ok(None);
            }
            (Noun::Follow, format!("{}@{name}", names.of(repo)), [before, after])
        }
        Subject::Pipeline(PipelineFact::Taken(output, source, branch)) => {
            let read = |value: &Option<Vec<u8>>| value.as_deref().map(pipeline::let_through).transpose();
            let values = [read(&change.before)?, read(&change.after)?];
            let name = format!("{} of {}@{branch}", names.of(output), names.of(source));
            (Noun::LetThrough, name, values.map(|commit| commit.map(|commit| commit.to_string())))
        }
        Subject::History(Fact::Remote(name)) => (Noun::Remote, name.to_string(), there()),
        Subject::History(Fact::RemoteBranch(repo, name)) => {
            (Noun::RemoteBranch, format!("{}@{name}", names.of(repo)), commits())
        }
        Subject::Setting(setting) => {
            let read = |value: &Option<Vec<u8>>| {
                value.as_deref().map(|v| setting::value(&setting.name, v)).transpose()
            };
            let values = [read(&change.before)?, read(&change.after)?];
            let name = match setting.whose {
                Whose::Store => setting.name,
                Whose::Repo(id) => format!("{} of {}", setting.name, names.of(id)),
            };
            (Noun::Setting, name, values)
        }
        Subject::Other => (Noun::Other, label(&change.key), there()),
        Subject::History(
            Fact::Repo(_)
            | Fact::Commit(..)
            | Fact::Derived(..)
            | Fact::NextRepo
            | Fact::KeptSince
            | Fact::LetGo
            | Fact::Purge(_),
        )
        | Subject::Pipeline(PipelineFact::Version | PipelineFact::Machinery)
        | Subject::Mark(_) => return Ok(None),
    };
    Ok(Some(Changed { noun, name, before, after }))
}

/// What a fact is called that has no other name.
pub(super) fn label(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace(char::is_control, "")
}
