//! Doing it: merge, commit, and again if the branch has moved meanwhile.

use std::collections::BTreeMap;

use super::chosen::Chosen;
use super::error::Error;
use super::message::message;
use super::open::{self, Finishing};
use super::record::Made;
use super::resolve::edits_of;
use super::sides::{Action, Bench, Ends, FastForward, Request, Sides, apply};
use crate::change::{self, Advanced, Base, Changed};
use crate::draft::{Draft, Tally};
use crate::history::{self, Author, DEFAULT_BRANCH, Target};
use crate::merge::{Conflict, Edits, Followed, Merged, Parted, Strategy};
use crate::meta::Batch;
use crate::object::{CommitId, NodeId, ObjectRead, TreePath};
use crate::pipeline::trigger::Caused;
use crate::snapshot::Snapshot;
use crate::store::Store;

/// How often it is tried again when other processes move the branch.
const TRIES: usize = 50;

/// What happens when the sides do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// The merge is kept open.
    Keep,
    /// Nothing is kept.
    Fail,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrated {
    /// The branch has it already.
    Nothing,
    /// The branch was moved.
    Forwarded,
    /// The branch has a new commit.
    Made,
    /// The sides do not go together. The branch is where it was.
    Conflicted,
}

/// What came of bringing changes onto a branch.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What.
    pub came: Integrated,
    /// The branch's head now.
    pub commit: CommitId,
    /// What was brought together; `None` where the branch was just moved or stays.
    pub ends: Option<Ends>,
    /// The operation that did it or keeps the merge open.
    pub operation: Option<u64>,
    /// How the branch's files differ from before; with conflicts, what goes together.
    pub tally: Tally,
    /// What strategies settled, by path.
    pub settled: Vec<(TreePath, Strategy)>,
    /// The renamed files whose changes went to their new names, by their old ones.
    pub followed: Vec<Followed>,
    /// The files to which the sides gave different names, by their old ones.
    pub parted: Vec<Parted>,
    /// What is left to a person, by path.
    pub conflicts: Vec<Conflict>,
    /// What it caused.
    pub caused: Caused,
}

/// What is to be done to a branch, found out without changing anything.
pub(super) enum Planned {
    Nothing,
    Forward,
    Combined(Box<Combined>),
}

/// Two sides, brought together as far as they go.
pub(super) struct Combined {
    pub(super) sides: Sides,
    pub(super) edits: Edits,
    pub(super) settled: Vec<(TreePath, Strategy)>,
    pub(super) followed: Vec<Followed>,
    pub(super) parted: Vec<Parted>,
    /// All conflicts, those for which something was chosen too.
    pub(super) conflicts: Vec<Conflict>,
    /// What was chosen for conflicts, as far as it counts.
    pub(super) chosen: BTreeMap<TreePath, Made>,
    pub(super) left: Vec<Conflict>,
}

/// Finds out what `request` means for a branch whose head is `head`.
pub(super) fn plan(
    bench: &Bench<'_>,
    target: &Target,
    head: CommitId,
    request: &Request,
    chosen: &Chosen<'_>,
) -> Result<Planned, Error> {
    let forward =
        if let Action::Merge { forward, .. } = request.action { forward } else { FastForward::Never };
    let mut bases = Vec::new();
    if let Some(theirs) = request.action.merged() {
        bases = history::merge_bases(bench.sink, &[head], &[theirs])?;
        match bases.as_slice() {
            [base] if *base == theirs => return Ok(Planned::Nothing),
            [base] if *base == head && forward != FastForward::Never => return Ok(Planned::Forward),
            _ if forward == FastForward::Only => {
                let theirs = request.manner.labels.theirs.clone();
                return Err(Error::NotForward { target: target.clone(), theirs });
            }
            _ => {}
        }
    }
    let sides = bench.sides(head, bases, request)?;
    let Merged { mut edits, conflicts, settled, followed, parted } = bench.merge(&sides, &request.manner)?;
    let chosen = chosen.among(bench.sink, &conflicts, &sides)?;
    let mut left = Vec::new();
    for conflict in &conflicts {
        match chosen.get(&conflict.clash.path) {
            Some(made) => edits.extend(edits_of(bench.sink, sides.trees, conflict, &made.choice)?),
            None => left.push(conflict.clone()),
        }
    }
    let combined = Combined { sides, edits, settled, followed, parted, conflicts, chosen, left };
    Ok(Planned::Combined(Box::new(combined)))
}

