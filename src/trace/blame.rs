//! The last commit that set each of some paths, or each line of a file: one way back through history for all of them.
//!
//! Each path waits at the commit that it is looked at in. A parent in which it is the same takes it over; what no parent takes over
//! was set by the commit itself. The way ends when nothing waits any more.

use std::collections::{BTreeMap, HashMap};

use super::Error;
use super::walk::{files, old_name};
use crate::compare;
use crate::content;
use crate::history::Log;
use crate::lines;
use crate::object::{Commit, CommitId, Entry, ObjectRead, TreePath};
use crate::scope::Scope;
use crate::snapshot::{Snapshot, below};

/// So many paths are compared one by one; of more, all that differs is looked at.
const FEW: usize = 16;

/// A commit, and what it set.
pub type Setting<T> = (T, CommitId, Commit);

/// Finds for each of the paths, files or directories, the last commit that set it or anything below it, in order of the paths.
/// What is not there is left out. A path that is a file whose content had another name before is followed to it if `follow` says so.
pub fn blame(
    objects: &dyn ObjectRead,
    head: CommitId,
    paths: &[TreePath],
    follow: super::Follow,
) -> Result<Vec<Setting<TreePath>>, Error> {
    let mut waiting: HashMap<CommitId, Vec<(usize, TreePath)>> = HashMap::new();
    let all: Vec<(usize, TreePath)> = paths.iter().cloned().enumerate().collect();
    let mut left = all.len();
    waiting.insert(head, all);
    let mut found = BTreeMap::new();
    let mut log = Log::new(objects, [head]);
    while let Some((id, commit)) = log.next().filter(|_| left > 0).transpose()? {
        let mut here = waiting.remove(&id).unwrap_or_default();
        let now = Snapshot::new(objects, commit.tree);
        let mut followed = Vec::new();
        for parent in &commit.parents {
            if here.is_empty() {
                break;
            }
            let Some(before) = files(objects, *parent)? else { continue };
            let (same, other) = part(&before, &now, here, follow)?;
            here = other;
            if !same.is_empty() {
                waiting.entry(*parent).or_default().extend(same);
                followed.push(*parent);
            }
        }
        left -= here.len();
        found.extend(here.into_iter().map(|(number, _)| (number, (id, commit.clone()))));
        log.follow_only(&followed);
    }
    let setting = |(number, (id, commit))| Some((paths.get::<usize>(number)?.clone(), id, commit));
    Ok(found.into_iter().filter_map(setting).collect())
}

/// Paths by their numbers.
type Numbered = Vec<(usize, TreePath)>;

/// The paths that are in `before` as they are in `now`, by their names there, and the others.
fn part(
    before: &Snapshot<'_>,
    now: &Snapshot<'_>,
    paths: Numbered,
    follow: super::Follow,
) -> Result<(Numbered, Numbered), Error> {
    if before.root() == now.root() {
        return Ok((paths, Vec::new()));
    }
    let changed = changed(before, now, &paths)?;
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (number, path) in paths {
        let inside = below(Some(&path));
        let differs = changed.binary_search(&path).is_ok() || {
            let from = changed.partition_point(|other| other.as_str() < inside.as_str());
            changed.get(from).is_some_and(|other| other.as_str().starts_with(&inside))
        };
        if !differs {
            same.push((number, path));
            continue;
        }
        let old = if follow == super::Follow::Renames { old_name(before, now, &path)? } else { None };
        match old {
            Some(old) => same.push((number, old)),
            None => other.push((number, path)),
        }
    }
    Ok((same, other))
}

/// What differs at and below the paths, and maybe elsewhere, in order.
fn changed(before: &Snapshot<'_>, now: &Snapshot<'_>, paths: &Numbered) -> Result<Vec<TreePath>, Error> {
    if paths.len() <= FEW {
        let scope = Scope::of(paths.iter().map(|(_, path)| path.clone()).collect());
        return Ok(compare::changes(before, now, &scope)?.into_iter().map(|change| change.path).collect());
    }
    let mut changed = Vec::new();
    for change in before.diff(now, &common(paths)) {
        changed.push(change?.path);
    }
    Ok(changed)
}

