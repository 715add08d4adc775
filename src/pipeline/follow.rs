//! Branches that follow others of their repo when a trigger lets them.
//!
//! A branch that follows is moved forward only, to where the other stands: what was committed to it itself stays in the way until it is
//! merged. It moves in the batch in which the other does, so that what both trigger is one run.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::condition::{Condition, News, Verdict};
use super::error::Error;
use super::trigger::Moved;
use crate::history::{self, Author, Repo, Target};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, ObjectRead, codec};
use crate::store::Store;

pub(super) const FOLLOWS: &[u8] = b"follow/";
pub(super) const REACHED: &[u8] = b"reached/";
const VERSION: u8 = 1;

/// A branch that follows another of its repo.
#[derive(Debug, Clone)]
pub struct Follow {
    /// The branch.
    pub branch: BranchName,
    /// The branch that it follows.
    pub source: BranchName,
    /// When it moves.
    pub when: Condition,
    /// When it moved last, or began to follow, in milliseconds since 1970.
    pub since: i64,
    /// The commit to which it moved last.
    pub reached: Option<CommitId>,
}

/// The fact as it is kept.
#[derive(Serialize, Deserialize)]
struct Record {
    source: String,
    /// The condition, as JSON.
    when: String,
    since: i64,
}

/// How a branch stands that follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is where the other is, or the other is not there.
    Level,
    /// It will move when its trigger lets it; at this time (milliseconds since 1970), if that is known.
    Waits(Option<i64>),
    /// It is let, and moves when `vds run` looks.
    Due,
    /// It moved there, and was taken back. It waits until more comes.
    Held,
    /// Commits of its own are in the way.
    Diverged,
}

fn of_repo(repo: u64) -> Vec<u8> {
    [FOLLOWS, &repo.to_be_bytes()[..]].concat()
}

fn key(repo: u64, branch: &BranchName) -> Vec<u8> {
    [of_repo(repo), branch.as_str().as_bytes().to_vec()].concat()
}

/// Where it lies to which commit a branch moved last. Going back leaves it.
fn reached_key(repo: u64, branch: &BranchName) -> Vec<u8> {
    [REACHED, &repo.to_be_bytes()[..], branch.as_str().as_bytes()].concat()
}

fn malformed(source: codec::Error) -> Error {
    Error::Record { what: "a branch that follows another", source }
}

impl Follow {
    fn read(branch: &[u8], bytes: &[u8]) -> Result<Self, Error> {
        let Record { source, when, since } = codec::decode(VERSION, bytes).map_err(malformed)?;
        Ok(Self {
            branch: String::from_utf8_lossy(branch).parse().map_err(history::Error::from)?,
            source: source.parse().map_err(history::Error::from)?,
            when: serde_json::from_str(&when).map_err(|_| malformed(codec::Error::Empty))?,
            since,
            reached: None,
        })
    }

    fn write(&self, facts: &Session, batch: &mut Batch, repo: &Repo) -> Result<(), Error> {
        let Self { source, when, since, .. } = self;
        let when = serde_json::to_string(when).unwrap_or_default();
        let record = Record { source: source.to_string(), when, since: *since };
        let key = key(repo.id, &self.branch);
        batch
            .expect(key.clone(), facts.get(&key)?)
            .put(key, codec::encode(VERSION, &record).map_err(malformed)?);
        Ok(())
    }

    /// How it stands, the branch at `head` and the other at `source`.
    pub fn standing(
        &self,
        objects: &dyn ObjectRead,
        head: Option<CommitId>,
        source: Option<CommitId>,
        now: i64,
    ) -> Result<Standing, Error> {
        let Some(source) = source.filter(|source| head != Some(*source)) else { return Ok(Standing::Level) };
        if let Some(head) = head
            && !history::is_ancestor(objects, head, source)?
        {
            let is_ahead = history::is_ancestor(objects, source, head)?;
            return Ok(if is_ahead { Standing::Level } else { Standing::Diverged });
        }
        if self.reached == Some(source) {
            return Ok(Standing::Held);
        }
        let news = News { objects, taken: head, head: source, glob: None, since: self.since, now };
        Ok(match news.judge(&self.when)? {
            Verdict::Holds => Standing::Due,
            Verdict::Not(next) => Standing::Waits(next),
        })
    }

    /// That it cannot go on.
    fn stopped(&self, repo: &Repo) -> Stopped {
        let at = |branch: &BranchName| Target { repo: repo.name.clone(), branch: branch.clone() };
        Stopped { branch: at(&self.branch), source: at(&self.source) }
    }