/// Brings changes onto a branch, unless that would overwrite `local` changes to the files of a workspace.
pub fn integrate(
    store: &Store,
    author: &Author,
    target: &Target,
    request: &Request,
    on_conflict: OnConflict,
    local: Option<&Draft>,
) -> Result<Outcome, Error> {
    change::check_message(&request.message)?;
    Work { store, author, target, request, on_conflict, local, finishing: None }.run()
}

/// Finishes the open merge: what was chosen goes on top of whatever the branch holds now. Conflicts for which nothing was chosen,
/// or that are other ones by now, keep it open.
pub fn finish(
    store: &Store,
    author: &Author,
    target: &Target,
    message: Option<String>,
    local: Option<&Draft>,
) -> Result<Outcome, Error> {
    let finishing = open::load_finishing(store, target)?;
    let mut request = finishing.request.clone();
    if let Some(message) = message {
        request.message = message;
    }
    change::check_message(&request.message)?;
    let finishing = Some(&finishing);
    Work { store, author, target, request: &request, on_conflict: OnConflict::Keep, local, finishing }.run()
}

struct Work<'a> {
    store: &'a Store,
    author: &'a Author,
    target: &'a Target,
    request: &'a Request,
    on_conflict: OnConflict,
    local: Option<&'a Draft>,
    finishing: Option<&'a Finishing>,
}

