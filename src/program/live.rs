//! What a program prints, put into a file while it runs, for others to read.
//!
//! The file holds the beginning of what will be the whole log, and is gone when that is known: so what somebody has read of it
//! is never wrong, and the rest is found in the log. A program that has ended before it was looked at first needs no file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::log::HEAD;

/// A log while it is made, which consists of what one program after another prints.
#[derive(Debug)]
pub struct Live {
    path: PathBuf,
    heading: Vec<u8>,
    /// Nothing before there is something to be read.
    file: Option<File>,
    /// How much of the log stands in the file.
    written: usize,
    /// How much of it there is from the programs before.
    before: usize,
}

impl Live {
    /// Will be the file `path`, which begins with `heading`.
    pub fn new(path: PathBuf, heading: Vec<u8>) -> Self {
        Self { path, heading, file: None, written: 0, before: 0 }
    }

    /// A program has ended, and all this is the log until now.
    pub fn settle(&mut self, log: &[u8]) {
        self.add(log.get(self.written..).unwrap_or_default());
        self.before = log.len();
    }

    /// A program that runs has printed this until now, of which the beginning is enough.
    pub(super) fn show(&mut self, printed: &[u8]) {
        let Some(known) = self.written.checked_sub(self.before) else { return };
        self.add(printed.get(known..).unwrap_or_default());
    }

    /// Adds to the file, until it is so long that more of it might not be in the log.
    fn add(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..bytes.len().min(HEAD - self.written)).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        // Nobody needs it to go on.
        match self.write(bytes) {
            Ok(()) => self.written += bytes.len(),
            Err(error) => tracing::debug!(%error, path = %self.path.display(), "a log cannot be followed"),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        let mut file = OpenOptions::new().append(true).create_new(true).open(&self.path)?;
        file.write_all(&[&self.heading, bytes].concat())?;
        self.file = Some(file);
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_beginning_of_the_log_and_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("live");
        let mut live = Live::new(path.clone(), b"one\n".to_vec());
        live.show(b"");
        assert!(!path.exists());
        let read = || fs::read_to_string(&path).unwrap();
        live.show(b"a");
        live.show(b"ab");
        live.show(b"ab");
        assert_eq!(read(), "one\nab");
        live.settle(b"abc\n[again]\n");
        live.show(b"d");
        live.show(&vec![b'd'; HEAD + 7]);
        live.settle(&vec![b'd'; HEAD + 99]);
        live.show(b"more");
        assert!(read().starts_with("one\nabc\n[again]\ndd"));
        assert_eq!(read().len(), "one\n".len() + HEAD);
        drop(live);
        assert!(!path.exists());
    }
}
