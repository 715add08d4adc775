//! New trees become commits, and their branches move to them.

use std::collections::BTreeSet;

use super::error::Error;
use crate::draft::{Draft, Tally};
use crate::history::{self, Author, Repo, Target};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, MAX_MESSAGE, NodeId, ObjectWrite};
use crate::pack::Writer;
use crate::pipeline::trigger::{self, Caused, Runs};
use crate::store::Store;
use crate::tree;

/// How often a change is tried again when other processes move the branch.
const TRIES: usize = 50;

/// A branch as it stands, to be changed.
#[derive(Debug, Clone)]
pub struct Base {
    /// The repo, which a person may write.
    pub repo: Repo,
    /// The branch, which need not exist yet.
    pub branch: BranchName,
    /// Its head.
    pub head: Option<CommitId>,
    /// The head's tree, or the empty one.
    pub tree: NodeId,
}

/// Whether a change that changes nothing is made all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// It is not made.
    Skip,
    /// It is.
    Allow,
}

/// A change that was made, or was not needed.
#[derive(Debug, Clone)]
pub struct Published {
    /// The new commit; `None` when nothing differed.
    pub commit: Option<CommitId>,
    /// The operation that brought it.
    pub operation: Option<u64>,
    /// How its tree differs from the one before.
    pub tally: Tally,
    /// What it caused.
    pub caused: Caused,
    /// What was written, compressed, in bytes.
    pub stored: u64,
}

/// Looks up the branch that is to be changed.
pub fn open(store: &Store, target: &Target, sink: &dyn ObjectWrite) -> Result<Base, Error> {
    let (repo, head) = find(&store.session()?, target)?;
    on_tree(store, target, repo, head, sink)
}

/// Looks up the branches that are to be changed, all at one moment.
pub fn open_all(store: &Store, targets: &[&Target], sink: &dyn ObjectWrite) -> Result<Vec<Base>, Error> {
    let found = find_all(&store.session()?, targets)?;
    on_trees(store, targets, found, sink)
}

/// The repo of a branch, and the branch's head.
type Found = (Repo, Option<CommitId>);

fn find_all(facts: &Session, targets: &[&Target]) -> Result<Vec<Found>, Error> {
    targets.iter().map(|target| find(facts, target)).collect()
}

fn on_trees(
    store: &Store,
    targets: &[&Target],
    found: Vec<Found>,
    sink: &dyn ObjectWrite,
) -> Result<Vec<Base>, Error> {
    let found = targets.iter().zip(found);
    found.map(|(target, (repo, head))| on_tree(store, target, repo, head, sink)).collect()
}

/// The repo, and the head of the branch that is to be changed.
fn find(facts: &Session, target: &Target) -> Result<Found, Error> {
    let repo = history::load_repo(facts, &target.repo)?;
    repo.writable()?;
    let head = history::head(facts, &repo, &target.branch)?;
    if head.is_none() {
        history::check_free(facts, &repo, target.branch.as_str())?;
    }
    Ok((repo, head))
}

fn on_tree(
    store: &Store,
    target: &Target,
    repo: Repo,
    head: Option<CommitId>,
    sink: &dyn ObjectWrite,
) -> Result<Base, Error> {
    let tree = match head {
        Some(head) => history::load(store.objects(), head)?.tree,
        None => tree::empty(sink)?,
    };
    Ok(Base { repo, branch: target.branch.clone(), head, tree })
}

/// An error if a commit cannot hold this message.
pub fn check_message(message: &str) -> Result<(), Error> {
    let len = message.len();
    if len > MAX_MESSAGE { Err(Error::Message { len }) } else { Ok(()) }
}

/// One branch of a change of several: where it stands, and the edits on top of it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The branch.
    pub base: Base,
    /// The edits.
    pub draft: Draft,
}

/// What became of one branch of a change of several.
#[derive(Debug, Clone)]
pub struct Landed {
    /// The branch.
    pub target: Target,
    /// Its new commit; `None` when nothing differed there.
    pub commit: Option<CommitId>,
    /// How its tree differs from the one before.
    pub tally: Tally,
}

/// A change of several branches that was made, or was not needed.
#[derive(Debug, Clone)]
pub struct Together {
    /// The branches, in the order in which they were given.
    pub landed: Vec<Landed>,
    /// The operation that moved them; `None` when nothing differed.
    pub operation: Option<u64>,
    /// What it caused; the jobs are one run.
    pub caused: Caused,
    /// What was written, compressed, in bytes.
    pub stored: u64,
}

/// Makes `draft`, written through `writer` on top of `base`, the new head of the branch. When another process has moved the
/// branch meanwhile, the draft goes on top of that, unless both changed the same path.
pub fn publish(
    store: &Store,
    author: &Author,
    base: Base,
    draft: Draft,
    writer: Writer,
    message: &str,
    empty: Empty,
) -> Result<Published, Error> {
    let together = publish_all(store, author, vec![Part { base, draft }], writer, message, empty)?;
    let Together { landed, operation, caused, stored } = together;
    let (commit, tally) = landed.first().map_or_else(Default::default, |one| (one.commit, one.tally));
    Ok(Published { commit, operation, tally, caused, stored })
}

