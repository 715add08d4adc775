//! Taking an archive's members into the store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::error::{Error, Why};
use super::format::{Opened, Source, open};
use super::member;
use super::tarball;
use super::zipped;
use crate::content;
use crate::draft::Draft;
use crate::object::{Entry, FileKind, NodeId, ObjectWrite, PathError, TreePath};
use crate::progress::{Amount, Progress};
use crate::store::Store;

/// What an archive came to.
#[derive(Debug)]
pub struct Imported {
    /// The members, as edits.
    pub draft: Draft,
    /// How many files they are.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of these were not in the store before.
    pub new_bytes: u64,
    /// What a person should know, as lines.
    pub warnings: Vec<String>,
}

/// Stores the members of an archive below the prefix `to`, as edits on top of the tree `base`. An archive that tells how large
/// it is within is refused before it is read if the disk of `store` has no room for it.
pub fn import(
    sink: &dyn ObjectWrite,
    base: NodeId,
    store: &Store,
    source: &Source,
    to: Option<&TreePath>,
    progress: &dyn Progress,
) -> Result<Imported, Error> {
    let size = match source {
        Source::File(path) => path.metadata().ok().map(|meta| meta.len()),
        Source::StandardInput => None,
    };
    progress.begin("reading the archive", Amount::Bytes(size));
    let mut taking = Taking::new(sink, to, source.to_string());
    let taken = match open(source, progress) {
        Err(error) => Err(error),
        Ok(Opened::Tar(reader)) => tarball::read(reader, &mut taking),
        Ok(Opened::Zip(file)) => zipped::read(file, store, &mut taking, progress),
        Ok(Opened::Single(reader, name)) => taking.file(name.as_bytes(), FileKind::File, reader),
    };
    progress.end();
    taken?;
    taking.finish(base)
}

/// The members so far.
pub(super) struct Taking<'a> {
    sink: &'a dyn ObjectWrite,
    to: Option<&'a TreePath>,
    place: String,
    /// By their paths within the archive.
    members: BTreeMap<TreePath, Entry>,
    /// Where links lead.
    links: BTreeMap<TreePath, String>,
    directories: BTreeSet<TreePath>,
    new_bytes: u64,
    /// Names that came more than once.
    again: BTreeSet<TreePath>,
    warnings: Vec<String>,
}

impl<'a> Taking<'a> {
    fn new(sink: &'a dyn ObjectWrite, to: Option<&'a TreePath>, place: String) -> Self {
        Self {
            sink,
            to,
            place,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            directories: BTreeSet::new(),
            new_bytes: 0,
            again: BTreeSet::new(),
            warnings: Vec::new(),
        }
    }

    /// The failure to read on.
    pub(super) fn broken(&self, source: impl Into<std::io::Error>) -> Error {
        Error::Broken { place: self.place.clone(), source: source.into() }
    }

