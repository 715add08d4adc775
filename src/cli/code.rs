//! The files that the commands of a pipeline declare, stored with it so that they are the same wherever they are run.
//!
//! A pipeline file may come from a stranger, so nothing is read that lies outside of its directory, through links neither.

use std::fs;
use std::path::{Path, PathBuf};

use crate::content;
use crate::fault::Cause;
use crate::ingest;
use crate::object::{Entry, FileKind, ObjectWrite};
use crate::pipeline::Error;
use crate::pipeline::spec::{Declared, Spec, SpecError, Work};
use crate::store::Store;

/// A pipeline file, as messages and paths need it.
struct File<'a> {
    name: String,
    text: &'a str,
    /// Its directory, without links.
    dir: PathBuf,
}

/// Stores the files that the commands of the pipeline file `file` declare. Its text is `text`.
pub(super) fn keep(
    store: &Store,
    file: &Path,
    text: &str,
    spec: &Spec,
) -> Result<Vec<(String, Entry)>, Cause> {
    let writer = store.writer();
    let code = read(&writer, file, text, spec)?;
    writer.finish()?;
    Ok(code)
}

/// Reads the files that the commands of the pipeline file `file` declare, and writes them to `sink`.
pub(super) fn read(
    sink: &dyn ObjectWrite,
    file: &Path,
    text: &str,
    spec: &Spec,
) -> Result<Vec<(String, Entry)>, Cause> {
    let beside = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = fs::canonicalize(beside).unwrap_or_else(|_| beside.to_owned());
    let file = File { name: file.display().to_string(), text, dir };
    let mut code = Vec::new();
    for stage in spec.stages.values() {
        let Work::Command(command) = &stage.work else { continue };
        for declared in &command.code {
            let name = &declared.path;
            let place = beside.join(name.as_str());
            if !file.resolve(declared, &place)?.is_dir() {
                code.push((name.to_string(), file.keep_one(sink, declared, &place)?));
                continue;
            }
            for found in ingest::walk(&place)? {
                let entry = file.keep_one(sink, declared, &found.place)?;
                code.push((format!("{name}/{}", found.path), entry));
            }
        }
    }
    code.sort_by(|a, b| a.0.cmp(&b.0));
    code.dedup();
    Ok(code)
}

impl File<'_> {
    fn wrong(&self, declared: &Declared, message: String) -> SpecError {
        SpecError::at(&self.name, self.text, declared.at, message)
    }

    fn unreadable(&self, declared: &Declared, place: &Path, source: std::io::Error) -> Error {
        let SpecError { file, line, column, .. } = self.wrong(declared, String::new());
        let path = place.display().to_string();
        Error::Code { place: format!("{file}:{line}:{column}"), path, source }
    }

    /// Where a declared file, or one in a declared directory, really lies.
    fn resolve(&self, declared: &Declared, place: &Path) -> Result<PathBuf, Error> {
        let real = fs::canonicalize(place).map_err(|source| self.unreadable(declared, place, source))?;
        if real.starts_with(&self.dir) {
            return Ok(real);
        }
        let (place, real) = (place.display(), real.display());
        let message = format!("{place} leads to {real}; expected a file beside or below the pipeline file");
        Err(self.wrong(declared, message).into())
    }

    /// Stores one file; of a link, what it leads to.
    fn keep_one(&self, sink: &dyn ObjectWrite, declared: &Declared, place: &Path) -> Result<Entry, Cause> {
        let fail = |source| self.unreadable(declared, place, source);
        let real = self.resolve(declared, place)?;
        let meta = fs::metadata(&real).map_err(fail)?;
        // Reading a pipe would wait for ever.
        if !meta.is_file() {
            let message = format!("{} is not a file; expected files and directories", place.display());
            return Err(Error::from(self.wrong(declared, message)).into());
        }
        let bytes = fs::read(&real).map_err(fail)?;
        let mode = std::os::unix::fs::MetadataExt::mode(&meta);
        let kept = content::keep_bytes(sink, &bytes)?;
        let kind = if mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable };
        Ok(Entry { kind, blob: kept.blob, size: kept.size })
    }
}
