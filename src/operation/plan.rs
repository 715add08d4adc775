//! What it takes to give facts their old values: decided in a session, and committed in it.
//!
//! The facts are looked at as they would be, so that what cannot stand is refused: a branch without its repo, a branch and a tag of
//! one name, a pipeline without its inputs, a moved output. What moves triggers stages as any move does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{Aim, Error};
use super::mark;
use super::names::{self, Names};
use super::subject::{Care, Subject};
use super::told::{Noun, label, tell};
use crate::history::{self, Repo, Subject as Fact};
use crate::ledger::{self, KeyChange, Operation, Origin, Session};
use crate::meta::Batch;
use crate::object::PipelineName;
use crate::pipeline::{
    self, Subject as PipelineFact, registry, submission, trigger,
    trigger::{Caused, Concerned, Runs},
};
use crate::store::Store;

/// A fact that is to have this value again.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) expected: Expected,
}

/// What a fact must hold now.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    Anything,
    Value(Option<Vec<u8>>),
}

/// What is to be committed.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) batch: Batch,
    /// What it changes of people's.
    pub(super) changes: Vec<KeyChange>,
    pub(super) caused: Caused,
}

/// Why there is no plan.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something was changed meanwhile that must not be overwritten.
    Obstacle(Obstacle),
    Failed(Error),
}

/// What was changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    Fact(Vec<u8>),
    Ref(Fact),
    /// Any branch of this repo.
    Branches(u64),
    /// This repo was deleted.
    Gone(u64),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Obstacle {
    fn is_made_by(&self, change: &KeyChange) -> Result<bool, Error> {
        let subject = || Subject::of(&change.key);
        Ok(match self {
            Self::Fact(key) => change.key == *key,
            Self::Ref(fact) => subject() == Subject::History(fact.clone()),
            Self::Branches(id) => matches!(subject(), Subject::History(Fact::Branch(of, _)) if of == *id),
            Self::Gone(id) => {
                change.after.is_none()
                    && names::repo(change, change.before.as_ref())?.is_some_and(|repo| repo.id == *id)
            }
        })
    }

    /// The error that names the operation which put this in the way.
    pub(super) fn blame(
        self,
        operations: impl Iterator<Item = Result<Operation, ledger::Error>>,
        mut names: Names,
        undone: &BTreeSet<u64>,
        aim: Aim,
    ) -> Error {
        let find = || -> Result<Option<Error>, Error> {
            let mut newest = None;
            for operation in
                operations.take_while(|operation| !operation.as_ref().is_ok_and(|o| aim.is(o.number)))
            {
                let operation = operation?;
                names.learn(&operation.changes)?;
                for change in &operation.changes {
                    if self.is_made_by(change)? {
                        let what = phrase(change, &names)?;
                        let counts =
                            mark::turned(&operation).is_none() && !undone.contains(&operation.number);
                        let Origin { command, kind, .. } = operation.origin;
                        let later = operation.number;
                        let found = Error::Overtaken { aim, later, command, what, kind };
                        // To take back what has gone to and fro would go on for ever.
                        if counts {
                            return Ok(Some(found));
                        }
                        newest.get_or_insert(found);
                        break;
                    }
                }
            }
            Ok(newest)
        };
        find().map_or_else(|error| error, |found| found.unwrap_or(Error::Contended { aim }))
    }
}

/// What was changed, as a part of a sentence.
fn phrase(change: &KeyChange, names: &Names) -> Result<String, Error> {
    let told = tell(std::slice::from_ref(change), names)?;
    Ok(match told.into_iter().next() {
        None => label(&change.key),
        Some(told) => match told.noun {
            Noun::Repo | Noun::Output => format!("the repo {}", told.name),
            Noun::Pipeline => format!("the pipeline {}", told.name),
            Noun::Tag => format!("the tag {}", told.name),
            Noun::Pin => format!("a pin of {}", told.name),
            Noun::OpenMerge => format!("the open merge into {}", told.name),
            Noun::MergeRules => format!("the merge rules of {}", told.name),
            Noun::Follow => format!("what {} follows", told.name),
            Noun::LetThrough => format!("what was let through to {}", told.name),
            Noun::Setting => format!("the setting {}", told.name),
            Noun::Remote => format!("the remote {}", told.name),
            Noun::Branch | Noun::RemoteBranch | Noun::Other | Noun::Commit | Noun::Job => told.name,
        },
    })
}