impl Work<'_> {
    fn run(&self) -> Result<Outcome, Error> {
        let chosen = Chosen::of(self.finishing);
        for _ in 0..TRIES {
            let writer = self.store.writer();
            let base = change::open(self.store, self.target, &writer)?;
            if self.finishing.is_none() {
                open::check_none(self.store, &base.repo, self.target)?;
            }
            let Some(head) = base.head else { return self.begin(&base) };
            let bench = Bench { sink: &writer, tmp: self.store.tmp() };
            let combined = match plan(&bench, self.target, head, self.request, &chosen)? {
                Planned::Nothing => return self.nothing(head),
                Planned::Forward => return self.forward(&base, head),
                Planned::Combined(combined) => *combined,
            };
            let Combined { sides, edits, settled, followed, parted, conflicts, chosen, left } = combined;
            let (tree, tally) = apply(&writer, sides.trees.ours, edits)?;
            let outcome = |came, commit, operation, caused| Outcome {
                came,
                commit,
                ends: Some(sides.ends.clone()),
                operation,
                tally,
                settled: settled.clone(),
                followed: followed.clone(),
                parted: parted.clone(),
                conflicts: left.clone(),
                caused,
            };
            if !left.is_empty() {
                let operation = self.keep(&base, &sides.ends, &conflicts, chosen, writer)?;
                return Ok(outcome(Integrated::Conflicted, head, operation, Caused::default()));
            }
            let is_merge = matches!(self.request.action, Action::Merge { .. });
            if tally.is_empty() && !is_merge {
                return self.nothing(head);
            }
            self.check_local(&writer, tree)?;
            let parents = if is_merge { vec![head, self.request.action.commit()] } else { vec![head] };
            let message = message(&self.request.message, &settled, &chosen);
            let record = history::Draft { parents, tree, message, provenance: None };
            let (advanced, _) =
                change::advance(self.store, self.author, &base, record, writer, self.closing())?;
            if let Some(Advanced { commit, operation, caused }) = advanced {
                return Ok(outcome(Integrated::Made, commit, Some(operation), caused));
            }
            self.check_kept()?;
        }
        Err(Error::Contended { target: self.target.clone() })
    }

    /// An error if local changes could not stand beside what the branch will hold.
    fn check_local(&self, objects: &dyn ObjectRead, tree: NodeId) -> Result<(), Error> {
        let paths = self.local.map_or_else(|| Ok(Vec::new()), |local| local.meeting(objects, tree))?;
        if paths.is_empty() { Ok(()) } else { Err(Error::WouldOverwrite { paths }) }
    }

    /// What closes the open merge, if this finishes one.
    fn closing(&self) -> Batch {
        let close =
            |finishing: &Finishing| open::closing(&finishing.repo, self.target, finishing.bytes.clone());
        self.finishing.map_or_else(Batch::default, close)
    }

    /// An error if the merge that this finishes is another one by now.
    fn check_kept(&self) -> Result<(), Error> {
        match self.finishing {
            Some(finishing) if open::load_finishing(self.store, self.target)?.bytes != finishing.bytes => {
                Err(Error::Raced { target: self.target.clone() })
            }
            _ => Ok(()),
        }
    }

    fn keep(
        &self,
        base: &Base,
        ends: &Ends,
        conflicts: &[Conflict],
        choices: BTreeMap<TreePath, Made>,
        writer: crate::pack::Writer,
    ) -> Result<Option<u64>, Error> {
        if self.on_conflict == OnConflict::Fail {
            return Ok(None);
        }
        let before = self.finishing.map(|finishing| finishing.bytes.clone());
        let kept = open::Kept {
            repo: &base.repo,
            target: self.target,
            request: self.request,
            ends,
            conflicts,
            choices,
        };
        open::save(self.store, self.author, &kept, before, writer)
    }

    fn nothing(&self, head: CommitId) -> Result<Outcome, Error> {
        let operation = match self.finishing {
            Some(_) => Some(open::abort(self.store, self.author, self.target)?.operation),
            None => None,
        };
        Ok(Outcome { operation, ..unchanged(Integrated::Nothing, head) })
    }

    /// The branch has no commit: it begins with what is merged.
    fn begin(&self, base: &Base) -> Result<Outcome, Error> {
        let theirs = first_of(self.store, base, self.request, self.finishing)?;
        let objects: &dyn ObjectRead = self.store.objects();
        let tree = history::load_whole(objects, theirs)?.tree;
        self.check_local(objects, tree)?;
        let added = Snapshot::new(objects, tree).totals(None)?.count;
        self.move_to(base, None, theirs, Tally { added, ..Tally::default() })
    }

    fn forward(&self, base: &Base, head: CommitId) -> Result<Outcome, Error> {
        let theirs = self.request.action.commit();
        let objects: &dyn ObjectRead = self.store.objects();
        self.check_local(objects, history::load_whole(objects, theirs)?.tree)?;
        let tally = tally(objects, base, theirs)?;
        self.move_to(base, Some(head), theirs, tally)
    }

    fn move_to(
        &self,
        base: &Base,
        head: Option<CommitId>,
        theirs: CommitId,
        tally: Tally,
    ) -> Result<Outcome, Error> {
        let moved =
            change::move_branch(self.store, self.author, &base.repo, &base.branch, head, Some(theirs))?;
        let Changed { operation, caused, .. } = moved;
        Ok(Outcome { operation: Some(operation), tally, caused, ..unchanged(Integrated::Forwarded, theirs) })
    }
}

/// With what a branch without a commit begins: only the default branch does, and only with a merge that is not finished but made.
/// Any other name is likely a mistake.
pub(super) fn first_of(
    store: &Store,
    base: &Base,
    request: &Request,
    finishing: Option<&Finishing>,
) -> Result<CommitId, Error> {
    match request.action {
        Action::Merge { theirs, .. } if base.branch.as_str() == DEFAULT_BRANCH && finishing.is_none() => {
            Ok(theirs)
        }
        _ => Ok(history::load_head(&store.session()?, &base.repo, &base.branch)?),
    }
}

/// How the files of `theirs` differ from those of the branch.
pub(super) fn tally(objects: &dyn ObjectRead, base: &Base, theirs: CommitId) -> Result<Tally, Error> {
    let after = history::load_whole(objects, theirs)?.tree;
    let mut tally = Tally::default();
    for change in Snapshot::new(objects, base.tree).diff(&Snapshot::new(objects, after), "") {
        let change = change?;
        tally.count(change.before.as_ref(), change.after.as_ref());
    }
    Ok(tally)
}

pub(super) fn unchanged(came: Integrated, commit: CommitId) -> Outcome {
    Outcome {
        came,
        commit,
        ends: None,
        operation: None,
        tally: Tally::default(),
        settled: Vec::new(),
        followed: Vec::new(),
        parted: Vec::new(),
        conflicts: Vec::new(),
        caused: Caused::default(),
    }
}
