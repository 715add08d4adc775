//! From a revision as it is written to the commit it means.

use chrono::Local;

use super::kept::kept_since;
use super::revision::{Base, Location, Revision, Step};
use super::{DEFAULT_BRANCH, Error, Repo, branch, commit, index, keys, purged, remote, repo, tag, when};
use crate::ledger::{Operation, Session};
use crate::object::{BranchName, CommitId, ObjectRead, TreePath};

/// The fewest digits that may stand for a commit id.
const MIN_DIGITS: usize = 4;

/// How many candidates an ambiguous prefix is answered with.
const CANDIDATES: usize = 5;

/// What a location turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The repo.
    pub repo: Repo,
    /// The commit.
    pub commit: CommitId,
    /// The branch, when the revision was a branch's name alone.
    pub branch: Option<BranchName>,
    /// The path that was named.
    pub path: Option<TreePath>,
}

/// Finds what `location` means in this session, which is let go for long searches.
pub fn resolve(facts: Session, objects: &dyn ObjectRead, location: &Location) -> Result<Resolved, Error> {
    let repo = repo::load(&facts, &location.repo)?;
    let base = match &location.rev.base {
        Base::Name(name) => find_name(&facts, objects, &repo, name)?,
        Base::At { branch, time } => earlier(facts, &repo, branch, &Earlier::At(time))?,
        Base::Before { branch, moves } => earlier(facts, &repo, branch, &Earlier::Before(*moves))?,
    };
    let commit = walk(objects, &repo, base, &location.rev)?;
    let branch = match &location.rev {
        Revision { base: Base::Name(name), steps } if steps.is_empty() => name.parse().ok(),
        _ => None,
    };
    Ok(Resolved { repo, commit, branch, path: location.path.clone() })
}

