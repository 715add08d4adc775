//! Telling a person how far a long piece of work has come.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

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

    /// So many more steps, or bytes, are to be done than was said.
    fn expect(&self, more: u64);

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

    fn expect(&self, _: u64) {}

    fn advance(&self, _: u64) {}

    fn end(&self) {}
}

/// Tells of several pieces of work that go on at once as if they were one: what the first does, and how much all have to do.
pub struct Sum<'a> {
    to: &'a dyn Progress,
    /// How many of them go on.
    count: Mutex<usize>,
}

impl<'a> Sum<'a> {
    /// What is told of to `to`.
    pub fn new(to: &'a dyn Progress) -> Self {
        Self { to, count: Mutex::new(0) }
    }
}

impl Progress for Sum<'_> {
    fn begin(&self, what: &str, amount: Amount) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        match amount {
            _ if *count == 1 => self.to.begin(what, amount),
            Amount::Steps(Some(more)) | Amount::Bytes(Some(more)) => self.to.expect(more),
            Amount::Steps(None) | Amount::Bytes(None) => {}
        }
    }

    fn expect(&self, more: u64) {
        self.to.expect(more);
    }

    fn advance(&self, more: u64) {
        self.to.advance(more);
    }

    fn end(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.to.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what it is told.
    #[derive(Default)]
    struct Notes(Mutex<String>);

    impl Notes {
        fn add(&self, text: &str) {
            *self.0.lock().unwrap() += text;
        }
    }

    impl Progress for Notes {
        fn begin(&self, what: &str, amount: Amount) {
            self.add(&format!("{what} {amount:?}; "));
        }

        fn expect(&self, more: u64) {
            self.add(&format!("of {more} more; "));
        }

        fn advance(&self, more: u64) {
            self.add(&format!("{more} done; "));
        }

        fn end(&self) {
            self.add("end; ");
        }
    }

    #[test]
    fn several_pieces_of_work_are_told_as_one() {
        let notes = Notes::default();
        let sum = Sum::new(&notes);
        sum.begin("a", Amount::Steps(Some(3)));
        sum.begin("b", Amount::Steps(Some(4)));
        sum.advance(1);
        sum.end();
        sum.advance(2);
        sum.end();
        sum.begin("c", Amount::Steps(None));
        sum.end();
        let want = "a Steps(Some(3)); of 4 more; 1 done; 2 done; end; c Steps(None); end; ";
        assert_eq!(*notes.0.lock().unwrap(), want);
    }
}
