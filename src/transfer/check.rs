//! Whether a commit that somebody sends may be kept: all that it names is here, and as it should be.

use std::collections::HashSet;

use super::closure::{self, Part};
use super::error::Error;
use super::intake::Shelf;
use crate::content::Manifest;
use crate::fault::{Cause, Fault, Kind};
use crate::history;
use crate::object::{Commit, CommitId, Digest, Entry, NodeId, ObjectKind, ObjectRead, TreePath};
use crate::reach::Held;
use crate::tree::{Cursor, Site};

/// What a commit must have with it to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// All that it names, or all but the table of results.
    Files(Held),
    /// The commits that it follows: its files were let go.
    Parents,
}

/// An error unless the commit with these bytes may be kept. Reads what it has beyond its first parent. `known` are trees of
/// results that were found to be right before, `gone` commits that came without their files.
pub(super) fn check(
    shelf: &Shelf,
    id: CommitId,
    bytes: &[u8],
    with: With,
    gone: &HashSet<CommitId>,
    known: &mut HashSet<NodeId>,
) -> Result<(), Error> {
    let mut inspect = || {
        let (commit, parent) = inspect_record(shelf, bytes)?;
        match with {
            With::Parents => Ok(()),
            With::Files(held) => {
                inspect_files(shelf, held, &commit, parent.filter(|(id, _)| !gone.contains(id)), known)
            }
        }
    };
    match inspect() {
        Err(error) if error.kind() == Kind::Damaged => {
            Err(Error::Illegal { commit: id, source: Cause::from(error) })
        }
        other => other,
    }
}

fn wrong(reason: impl Into<String>) -> Error {
    Error::Wrong { reason: reason.into() }
}

/// The commit, and the first that it follows.
fn inspect_record(shelf: &Shelf, bytes: &[u8]) -> Result<(Commit, Option<(CommitId, Commit)>), Error> {
    let commit = Commit::from_bytes(bytes).map_err(|_| wrong("it is no commit record"))?;
    if commit.to_bytes().ok().as_deref() != Some(bytes) {
        return Err(wrong("its record is not written as vds writes it"));
    }
    let mut generation = 1;
    let mut earlier = None;
    for id in &commit.parents {
        if shelf.find(id.digest())?.is_none_or(|found| found.kind != ObjectKind::Commit) {
            return Err(wrong(format!("the commit {id:.12} that it follows is missing")));
        }
        let parent = history::load(shelf, *id)?;
        generation = generation.max(parent.generation.saturating_add(1));
        earlier = earlier.or(Some((*id, parent)));
    }
    if commit.generation != generation {
        return Err(wrong(format!(
            "it says to be of generation {}, and is of {generation}",
            commit.generation
        )));
    }
    Ok((commit, earlier))
}

fn inspect_files(
    shelf: &Shelf,
    held: Held,
    commit: &Commit,
    parent: Option<(CommitId, Commit)>,
    known: &mut HashSet<NodeId>,
) -> Result<(), Error> {
    // What was let go here cannot vouch for what it shares with the new commit.
    let earlier = match parent {
        Some((id, parent)) if history::find_let_go(shelf, id)?.is_none() => Some(parent),
        _ => None,
    };
    closure::visit(shelf, held, commit, earlier.as_ref(), known, &mut |part| match part {
        Part::Node(_) => Ok(()),
        Part::Content { key, entry } => check_content(shelf, key, &entry),
        Part::Path { root, site } => {
            check_path(shelf, root, &site)?;
            check_content(shelf, site.key, site.value)
        }
    })
}

fn shown(key: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(key))
}

fn check_path(shelf: &Shelf, root: NodeId, site: &Site<'_, Entry>) -> Result<(), Error> {
    if site.earlier.is_some() {
        return Ok(());
    }
    let path = std::str::from_utf8(site.key).ok().and_then(|path| path.parse::<TreePath>().ok());
    let path = path.ok_or_else(|| wrong(format!("its tree has the illegal path {}", shown(site.key))))?;
    if clashes(shelf, root, &path, site)? {
        return Err(wrong(format!(
            "its tree has a file and a directory of one name, at {}",
            shown(site.key)
        )));
    }
    Ok(())
}

/// Whether the new path is another's directory, or another one is its. The neighbours mostly tell.
fn clashes(
    source: &dyn ObjectRead,
    root: NodeId,
    path: &TreePath,
    site: &Site<'_, Entry>,
) -> Result<bool, Error> {
    // Keys below sort after those that go on with a smaller character, such as `path.csv`.
    if site.after.is_none_or(|after| after.starts_with(site.key)) {
        let below = [site.key, b"/"].concat();
        let mut cursor = Cursor::<Entry>::new(source, root)?;
        cursor.seek(&below)?;
        if cursor.peek()?.is_some_and(|key| key.starts_with(&below)) {
            return Ok(true);
        }
    }
    for dir in path.ancestors() {
        // All keys between a file of that name and this path start with the name.
        let Some(rest) = site.before.and_then(|before| before.strip_prefix(dir.as_bytes())) else { break };
        let is_file = match rest.first() {
            None => true,
            // A directory already, in which nothing was wrong.
            Some(b'/') => false,
            Some(_) => Cursor::<Entry>::new(source, root)?.get(dir.as_bytes())?.is_some(),
        };
        if is_file {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The content is here, and as long as the tree says.
fn check_content(shelf: &Shelf, key: &[u8], entry: &Entry) -> Result<(), Error> {
    let Entry { blob, size, .. } = *entry;
    let missing = |digest: &Digest| wrong(format!("the content {digest:.12} of {} is missing", shown(key)));
    let found = shelf.find(blob.digest())?.ok_or_else(|| missing(blob.digest()))?;
    let len = if found.kind == ObjectKind::Manifest {
        let list = Manifest::from_bytes(&shelf.read_object(blob.digest())?.bytes);
        let list = list.ok_or_else(|| wrong(format!("the list of chunks of {} is malformed", shown(key))))?;
        for piece in &list.pieces {
            let there = shelf.find(&piece.chunk)?;
            if there.is_none_or(|there| there.kind == ObjectKind::Manifest || there.len != piece.len) {
                return Err(missing(&piece.chunk));
            }
        }
        list.len()
    } else {
        u64::from(found.len)
    };
    if len == size {
        return Ok(());
    }
    Err(wrong(format!("its tree says that {} has {size} bytes, and it has {len}", shown(key))))
}
