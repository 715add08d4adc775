//! Immutable files in a local directory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Backend, Error, Listed};
use crate::fault::prevents_writing;
use crate::object::Digest;

/// How many files are kept open for reading.
const OPEN_FILES: usize = 64;

/// Files at `DIR/ab/<name>.pack`, where `ab` are the first two digits of the name.
#[derive(Debug)]
pub struct LocalBackend {
    dir: PathBuf,
    open: Mutex<HashMap<Digest, Arc<Opened>>>,
}

/// A file that is open for reading, and its length, which never changes.
#[derive(Debug)]
struct Opened {
    file: File,
    len: u64,
}

impl LocalBackend {
    /// The files in `dir`, which must exist.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), open: Mutex::default() }
    }

    fn path(&self, name: &Digest) -> PathBuf {
        self.dir.join(format!("{name:.2}")).join(format!("{name}.pack"))
    }

    fn place(&self) -> String {
        self.dir.display().to_string()
    }

    fn fail(&self, verb: &'static str) -> impl Fn(io::Error) -> Error {
        move |source| Error::Io { verb, place: self.place(), source }
    }

    fn file(&self, name: &Digest) -> Result<Arc<Opened>, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        let file = File::open(self.path(name)).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { name: *name, place: self.place() },
            _ => self.fail("open a file")(source),
        })?;
        if open.len() >= OPEN_FILES {
            open.clear();
        }
        let len = file.metadata().map_err(self.fail("read a file"))?.len();
        let opened = Arc::new(Opened { file, len });
        open.insert(*name, Arc::clone(&opened));
        Ok(opened)
    }

    fn list_fan(fan: &Path, found: &mut Vec<Listed>) -> io::Result<()> {
        for entry in fs::read_dir(fan)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let name = file_name.to_str().and_then(|name| name.strip_suffix(".pack")?.parse().ok());
            if let Some(name) = name {
                found.push(Listed { name, len: entry.metadata()?.len() });
            }
        }
        Ok(())
    }
}

/// Whether there is nothing in the directory `dir`, or no such directory.
fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Backend for LocalBackend {
    fn put(&self, name: &Digest, source: &Path) -> Result<(), Error> {
        let path = self.path(name);
        let fan = path.parent().unwrap_or(&self.dir);
        let kept = || {
            File::open(source)?.sync_data()?;
            // Who made it may have been killed before it was sure to stay. Where a file is, somebody has seen to it.
            if is_empty(fan) {
                fs::create_dir_all(fan)?;
                sync_dir(&self.dir)?;
            }
            fs::rename(source, &path)?;
            sync_dir(fan)
        };
        kept().map_err(self.fail("keep a file"))
    }

    fn settle(&self, name: &Digest) -> Result<(), Error> {
        let path = self.path(name);
        match sync_dir(path.parent().unwrap_or(&self.dir)) {
            // Where nothing can be written, nothing can rely on it.
            Err(source) if !prevents_writing(&source) => Err(self.fail("keep a file")(source)),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &Digest, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let opened = self.file(name)?;
        let short = || Error::Short { name: *name, place: self.place(), range: range.clone() };
        // Checked first, so that a length made up by damage allocates nothing.
        let len = range.end.checked_sub(range.start).filter(|_| range.end <= opened.len);
        let len = len.and_then(|len| usize::try_from(len).ok()).ok_or_else(short)?;
        let mut bytes = vec![0; len];
        opened.file.read_exact_at(&mut bytes, range.start).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => short(),
            _ => self.fail("read a file")(source),
        })?;
        Ok(bytes)
    }

    fn find(&self, name: &Digest) -> Result<Option<u64>, Error> {
        match fs::metadata(self.path(name)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.fail("look for a file")(source)),
        }
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        let mut listed = || {
            for fan in fs::read_dir(&self.dir)? {
                let fan = fan?;
                if fan.file_type()?.is_dir() {
                    Self::list_fan(&fan.path(), &mut found)?;
                }
            }
            Ok(())
        };
        listed().map_err(self.fail("list the files"))?;
        found.sort();
        Ok(found)
    }

    fn delete(&self, name: &Digest) -> Result<(), Error> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        match fs::remove_file(self.path(name)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(self.fail("delete a file")(source))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        super::super::conformance::check(&LocalBackend::new(dir.path()));
    }

    #[test]
    fn what_one_opening_puts_another_sees_and_strange_files_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (LocalBackend::new(dir.path()), LocalBackend::new(dir.path()));
        let source = dir.path().join("source");
        fs::write(&source, b"x").unwrap();
        let name = Digest::of(b"x");
        one.put(&name, &source).unwrap();
        fs::write(dir.path().join(format!("{name:.2}/notes.txt")), b"").unwrap();
        fs::write(dir.path().join(format!("{name:.2}/short.pack")), b"").unwrap();
        assert_eq!(other.list().unwrap(), [Listed { name, len: 1 }]);
        other.delete(&name).unwrap();
        assert_eq!(one.find(&name).unwrap(), None);
        assert_eq!(one.list().unwrap(), []);
    }
}