/// Like [`resolve`], but a repo without any commit on the default branch is `None` rather than an error.
pub fn resolve_optional(
    facts: Session,
    objects: &dyn ObjectRead,
    location: &Location,
) -> Result<Option<Resolved>, Error> {
    match resolve(facts, objects, location) {
        Ok(resolved) => Ok(Some(resolved)),
        Err(Error::NoCommits { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn find_name(facts: &Session, objects: &dyn ObjectRead, repo: &Repo, name: &str) -> Result<CommitId, Error> {
    if let Ok(branch) = name.parse()
        && let Some(id) = branch::head(facts, repo, &branch)?
    {
        return Ok(id);
    }
    let tags = tag::list(facts, repo)?;
    if let Some((_, id)) = tags.iter().find(|(tag, _)| tag.as_str() == name) {
        return Ok(*id);
    }
    if let Some(id) = find_digits(facts, repo, name)? {
        return Ok(id);
    }
    if let Ok(seen) = name.parse()
        && let Some(id) = remote::find(facts, repo, &seen)?
    {
        return Ok(id);
    }
    check_rewritten(facts, objects, repo, name)?;
    if name == DEFAULT_BRANCH {
        let branches = branch::branches(facts, repo)?.into_iter().map(|(branch, _)| branch.to_string());
        let branches = branches.take(CANDIDATES).collect();
        return Err(Error::NoCommits { repo: repo.name.clone(), branch: name.to_owned(), branches });
    }
    let branches = branch::branches(facts, repo)?.into_iter().map(|(branch, _)| branch.to_string());
    let seen = remote::list(facts, repo)?.into_iter().map(|(branch, _)| branch.to_string());
    let names = branches.chain(tags.into_iter().map(|(tag, _)| tag.to_string())).chain(seen);
    Err(Error::UnknownRevision {
        repo: repo.name.clone(),
        rev: name.to_owned(),
        nearest: nearest(name, names),
    })
}

/// Whether this may be the beginning of a commit's id.
fn is_plausible(digits: &str) -> bool {
    (MIN_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An error if a commit of the repo began with these digits, and a purge wrote it anew.
fn check_rewritten(
    facts: &Session,
    objects: &dyn ObjectRead,
    repo: &Repo,
    digits: &str,
) -> Result<(), Error> {
    if !is_plausible(digits) {
        return Ok(());
    }
    for purged::Rewritten { old, new, time } in purged::purges(facts)?.find(objects, digits, CANDIDATES)? {
        if index::has_commit(facts, repo, &new)? {
            return Err(Error::Rewritten { repo: repo.name.clone(), old, new, time });
        }
    }
    Ok(())
}

fn find_digits(facts: &Session, repo: &Repo, digits: &str) -> Result<Option<CommitId>, Error> {
    if !is_plausible(digits) {
        return Ok(None);
    }
    let found = index::find_by_prefix(facts, repo, digits, CANDIDATES)?;
    match found.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        several => Err(Error::Ambiguous {
            repo: repo.name.clone(),
            rev: digits.to_owned(),
            candidates: several.iter().map(|id| format!("{id:.16}")).collect(),
        }),
    }
}

/// An earlier place of a branch.
enum Earlier<'a> {
    /// That at a time.
    At(&'a str),
    /// That so many moves ago.
    Before(u32),
}

/// Where the branch stood then. The operations are read backwards, without the session: the journal may be long, and others
/// need not wait for it.
fn earlier(facts: Session, repo: &Repo, branch: &str, earlier: &Earlier<'_>) -> Result<CommitId, Error> {
    let name: BranchName = branch.parse()?;
    let branches = branch::branches(&facts, repo)?;
    let (operations, since) = (facts.operations(), kept_since(&facts)?);
    drop(facts);
    let key = keys::branch(repo.id, &name);
    let moves = operations.filter_map(|operation| match operation {
        Err(error) => Some(Err(Error::from(error))),
        Ok(Operation { number, origin, changes }) => {
            let change = changes.into_iter().find(|change| change.key == key)?;
            let to = change.after.as_deref().and_then(branch::commit_id);
            Some(Ok(Move { number, time: origin.time, to }))
        }
    });
    // Where it stood until an operation that is given up may be gone.
    let mut until = u64::MAX;
    let moves = moves.map(|step| {
        let step = step?;
        if until < since {
            return Err(Error::Collected { repo: repo.name.clone(), branch: branch.to_owned() });
        }
        until = step.number;
        Ok(step)
    });
    let mut moves = moves.peekable();
    if moves.peek().is_none() {
        let names = branches.into_iter().map(|(branch, _)| branch.to_string());
        return Err(branch::unknown(repo, "branch", branch, names));
    }
    match earlier {
        Earlier::At(time) => find_at(moves, repo, branch, time),
        Earlier::Before(count) => find_before(moves, repo, branch, *count),
    }
}

/// When a branch came to where, or that it was deleted.
struct Move {
    number: u64,
    time: i64,
    to: Option<CommitId>,
}

/// Where the branch stood at `time`: the newest move up to then says so.
fn find_at(
    moves: impl Iterator<Item = Result<Move, Error>>,
    repo: &Repo,
    branch: &str,
    time: &str,
) -> Result<CommitId, Error> {
    let limit = when::parse(time, Local::now())?;
    let not_yet =
        || Error::NotYet { repo: repo.name.clone(), branch: branch.to_owned(), time: time.to_owned() };
    for step in moves {
        let Move { time, to, .. } = step?;
        if time <= limit {
            return to.ok_or_else(not_yet);
        }
    }
    Err(not_yet())
}

/// Where the branch stood `count` moves ago. While it was deleted it stood nowhere.
fn find_before(
    moves: impl Iterator<Item = Result<Move, Error>>,
    repo: &Repo,
    branch: &str,
    count: u32,
) -> Result<CommitId, Error> {
    let mut stood = 0;
    for step in moves {
        let Some(commit) = step?.to else { continue };
        if stood == count {
            return Ok(commit);
        }
        stood += 1;
    }
    Err(Error::NotSoOften { repo: repo.name.clone(), branch: branch.to_owned(), stood })
}

fn walk(objects: &dyn ObjectRead, repo: &Repo, base: CommitId, rev: &Revision) -> Result<CommitId, Error> {
    let beyond = || Error::BeforeFirst { repo: repo.name.clone(), rev: rev.to_string() };
    let parent = |id: CommitId, which: usize| -> Result<CommitId, Error> {
        commit::load(objects, id)?.parents.get(which).copied().ok_or_else(beyond)
    };
    let mut id = base;
    for step in &rev.steps {
        match *step {
            Step::Back(count) => {
                for _ in 0..count {
                    id = parent(id, 0)?;
                }
            }
            Step::Parent(0) => {}
            Step::Parent(which) => {
                let count = commit::load(objects, id)?.parents.len();
                if count > 0 && which as usize > count {
                    return Err(Error::NoParent {
                        repo: repo.name.clone(),
                        rev: rev.to_string(),
                        commit: id,
                        count,
                    });
                }
                id = parent(id, which as usize - 1)?;
            }
        }
    }
    Ok(id)
}

/// The names most like `wanted`, nearest first, at most three, none that is quite different.
pub fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let length = wanted.chars().count();
    let is_near =
        |edits: usize, name: &str| edits <= length.div_ceil(3) && edits < length.max(name.chars().count());
    let mut near: Vec<(usize, String)> = names
        .map(|name| (edits(wanted, &name), name))
        .filter(|(edits, name)| is_near(*edits, name))
        .collect();
    near.sort();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// How many insertions, deletions and substitutions lead from `a` to `b` (Levenshtein 1966).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["main", "mian", "maine", "feature/x", "dev"];
        let near = nearest("mainn", names.iter().map(|&name| name.to_owned()));
        assert_eq!(near, ["main", "maine", "mian"]);
        assert!(nearest("x", ["y".to_owned()].into_iter()).is_empty());
        assert_eq!(
            (edits("kitten", "sitting"), edits("", "ab"), edits("ab", ""), edits("a", "a")),
            (3, 2, 2, 0)
        );
    }
}
