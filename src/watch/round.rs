//! One look at the directory, and the commit of what has arrived.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::error::Error as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::choice::is_left_out;
use super::discard::discard;
use super::error::Error;
use super::run::{After, Deletions, Options, remember};
use super::writers;
use crate::change::{self, Empty, Published};
use crate::draft::Draft;
use crate::history::Author;
use crate::ingest::{self, Found, Survey};
use crate::object::{BlobId, Entry, ObjectWrite, TreePath};
use crate::progress::{Amount, Progress, Silent};
use crate::snapshot::{Snapshot, below};
use crate::stamp::{Begun, Stamp};
use crate::store::Store;

/// The files whose commit is made, with what they were then.
pub(super) type Memory = BTreeMap<TreePath, (Stamp, BlobId)>;

/// What a look found, and what became of it.
pub(super) struct Round {
    pub(super) published: Published,
    /// What was said of it.
    pub(super) message: String,
    /// How many files were read, and their bytes.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What a person should know, as lines.
    pub(super) warnings: Vec<String>,
    /// How many files somebody still writes.
    pub(super) open: u64,
    /// Why some could not be read.
    pub(super) unread: Vec<String>,
    /// How many were too new to be remembered.
    pub(super) young: u64,
    /// How many were removed from the directory.
    pub(super) removed: u64,
}

/// The files, by what is to be done with them.
#[derive(Default)]
struct Sorted {
    /// Everything that is there, left out by its name or not.
    there: BTreeSet<TreePath>,
    /// As it was when its commit was made.
    known: Vec<Found>,
    new: Vec<Found>,
    open: u64,
}

fn sort(files: Vec<Found>, memory: &Memory, open: &HashSet<PathBuf>) -> Sorted {
    let mut sorted = Sorted::default();
    for found in files {
        sorted.there.insert(found.path.clone());
        let is_known = memory.get(&found.path).is_some_and(|(stamp, _)| *stamp == found.stamp);
        match () {
            () if is_left_out(found.path.as_str()) => {}
            () if is_known => sorted.known.push(found),
            () if open.contains(&found.place) => sorted.open += 1,
            () => sorted.new.push(found),
        }
    }
    sorted
}

/// What was read of the new files.
struct Read {
    files: Vec<(Found, Entry)>,
    /// Why others could not be read.
    unread: Vec<String>,
}

