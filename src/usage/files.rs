//! What lies in the directories of a store.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::error::Error;
use super::growth::Growth;

/// Files, together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The files of a store, by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places {
    /// The packs: all objects.
    pub packs: Files,
    /// The index: where they lie.
    pub index: Files,
    /// The journal: every change.
    pub journal: Files,
    /// The facts: what the changes come to.
    pub facts: Files,
    /// What is being written, and what jobs work in.
    pub temporary: Files,
    /// What spares reading files again.
    pub caches: Files,
    /// Anything else.
    pub other: Files,
}

impl Files {
    fn add(&mut self, file: &Metadata) {
        self.count += 1;
        self.bytes += file.len();
    }
}

impl Places {
    /// All files.
    pub fn all(&self) -> Files {
        let Self { packs, index, journal, facts, temporary, caches, other } = self;
        let each = [packs, index, journal, facts, temporary, caches, other];
        each.into_iter().fold(Files::default(), |sum, files| Files {
            count: sum.count + files.count,
            bytes: sum.bytes + files.bytes,
        })
    }

    fn of(&mut self, name: &str) -> &mut Files {
        match name {
            "packs" => &mut self.packs,
            "index" => &mut self.index,
            "journal" => &mut self.journal,
            "meta" => &mut self.facts,
            "tmp" => &mut self.temporary,
            "cache" => &mut self.caches,
            _ => &mut self.other,
        }
    }
}

/// Counts the files of the store in `root`, and how much of its packs came in the week before `now`, in milliseconds since 1970.
pub(super) fn count(root: &Path, now: i64) -> Result<(Places, Growth), Error> {
    let (mut places, mut growth) = (Places::default(), Growth::default());
    each(root, &mut |name, file| {
        if name == "packs" {
            growth.add(modified(file), file.len(), now);
        }
        places.of(name).add(file);
    })
    .map_err(|source| Error::Io { path: root.to_owned(), source })?;
    Ok((places, growth))
}

/// Visits all files below `root`, each with the name of the entry of `root` in which it lies. What goes away meanwhile is passed over.
fn each(root: &Path, visit: &mut dyn FnMut(&str, &Metadata)) -> io::Result<()> {
    let mut waiting = vec![(root.to_owned(), None)];
    while let Some((dir, top)) = waiting.pop() {
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let top: String = top.clone().unwrap_or_else(|| entry.file_name().to_string_lossy().into_owned());
            match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(file) if file.is_dir() => waiting.push((entry.path(), Some(top))),
                file => visit(&top, &file?),
            }
        }
    }
    Ok(())
}

/// When a file was written, in milliseconds since 1970.
fn modified(file: &Metadata) -> i64 {
    let since = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}
