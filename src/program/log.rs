//! What a program prints, kept within bounds while it runs.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionbio;

use super::wait::{Waited, wait_for};

/// How much is kept of the beginning, in bytes.
pub(super) const HEAD: usize = 4 << 20;

/// How much is kept of the end, in bytes.
const TAIL: usize = 12 << 20;

/// How long what a program left behind may hold its output open after the program has ended.
const GRACE: Duration = Duration::from_secs(2);

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// How often is read at most before something else is looked at.
const READS: usize = 64;

/// The beginning and the end of what was printed.
#[derive(Debug)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
    limits: [usize; 2],
}

impl Kept {
    fn new(limits: [usize; 2]) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), dropped: 0, limits }
    }

    fn add(&mut self, bytes: &[u8]) {
        let [head, tail] = self.limits;
        let (first, rest) = bytes.split_at(bytes.len().min(head - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(tail);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
    }

    /// All that is kept, with a line that says what is not.
    fn bytes(self) -> Vec<u8> {
        let mut all = self.head;
        if self.dropped > 0 {
            all.extend(format!("\n[vds: {} bytes are left out here]\n", self.dropped).bytes());
        }
        all.extend(&self.tail);
        all
    }
}

/// A log that is being written.
pub(super) struct Log {
    pipe: PipeReader,
    kept: Kept,
    buffer: Box<[u8]>,
    /// Whether somebody is left who could print.
    is_open: bool,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("is_open", &self.is_open).finish_non_exhaustive()
    }
}

impl Log {
    /// Will keep what comes out of `pipe`.
    pub(super) fn of(pipe: PipeReader) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { pipe, kept: Kept::new([HEAD, TAIL]), buffer, is_open: true })
    }

    /// What can be read when something is printed; nothing once all who could print have gone.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.is_open.then(|| self.pipe.as_fd())
    }

    /// Takes in what there is, but never so much that nothing else is looked at.
    pub(super) fn read(&mut self) {
        for _ in 0..READS {
            match self.pipe.read(&mut self.buffer) {
                Ok(count @ 1..) => self.kept.add(self.buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.is_open = false;
                    return;
                }
            }
        }
    }

    /// The beginning of what was printed until now.
    pub(super) fn head(&self) -> &[u8] {
        &self.kept.head
    }

    /// What was printed until now, and no longer belongs to the log.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.read();
        std::mem::replace(&mut self.kept, Kept::new([HEAD, TAIL])).bytes()
    }

    /// What was printed, once the program has ended. A program may have left another behind that holds its output open: that
    /// one is not waited for.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let until = Instant::now() + GRACE;
        while let Some(fd) = self.fd() {
            if wait_for(Some(fd), None, None, Some(until)) == Waited::InVain {
                break;
            }
            self.read();
        }
        self.kept.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut kept = Kept::new([4, 6]);
        for part in ["ab", "cdef", "", "ghijkl"] {
            kept.add(part.as_bytes());
        }
        assert_eq!(kept.bytes(), b"abcd\n[vds: 2 bytes are left out here]\nghijkl");
        let mut short = Kept::new([4, 6]);
        short.add(b"abcdefghij");
        assert_eq!(short.bytes(), b"abcdefghij");
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut log = Log::of(reader).unwrap();
        writer.write_all(b"said").unwrap();
        assert_eq!(log.take(), b"said");
        writer.write_all(b"more").unwrap();
        drop(writer);
        assert_eq!(log.finish(), b"more");
    }
}