    /// The archive's name, for people.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Something that a person should know.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    fn path(&self, name: &[u8]) -> Result<TreePath, Error> {
        let top = || PathError { path: ".".to_owned(), reason: "it is the top of the archive" };
        let path = member::path(name).and_then(|path| path.ok_or_else(|| Why::Illegal(top())));
        let path = path.map_err(|why| refused(name, why))?;
        // It must be a path also where it will lie.
        let below = path.below(self.to.map_or("", TreePath::as_str));
        below.map_err(|error| refused(name, Why::Illegal(error)))?;
        Ok(path)
    }

    fn put(&mut self, path: TreePath, entry: Entry) {
        self.links.remove(&path);
        if self.members.insert(path.clone(), entry).is_some() {
            self.again.insert(path);
        }
    }

    /// A file, whose content is read to its end.
    pub(super) fn file(&mut self, name: &[u8], kind: FileKind, content: impl Read) -> Result<(), Error> {
        let path = self.path(name)?;
        let kept = content::keep(self.sink, content).map_err(|source| match source {
            content::Error::Source { source } => self.broken(source),
            source => Error::Content { member: shown(name), source },
        })?;
        self.new_bytes += kept.new_bytes;
        self.put(path, Entry { kind, blob: kept.blob, size: kept.size });
        Ok(())
    }

    /// A symbolic link. Whether it leads out is seen when all are known.
    pub(super) fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), Error> {
        let path = self.path(name)?;
        let text = std::str::from_utf8(target).map_err(|_| refused(name, Why::NotUtf8))?;
        if text.is_empty() || text.contains('\0') {
            return Err(refused(name, Why::LinkOutside(text.to_owned())));
        }
        let kept = content::keep_bytes(self.sink, target);
        let kept = kept.map_err(|source| Error::Content { member: shown(name), source })?;
        self.new_bytes += kept.new_bytes;
        self.put(path.clone(), Entry { kind: FileKind::Symlink, blob: kept.blob, size: kept.size });
        self.links.insert(path, text.to_owned());
        Ok(())
    }

    /// Another name of a member that came before.
    pub(super) fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<(), Error> {
        let path = self.path(name)?;
        let before = self.path(target).ok();
        let entry = before.as_ref().and_then(|before| self.members.get(before)).copied();
        let entry = entry.ok_or_else(|| refused(name, Why::NoTarget(shown(target))))?;
        let link = before.and_then(|before| self.links.get(&before)).cloned();
        self.put(path.clone(), entry);
        if let Some(link) = link {
            self.links.insert(path, link);
        }
        Ok(())
    }

    /// A directory, of which nothing is kept: trees hold files only.
    pub(super) fn directory(&mut self, name: &[u8]) -> Result<(), Error> {
        let path = member::path(name).map_err(|why| refused(name, why))?;
        self.directories.extend(path);
        Ok(())
    }

    fn finish(mut self, base: NodeId) -> Result<Imported, Error> {
        if self.members.is_empty() {
            return Err(Error::Empty { place: self.place });
        }
        self.check()?;
        let empty: Vec<&TreePath> = self.directories.iter().filter(|dir| !self.has_below(dir)).collect();
        if let Some(first) = empty.first() {
            self.warnings.push(match empty.len() {
                1 => format!("passed over 1 directory without files: {first}"),
                count => format!("passed over {count} directories without files, such as {first}"),
            });
        }
        if let Some(first) = self.again.first() {
            let count = self.again.len();
            let names = if count == 1 { "name".to_owned() } else { format!("{count} names") };
            self.warnings.push(format!(
                "the last member counts of each {names} that came more than once, such as {first}"
            ));
        }
        let mut draft = Draft::new(base);
        let (files, mut bytes) = (self.members.len() as u64, 0);
        for (path, entry) in self.members {
            bytes += entry.size;
            let at = path.below(self.to.map_or("", TreePath::as_str));
            draft.put(at.map_err(|error| refused(path.as_str().as_bytes(), Why::Illegal(error)))?, entry);
        }
        Ok(Imported { draft, files, bytes, new_bytes: self.new_bytes, warnings: self.warnings })
    }

    fn has_below(&self, dir: &TreePath) -> bool {
        self.first_below(dir).is_some() || self.members.contains_key(dir)
    }

    fn first_below(&self, dir: &TreePath) -> Option<&TreePath> {
        let inside = format!("{dir}/");
        // Some characters sort before the slash, so the directory's own files need not be the next.
        let from: TreePath = format!("{dir}/\u{1}").parse().ok()?;
        let (next, _) = self.members.range(from..).next()?;
        next.as_str().starts_with(&inside).then_some(next)
    }

    /// No file is a directory to another, and no link leads out.
    fn check(&self) -> Result<(), Error> {
        for path in self.members.keys() {
            let above = path.ancestors().filter_map(|dir| dir.parse::<TreePath>().ok());
            if let Some(file) = above.into_iter().find(|dir| self.members.contains_key(dir)) {
                return Err(refused(file.as_str().as_bytes(), Why::AlsoDirectory(path.clone())));
            }
        }
        match self.links.iter().find(|(path, _)| member::leads_out(path, &self.links)) {
            Some((path, target)) => Err(refused(path.as_str().as_bytes(), Why::LinkOutside(target.clone()))),
            None => Ok(()),
        }
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The refusal of a member.
pub(super) fn refused(name: &[u8], why: Why) -> Error {
    Error::Member { member: shown(name), why }
}