/// Makes a commit of each part and moves all the branches to them in one operation. A branch for which nothing differs stays.
/// When another process has moved some of them meanwhile, the drafts go on top of that; if one cannot, none is moved. No two
/// parts may be of one branch.
pub fn publish_all(
    store: &Store,
    author: &Author,
    parts: Vec<Part>,
    writer: Writer,
    message: &str,
    empty: Empty,
) -> Result<Together, Error> {
    check_message(message)?;
    let (mut parts, mut writer, mut stored) = (parts, writer, 0);
    let targets: Vec<Target> = parts.iter().map(|part| part.base.target()).collect();
    let targets: Vec<&Target> = targets.iter().collect();
    for _ in 0..TRIES {
        let (mut landed, mut steps) = (Vec::new(), Vec::new());
        for Part { base, draft } in &mut parts {
            draft.rebase(base.tree);
            let (tree, tally) = draft.finish(&writer)?;
            landed.push(Landed { target: base.target(), commit: None, tally });
            if !tally.is_empty() || empty == Empty::Allow {
                let parents = base.head.into_iter().collect();
                let record = history::Draft { parents, tree, message: message.to_owned(), provenance: None };
                steps.push((&*base, record));
            }
        }
        if steps.is_empty() {
            return Ok(Together { landed, operation: None, caused: Caused::default(), stored });
        }
        let (came, written) = advance_all(store, author, (steps, &targets), writer, Batch::default())?;
        stored += written;
        let found = match came {
            Came::Overtaken(found) => found,
            Came::Moved(Moved { commits, operation, caused }) => {
                let differs = |one: &&mut Landed| !one.tally.is_empty() || empty == Empty::Allow;
                for (one, commit) in landed.iter_mut().filter(differs).zip(commits) {
                    one.commit = Some(commit);
                }
                return Ok(Together { landed, operation: Some(operation), caused, stored });
            }
        };
        writer = store.writer();
        let now = on_trees(store, &targets, found, &writer)?;
        for (part, now) in parts.iter_mut().zip(now) {
            part.follow(now, &writer)?;
        }
    }
    Err(Error::Contended { targets: targets.into_iter().cloned().collect() })
}

impl Base {
    /// The branch by its name.
    fn target(&self) -> Target {
        Target { repo: self.repo.name.clone(), branch: self.branch.clone() }
    }
}

impl Part {
    /// Goes on from the branch as it is now, where others may have moved it, and fails if the edits cannot go on top of that.
    fn follow(&mut self, now: Base, sink: &dyn ObjectWrite) -> Result<(), Error> {
        let target = self.base.target();
        if self.base.head.is_some() && now.head.is_none() {
            return Err(Error::Deleted { target });
        }
        let paths = self.draft.meeting(sink, now.tree)?;
        if !paths.is_empty() {
            return Err(Error::Conflict { target, paths });
        }
        self.base = now;
        Ok(())
    }
}

/// A branch that has a new commit.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// The commit.
    pub commit: CommitId,
    /// The operation that brought it.
    pub operation: u64,
    /// What it caused.
    pub caused: Caused,
}

/// Writes a commit and makes it the head of the branch, if that is still where `base` says and `with` holds, which is applied
/// with it; `None` if another process was faster. Also returns what was written, compressed, in bytes.
pub fn advance(
    store: &Store,
    author: &Author,
    base: &Base,
    record: history::Draft,
    writer: Writer,
    with: Batch,
) -> Result<(Option<Advanced>, u64), Error> {
    let (came, stored) = advance_all(store, author, (vec![(base, record)], &[]), writer, with)?;
    let advanced = match came {
        Came::Moved(Moved { commits, operation, caused }) => {
            commits.first().map(|commit| Advanced { commit: *commit, operation, caused })
        }
        Came::Overtaken(_) => None,
    };
    Ok((advanced, stored))
}

/// Branches that have new commits.
struct Moved {
    commits: Vec<CommitId>,
    operation: u64,
    caused: Caused,
}

/// What came of it.
enum Came {
    Moved(Moved),
    /// Others were faster; where the branches stand that were asked about.
    Overtaken(Vec<Found>),
}

/// Like [`advance`], for several branches, all or none. If others were faster, it is told where the branches `asked` stand, as the same session
/// saw it.
fn advance_all(
    store: &Store,
    author: &Author,
    (steps, asked): (Vec<(&Base, history::Draft)>, &[&Target]),
    writer: Writer,
    with: Batch,
) -> Result<(Came, u64), Error> {
    let origin = author.now();
    let mut moved = Vec::new();
    let mut brought = Vec::new();
    for (base, record) in steps {
        // That the first is the head is seen when it moves.
        brought.extend(record.parents.iter().skip(1).map(|parent| (base.repo.clone(), *parent)));
        let (commit, _) = history::write(&writer, record, &origin)?;
        moved.push((base, commit));
    }
    let stored = writer.finish()?.stored;
    let mut facts = store.session()?;
    for (repo, parent) in brought {
        history::check_current(&facts, store.objects(), &repo, parent)?;
    }
    let mut batch = with;
    // Two new branches of a repo may come to the same commit, which is recorded once.
    let mut recorded = BTreeSet::new();
    for (base, commit) in &moved {
        history::hold(&mut batch, &base.repo)?;
        history::check_quota(&facts, store.objects(), &base.repo, &base.branch, base.head, *commit)?;
        history::move_head(&mut batch, &base.repo, &base.branch, base.head, Some(*commit));
        if recorded.insert((base.repo.id, *commit)) {
            history::record_commit(&mut batch, &base.repo, commit);
        }
    }
    let to = |(base, commit): &(&Base, CommitId)| trigger::Moved {
        repo: base.repo.clone(),
        branch: base.branch.clone(),
        commit: *commit,
    };
    let all: Vec<trigger::Moved> = moved.iter().map(to).collect();
    let caused = trigger::cause(store, &facts, &mut batch, &all, Runs::One, &origin)?;
    if let Outcome::Done { number } = facts.commit(&origin, &batch)? {
        let commits = moved.into_iter().map(|(_, commit)| commit).collect();
        return Ok((Came::Moved(Moved { commits, operation: number, caused }), stored));
    }
    for (base, _) in moved {
        history::check_held(&facts, &base.repo)?;
    }
    Ok((Came::Overtaken(find_all(&facts, asked)?), stored))
}