/// What it takes to fulfil these wishes. Commit it in the same session.
pub(super) fn plan(
    store: &Store,
    facts: &mut Session,
    wishes: Vec<Wish>,
    origin: &Origin,
    aim: Aim,
) -> Result<Plan, Stop> {
    let mut batch = Batch::default();
    for Wish { key, value, expected } in wishes {
        let now = facts.get(&key)?;
        match Subject::of(&key).care() {
            Care::Left => {}
            Care::PutBack => {
                if let (None, Some(value)) = (now, value) {
                    batch.put(key, value);
                }
            }
            Care::Followed if matches!(&expected, Expected::Value(expected) if *expected != now) => {}
            Care::Reverted if matches!(expected, Expected::Value(expected) if expected != now) => {
                return Err(Stop::Obstacle(Obstacle::Fact(key)));
            }
            Care::Reverted | Care::Followed if now == value => {}
            Care::Reverted | Care::Followed => {
                batch.expect(key.clone(), now);
                batch.writes.push((key, value));
            }
        }
    }
    for repo in removed(facts, &batch)? {
        remove(store, facts, &mut batch, &repo)?;
    }
    let mut changes = Vec::new();
    for (key, after) in &batch.writes {
        changes.push(KeyChange { key: key.clone(), before: facts.get(key)?, after: after.clone() });
    }
    let moved = facts.suppose(&batch.writes, |facts| check(store, facts, &changes, aim))?;
    let mut caused = Caused::default();
    for (moved, only) in moved {
        let (queued, next) = facts.suppose(&batch.writes, |facts| {
            let mut next = Batch::default();
            let moved = match &only {
                None => moved,
                Some((pipeline, spec)) => {
                    submission::skip_jobs(facts, &mut next, pipeline, spec.as_deref(), origin)?;
                    moved
                }
            };
            let concerned = match &only {
                Some((pipeline, _)) => Concerned::Stale(pipeline, store.objects()),
                None => Concerned::All,
            };
            let queued = trigger::enqueue(
                facts,
                Some(store.objects()),
                &mut next,
                &moved,
                concerned,
                Runs::ByBranch,
                origin,
            )?;
            Ok::<_, pipeline::Error>((queued, next))
        })?;
        caused.add(queued);
        batch.then(next);
    }
    Ok(Plan { batch, changes, caused })
}

/// The repos that these writes remove.
fn removed(facts: &Session, batch: &Batch) -> Result<Vec<Repo>, Error> {
    let mut kept = BTreeSet::new();
    let mut gone = Vec::new();
    for (key, after) in &batch.writes {
        let change = KeyChange { key: key.clone(), before: facts.get(key)?, after: after.clone() };
        kept.extend(names::repo(&change, change.after.as_ref())?.map(|repo| repo.id));
        gone.extend(names::repo(&change, change.before.as_ref())?);
    }
    gone.retain(|repo| !kept.contains(&repo.id));
    Ok(gone)
}

/// Adds the removal of the repo to `batch`, with what stages put there. What people put there is in the way.
fn remove(store: &Store, facts: &Session, batch: &mut Batch, repo: &Repo) -> Result<(), Stop> {
    let goes: BTreeSet<Vec<u8>> =
        batch.writes.iter().filter(|(_, after)| after.is_none()).map(|(key, _)| key.clone()).collect();
    let goes = |fact: &Fact| goes.iter().any(|key| history::subject(key).as_ref() == Some(fact));
    for (name, head) in history::branches(facts, repo)? {
        let fact = Fact::Branch(repo.id, name);
        if !goes(&fact) && history::load(store.objects(), head)?.provenance.is_none() {
            return Err(Stop::Obstacle(Obstacle::Ref(fact)));
        }
    }
    for (name, _) in history::tags(facts, repo)? {
        let fact = Fact::Tag(repo.id, name);
        if !goes(&fact) {
            return Err(Stop::Obstacle(Obstacle::Ref(fact)));
        }
    }
    for id in history::pins(facts, repo)? {
        let fact = Fact::Pin(repo.id, id);
        if !goes(&fact) {
            return Err(Stop::Obstacle(Obstacle::Ref(fact)));
        }
    }
    let mut rest = Batch::default();
    history::delete(facts, &mut rest, repo)?;
    // Another repo may come to have its name.
    let written: BTreeSet<&Vec<u8>> = batch.writes.iter().map(|(key, _)| key).collect();
    rest.writes.retain(|(key, _)| !written.contains(key));
    batch.then(rest);
    Ok(())
}

/// What to enqueue, one after the other: branches that moved; and for a pipeline that came, changed or went, where its inputs stand.
type Moves = Vec<(Vec<trigger::Moved>, Option<(PipelineName, Option<Arc<pipeline::spec::Spec>>)>)>;