/// Reads each file by itself: one that cannot be read does not hold up the others.
fn read(
    sink: &dyn ObjectWrite,
    files: Vec<Found>,
    begun: Begun,
    progress: &dyn Progress,
) -> Result<Read, Error> {
    progress.begin("reading files", Amount::Steps(Some(files.len() as u64)));
    let all: Vec<Result<_, ingest::Error>> = files
        .into_par_iter()
        .map(|found| {
            let read = ingest::read_each(sink, vec![found], begun, None, &Silent);
            progress.advance(1);
            read
        })
        .collect();
    progress.end();
    let mut read = Read { files: Vec::new(), unread: Vec::new() };
    for one in all {
        match one {
            Ok(found) => {
                read.files.extend(found.into_iter().filter_map(|(found, entry)| Some((found, entry?))));
            }
            Err(error @ (ingest::Error::Unreadable { .. } | ingest::Error::Unstable { .. })) => {
                let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
                read.unread.push(format!("{error}{source}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

/// How many of these files there is something to do for.
pub(super) fn pending(files: &[Found], memory: &Memory, options: &Options) -> u64 {
    let there: BTreeSet<&TreePath> = files.iter().map(|found| &found.path).collect();
    let gone =
        memory.keys().filter(|path| options.deletions == Deletions::Mirror && !there.contains(path)).count();
    let waits = |found: &&Found| {
        let is_known = memory.get(&found.path).is_some_and(|(stamp, _)| *stamp == found.stamp);
        !is_left_out(found.path.as_str()) && (!is_known || options.after == After::Remove)
    };
    (gone + files.iter().filter(waits).count()) as u64
}

/// Looks once. What is committed is in `memory` afterwards, which is what the next process will know.
pub(super) fn round(
    store: &Store,
    options: &Options,
    dir: &Path,
    memory: &mut Memory,
    (author, message): (&Author, Option<&str>),
    progress: &dyn Progress,
) -> Result<Round, Error> {
    let begun = Begun::now(Some(store.tmp()));
    if !dir.is_dir() {
        return Err(Error::Gone { dir: options.dir.clone() });
    }
    let Survey { files, mut warnings, .. } = ingest::survey(dir, store)?;
    let writer = store.writer();
    let base = change::open(store, &options.target, &writer)?;
    if base.head.is_none() {
        memory.clear();
    }
    let Sorted { there, known, new, open } = sort(files, memory, &writers::open_below(dir));
    let Read { files, unread } = read(&writer, new, begun, progress)?;
    let repo = base.repo.id;
    let tree = Snapshot::new(&writer, base.tree);
    let mut draft = put(tree, &files, options)?;
    if options.deletions == Deletions::Mirror && known.is_empty() && files.is_empty() && open == 0 {
        // More likely its disk is not there than that all of it is to go.
        warnings.push(format!("{} has no files, so none is removed from the branch", options.dir.display()));
    } else if options.deletions == Deletions::Mirror {
        remove_missing(&mut draft, tree, options, &there)?;
    }
    let message = message.map_or_else(|| say(options, &files, &draft), str::to_owned);
    let published = change::publish(store, author, base, draft, writer, &message, Empty::Skip)?;
    let before = memory.len();
    memory.retain(|path, _| there.contains(path));
    let is_changed = before != memory.len() || !files.is_empty();
    let young = learn(memory, &files, begun);
    if is_changed {
        remember(store, options, dir, repo, memory);
    }
    let removed = match options.after {
        After::Keep => 0,
        After::Remove => remove(known.iter().chain(files.iter().map(|(found, _)| found)), &mut warnings),
    };
    let (count, bytes) = (files.len() as u64, files.iter().map(|(_, entry)| entry.size).sum());
    Ok(Round { published, message, files: count, bytes, warnings, open, unread, young, removed })
}

/// The edits that put the files where they differ.
fn put(tree: Snapshot<'_>, files: &[(Found, Entry)], options: &Options) -> Result<Draft, Error> {
    let prefix = options.to.as_ref().map_or("", TreePath::as_str);
    let mut draft = Draft::new(tree.root());
    for (found, entry) in files {
        let path = found.path.below(prefix);
        let path = path.map_err(|source| ingest::Error::Illegal { path: found.place.clone(), source })?;
        if tree.find(path.as_str())? != Some(*entry) {
            draft.put(path, *entry);
        }
    }
    Ok(draft)
}

/// Remembers the files, but for those whose times are too new to show a change; says how many these are.
fn learn(memory: &mut Memory, files: &[(Found, Entry)], begun: Begun) -> u64 {
    let mut young = 0;
    for (found, entry) in files {
        if found.stamp.is_settled(begun) {
            memory.insert(found.path.clone(), (found.stamp, entry.blob));
        } else {
            memory.remove(&found.path);
            young += 1;
        }
    }
    young
}

/// Removes these files from the directory; says how many that were.
fn remove<'a>(files: impl Iterator<Item = &'a Found>, warnings: &mut Vec<String>) -> u64 {
    let mut removed = 0;
    for found in files {
        match discard(&found.place, &found.stamp) {
            Ok(gone) => removed += u64::from(gone),
            Err(error) => warnings.push(format!("cannot remove {}: {error}", found.place.display())),
        }
    }
    removed
}

/// Removes from the tree what is not in the directory.
fn remove_missing(
    draft: &mut Draft,
    tree: Snapshot<'_>,
    options: &Options,
    there: &BTreeSet<TreePath>,
) -> Result<(), Error> {
    let prefix = below(options.to.as_ref());
    for item in tree.scan(&prefix)? {
        let (path, _) = item?;
        let inside = path.as_str().strip_prefix(&prefix).and_then(|inside| inside.parse::<TreePath>().ok());
        if !inside.is_some_and(|inside| there.contains(&inside)) {
            draft.remove(path);
        }
    }
    Ok(())
}

/// What is said of a commit when nothing was asked for.
fn say(options: &Options, files: &[(Found, Entry)], draft: &Draft) -> String {
    let dir = options.dir.file_name().unwrap_or(options.dir.as_os_str()).to_string_lossy();
    match files {
        [] => format!("gone from {dir}"),
        [(only, _)] => format!("{} from {dir}", only.path),
        [(first, _), ..] => format!("{} and others from {dir}: {} changes", first.path, draft.len()),
    }
}
