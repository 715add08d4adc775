//! Telling a person how far a long piece of work has come.

use std::io::{self, Read};

/// How much work there is, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many steps.
    Steps(Option<u64>),
    /// So many bytes.
    Bytes(Option<u64>),
}

/// Is told of work as it goes on. May be called from many threads.
pub trait Progress: Sync {
    /// A piece of work begins: what is done, and how much of it there is.
    fn begin(&self, what: &str, amount: Amount);

    /// So many more steps, or bytes, are done.
    fn advance(&self, more: u64);

    /// The piece of work is done.
    fn end(&self);
}

/// A source that tells how much of it was read.
pub struct Told<'a, R> {
    /// What is read.
    pub source: R,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Amount) {}

    fn advance(&self, _: u64) {}

    fn end(&self) {}
}