    /// Adds to `batch` that it moves from `head` to `to`.
    pub(super) fn advance(
        &self,
        facts: &Session,
        batch: &mut Batch,
        repo: &Repo,
        [head, to]: [Option<CommitId>; 2],
        now: i64,
    ) -> Result<(), Error> {
        if head.is_none() {
            history::check_free(facts, repo, self.branch.as_str())?;
        }
        history::move_head(batch, repo, &self.branch, head, to);
        if let Some(to) = to {
            batch.put(reached_key(repo.id, &self.branch), to.digest().as_bytes().to_vec());
        }
        Self { since: now, ..self.clone() }.write(facts, batch, repo)
    }
}

/// What a branch follows and when, for people, from the fact's value.
pub fn read(bytes: &[u8]) -> Result<String, Error> {
    let Follow { source, when, .. } = Follow::read(b"main", bytes)?;
    Ok(format!("{source}, {when}"))
}

/// The branches of the repo that follow others, by name.
pub fn list(facts: &Session, repo: &Repo) -> Result<Vec<Follow>, Error> {
    let prefix = of_repo(repo.id);
    let mut raw = Vec::new();
    facts.scan(&prefix, &mut |key, value| {
        raw.push((key.get(prefix.len()..).unwrap_or_default().to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    let follow = |(branch, value): (Vec<u8>, Vec<u8>)| {
        let follow = Follow::read(&branch, &value)?;
        let reached = facts.get(&reached_key(repo.id, &follow.branch))?;
        Ok(Follow { reached: reached.as_deref().and_then(history::commit_id), ..follow })
    };
    raw.into_iter().map(follow).collect()
}

/// Whether any branch of the store follows another.
pub(super) fn is_any(facts: &Session) -> Result<bool, Error> {
    let mut found = false;
    facts.scan(FOLLOWS, &mut |_, _| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// These branches and those that follow them now, whose moves are added to `batch`; and those that would follow and cannot.
pub(super) fn followed(
    facts: &Session,
    objects: &dyn ObjectRead,
    batch: &mut Batch,
    moved: &[Moved],
    now: i64,
) -> Result<(Vec<Moved>, Vec<Stopped>), Error> {
    let mut all = moved.to_vec();
    let mut stopped = Vec::new();
    let mut follows: BTreeMap<u64, Vec<Follow>> = BTreeMap::new();
    let mut left: VecDeque<Moved> = moved.iter().cloned().collect();
    while let Some(Moved { repo, branch, commit }) = left.pop_front() {
        if let std::collections::btree_map::Entry::Vacant(vacant) = follows.entry(repo.id) {
            vacant.insert(list(facts, &repo)?);
        }
        for follow in follows.get(&repo.id).into_iter().flatten().filter(|follow| follow.source == branch) {
            let is_moved = |moved: &Moved| moved.repo.id == repo.id && moved.branch == follow.branch;
            if all.iter().any(is_moved) {
                continue;
            }
            let head = history::head(facts, &repo, &follow.branch)?;
            match follow.standing(objects, head, Some(commit), now)? {
                Standing::Due => {
                    follow.advance(facts, batch, &repo, [head, Some(commit)], now)?;
                    let next = Moved { repo: repo.clone(), branch: follow.branch.clone(), commit };
                    all.push(next.clone());
                    left.push_back(next);
                }
                Standing::Diverged => stopped.push(follow.stopped(&repo)),
                Standing::Level | Standing::Waits(_) | Standing::Held => {}
            }
        }
    }
    // Who moves a branch that follows puts it in its own way, though it may only be ahead yet.
    for Moved { repo, branch, commit } in moved {
        let of_repo = follows.get(&repo.id).into_iter().flatten();
        for follow in of_repo.filter(|follow| follow.branch == *branch) {
            let is_source = |moved: &&Moved| moved.repo.id == repo.id && moved.branch == follow.source;
            let source = match all.iter().find(is_source) {
                Some(moved) => Some(moved.commit),
                None => history::head(facts, repo, &follow.source)?,
            };
            if let Some(source) = source
                && !history::is_ancestor(objects, *commit, source)?
            {
                stopped.push(follow.stopped(repo));
            }
        }
    }
    Ok((all, stopped))
}

/// A branch that follows another and cannot go on, since it has commits that the other has not.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// The branch.
    pub branch: Target,
    /// The branch that it follows.
    pub source: Target,
}

/// The branches of the store that cannot go on.
pub fn stopped(store: &Store) -> Result<Vec<Stopped>, Error> {
    let mut follows = Vec::new();
    {
        let facts = store.session()?;
        if !is_any(&facts)? {
            return Ok(Vec::new());
        }
        for repo in history::list(&facts)? {
            for follow in list(&facts, &repo)? {
                let head = history::head(&facts, &repo, &follow.branch)?;
                let source = history::head(&facts, &repo, &follow.source)?;
                follows.push((follow.stopped(&repo), head, source));
            }
        }
    }
    let mut stopped = Vec::new();
    for (follow, head, source) in follows {
        if let (Some(head), Some(source)) = (head, source)
            && !history::is_ancestor(store.objects(), head, source)?
            && !history::is_ancestor(store.objects(), source, head)?
        {
            stopped.push(follow);
        }
    }
    Ok(stopped)
}

/// Lets the branch follow another of its repo from now on, in place of what it followed before. It need not be there yet. The number
/// of the operation.
pub fn follow(
    store: &Store,
    author: &Author,
    target: &Target,
    source: BranchName,
    when: Condition,
) -> Result<u64, Error> {
    let origin = author.now();
    let follow = Follow { branch: target.branch.clone(), source, when, since: origin.time, reached: None };
    change(store, author, target, |facts, batch, repo| put(facts, batch, repo, &follow))
}

/// Adds to `batch` that the branch follows another.
pub fn put(facts: &Session, batch: &mut Batch, repo: &Repo, follow: &Follow) -> Result<(), Error> {
    check_circle(&list(facts, repo)?, follow)?;
    if history::head(facts, repo, &follow.branch)?.is_none() {
        history::check_free(facts, repo, follow.branch.as_str())?;
    }
    forget_reached(facts, batch, repo, &follow.branch)?;
    follow.write(facts, batch, repo)
}

fn forget_reached(facts: &Session, batch: &mut Batch, repo: &Repo, branch: &BranchName) -> Result<(), Error> {
    let key = reached_key(repo.id, branch);
    if facts.get(&key)?.is_some() {
        batch.remove(key);
    }
    Ok(())
}

/// Lets the branch follow none from now on. The number of the operation.
pub fn unfollow(store: &Store, author: &Author, target: &Target) -> Result<u64, Error> {
    change(store, author, target, |facts, batch, repo| {
        if !remove(facts, batch, repo, &target.branch)? {
            return Err(Error::FollowsNone { branch: target.to_string() });
        }
        Ok(())
    })
}

fn change(
    store: &Store,
    author: &Author,
    target: &Target,
    make: impl FnOnce(&Session, &mut Batch, &Repo) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    repo.writable()?;
    let mut batch = Batch::default();
    history::hold(&mut batch, &repo)?;
    make(&facts, &mut batch, &repo)?;
    match facts.commit(&author.now(), &batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => Err(Error::Raced { verb: "change what the branch follows" }),
    }
}

/// Adds to `batch` that the branch follows none. False if it does not do so anyway.
pub fn remove(facts: &Session, batch: &mut Batch, repo: &Repo, branch: &BranchName) -> Result<bool, Error> {
    let key = key(repo.id, branch);
    let Some(before) = facts.get(&key)? else { return Ok(false) };
    batch.expect(key.clone(), Some(before)).remove(key);
    forget_reached(facts, batch, repo, branch)?;
    Ok(true)
}

/// Adds to `batch` what follows from a branch having another name: it follows as before, and is followed as before.
pub fn rename(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    from: &BranchName,
    to: &BranchName,
) -> Result<(), Error> {
    for follow in list(facts, repo)? {
        if follow.branch != *from && follow.source != *from {
            continue;
        }
        let renamed = |name: &BranchName| if name == from { to.clone() } else { name.clone() };
        let after =
            Follow { branch: renamed(&follow.branch), source: renamed(&follow.source), ..follow.clone() };
        if after.branch != follow.branch {
            remove(facts, batch, repo, &follow.branch)?;
        }
        after.write(facts, batch, repo)?;
    }
    Ok(())
}

/// Adds to `batch` that no branch of the repo follows another, which is to be deleted.
pub fn remove_all(facts: &Session, batch: &mut Batch, repo: &Repo) -> Result<(), Error> {
    for follow in list(facts, repo)? {
        remove(facts, batch, repo, &follow.branch)?;
    }
    Ok(())
}

/// An error if a branch would come to follow itself.
fn check_circle(follows: &[Follow], new: &Follow) -> Result<(), Error> {
    let mut at = &new.source;
    // Each step is to another branch, or else the circle was there before.
    for _ in 0..=follows.len() {
        if *at == new.branch {
            return Err(Error::FollowsItself {
                branch: new.branch.clone(),
                source_branch: new.source.clone(),
            });
        }
        match follows.iter().find(|follow| follow.branch == *at) {
            Some(follow) => at = &follow.source,
            None => break,
        }
    }
    Ok(())
}