/// Whether the facts can stand as they would be after these changes, and what has moved then.
fn check(store: &Store, facts: &Session, changes: &[KeyChange], aim: Aim) -> Result<Moves, Stop> {
    let repos: BTreeMap<u64, Repo> = history::list(facts)?.into_iter().map(|repo| (repo.id, repo)).collect();
    let mut changed = BTreeSet::new();
    for change in changes {
        let [before, after] =
            [&change.before, &change.after].map(|value| names::repo(change, value.as_ref()));
        let (before, after) = (before?, after?);
        changed.extend(after.as_ref().or(before.as_ref()).map(|repo| repo.id));
        let was_ordinary = before.is_some_and(|repo| repo.output_of.is_none());
        if let (true, Some(repo)) = (was_ordinary, &after)
            && let Some((pipeline, stage)) = &repo.output_of
        {
            let (pipeline, stage) = (pipeline.parse(), stage.parse());
            let (pipeline, stage) =
                (pipeline.map_err(history::Error::from)?, stage.map_err(history::Error::from)?);
            if !pipeline::is_left_by(facts, store.objects(), repo, &pipeline, &stage)? {
                return Err(Stop::Obstacle(Obstacle::Branches(repo.id)));
            }
        }
    }
    let mut moved = Vec::new();
    let mut pipelines = Vec::new();
    // Those of whose inputs some are not let have any more what they were.
    let mut again = BTreeSet::new();
    for change in changes {
        match (Subject::of(&change.key), &change.after) {
            (Subject::History(Fact::Branch(id, branch)), Some(value)) => {
                let repo = repos.get(&id).ok_or(Stop::Obstacle(Obstacle::Gone(id)))?;
                if history::tags(facts, repo)?.iter().any(|(tag, _)| tag.as_str() == branch.as_str()) {
                    let tag = branch.as_str().parse().map_err(history::Error::from)?;
                    return Err(Stop::Obstacle(Obstacle::Ref(Fact::Tag(id, tag))));
                }
                match (&repo.output_of, history::commit_id(value)) {
                    (None, Some(commit)) => moved.push(trigger::Moved { repo: repo.clone(), branch, commit }),
                    (Some(_), _) if !changed.contains(&id) => {
                        return Err(Error::Output { aim, repo: repo.name.clone() }.into());
                    }
                    _ => {}
                }
            }
            (Subject::History(Fact::Tag(id, tag)), Some(_)) => {
                let repo = repos.get(&id).ok_or(Stop::Obstacle(Obstacle::Gone(id)))?;
                let branch = tag.as_str().parse().map_err(history::Error::from)?;
                if history::head(facts, repo, &branch)?.is_some() {
                    return Err(Stop::Obstacle(Obstacle::Ref(Fact::Branch(id, branch))));
                }
            }
            (Subject::History(Fact::Pin(id, _)), Some(_)) if !repos.contains_key(&id) => {
                return Err(Stop::Obstacle(Obstacle::Gone(id)));
            }
            (Subject::Pipeline(PipelineFact::Pipeline(name)), _) => pipelines.push(name),
            (Subject::Pipeline(PipelineFact::Taken(output, ..)), _) => {
                let made_by = repos.get(&output).and_then(|repo| repo.output_of.as_ref());
                if let Some((pipeline, _)) = made_by {
                    again.insert(pipeline.parse::<PipelineName>().map_err(history::Error::from)?);
                }
            }
            _ => {}
        }
    }
    if !changed.is_empty() || !pipelines.is_empty() {
        submission::check(facts).map_err(|source| Error::Misfit { aim, source })?;
    }
    let mut moves: Moves = Vec::new();
    let already: BTreeSet<_> = moved.iter().map(|moved| (moved.repo.id, moved.branch.clone())).collect();
    moves.push((moved, None));
    again.retain(|name| !pipelines.contains(name));
    for (name, is_again) in
        pipelines.into_iter().map(|name| (name, false)).chain(again.into_iter().map(|name| (name, true)))
    {
        let pipeline = registry::find(facts, &name)?;
        let mut heads =
            pipeline.as_ref().map_or(Ok(Vec::new()), |pipeline| trigger::heads(facts, pipeline))?;
        heads.retain(|head| is_again || !already.contains(&(head.repo.id, head.branch.clone())));
        moves.push((heads, Some((name, pipeline.map(|pipeline| pipeline.spec)))));
    }
    Ok(moves)
}