/// The directory in which all the paths lie.
fn common(paths: &Numbered) -> String {
    let mut all = paths.iter().map(|(_, path)| path.as_str());
    let Some(first) = all.next() else { return String::new() };
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let len = all.fold(first.len(), |len, path| len.min(shared(first, path)));
    let end = first.as_bytes().get(..len).and_then(|start| start.iter().rposition(|byte| *byte == b'/'));
    end.and_then(|end| first.get(..=end)).unwrap_or_default().to_owned()
}

/// Finds for each line of the file at `path` the last commit that set it. The file is followed to its old names.
pub fn blame_lines(
    objects: &dyn ObjectRead,
    head: CommitId,
    path: &TreePath,
    entry: &Entry,
) -> Result<Vec<Setting<Vec<u8>>>, Error> {
    let text = content::load(objects, entry.blob).map_err(|source| Error::content(path, source))?;
    let all = lines::split(&text);
    let mut found: BTreeMap<usize, (CommitId, Commit)> = BTreeMap::new();
    let mut waiting: HashMap<CommitId, BTreeMap<TreePath, Lines>> = HashMap::new();
    waiting.insert(head, BTreeMap::from([(path.clone(), (0..all.len()).map(|n| (n, n)).collect())]));
    let mut log = Log::new(objects, [head]);
    while let Some((id, commit)) = log.next().filter(|_| found.len() < all.len()).transpose()? {
        let now = Snapshot::new(objects, commit.tree);
        let mut followed = Vec::new();
        for (path, mut here) in waiting.remove(&id).unwrap_or_default() {
            for parent in &commit.parents {
                let Some(before) = files(objects, *parent)? else { continue };
                let (old, taken) = take_over(&before, &now, &path, &mut here)?;
                if !taken.is_empty() {
                    waiting.entry(*parent).or_default().entry(old).or_default().extend(taken);
                    followed.push(*parent);
                }
            }
            found.extend(here.into_iter().map(|(number, _)| (number, (id, commit.clone()))));
        }
        log.follow_only(&followed);
    }
    let setting = |(line, (_, (id, commit))): (&&[u8], _)| (line.to_vec(), id, commit);
    Ok(all.iter().zip(found).map(setting).collect())
}

/// Lines: their numbers in the file that was asked for, and in the one that is looked at.
type Lines = Vec<(usize, usize)>;

/// Takes those of the lines `here` away that `before` has, with their numbers there. Says what the file was called there.
fn take_over(
    before: &Snapshot<'_>,
    now: &Snapshot<'_>,
    path: &TreePath,
    here: &mut Lines,
) -> Result<(TreePath, Lines), Error> {
    let old = old_name(before, now, path)?.unwrap_or_else(|| path.clone());
    let (Some(a), Some(b)) = (before.find(old.as_str())?, now.find(path.as_str())?) else {
        return Ok((old, Vec::new()));
    };
    if a.blob == b.blob {
        return Ok((old, std::mem::take(here)));
    }
    if a.size.max(b.size) > lines::MAX_BYTES {
        return Ok((old, Vec::new()));
    }
    let hunks = lines::hunks(&before.read(&old, &a)?, &now.read(path, &b)?);
    let place = |line: usize| {
        let at = hunks.partition_point(|hunk| hunk.after.end <= line);
        let is_new = hunks.get(at).is_some_and(|hunk| hunk.after.contains(&line));
        let last = at.checked_sub(1).and_then(|at| hunks.get(at));
        let (was, is) = last.map_or((0, 0), |hunk| (hunk.before.end, hunk.after.end));
        (!is_new).then(|| line - is + was)
    };
    let mut taken = Vec::new();
    here.retain(|(number, line)| match place(*line) {
        Some(there) => {
            taken.push((*number, there));
            false
        }
        None => true,
    });
    Ok((old, taken))
}
