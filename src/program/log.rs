//! What a program prints, kept within bounds while it runs.

use std::collections::VecDeque;
use std::io::{PipeReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much is kept of the beginning, in bytes.
const HEAD: usize = 4 << 20;

/// How much is kept of the end, in bytes.
const TAIL: usize = 12 << 20;

/// How long what a program left behind may hold its output open after the program has ended.
const GRACE: Duration = Duration::from_secs(2);

/// The beginning and the end of what was printed.
#[derive(Debug)]
pub(super) struct Kept {
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
    fn bytes(&self) -> Vec<u8> {
        let mut all = self.head.clone();
        if self.dropped > 0 {
            all.extend(format!("\n[vds: {} bytes are left out here]\n", self.dropped).bytes());
        }
        all.extend(&self.tail);
        all
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Log {
    kept: Arc<Mutex<Kept>>,
    ended: Receiver<()>,
}

impl Log {
    /// Keeps what comes out of `pipe`, until its other end is closed.
    pub(super) fn of(mut pipe: PipeReader) -> Self {
        let kept = Arc::new(Mutex::new(Kept::new([HEAD, TAIL])));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&kept);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.add(buffer.get(..count).unwrap_or_default());
            }
            // Nobody listens when the wait was given up.
            let _ = end.send(());
        });
        Self { kept, ended }
    }

    /// Waits for `pause`, or less when all who could print have gone. True the first time that they have.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        match self.ended.recv_timeout(pause) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(pause);
                false
            }
        }
    }

    /// What was printed, once the program has ended. A program may have left another behind that holds its output open: that
    /// one is not waited for.
    pub(super) fn finish(self) -> Vec<u8> {
        let _ = self.ended.recv_timeout(GRACE);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes()
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
        let log = Log::of(reader);
        writer.write_all(b"said").unwrap();
        drop(writer);
        assert_eq!(log.finish(), b"said");
    }
}
