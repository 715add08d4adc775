//! Files of an input that are there as named pipes, and are filled when a program opens them.
//!
//! Nothing tells that somebody has opened a pipe for reading: it is found out by opening it for writing, which fails as long as
//! nobody has. So one thread goes over the pipes again and again, with pauses that grow while nothing happens. It never waits for a program:
//! what is not read is not written, and when the program has ended it ends too.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, mkfifoat, openat};

use super::datum::Datum;
use super::room::Room;
use crate::content::{self, Stream};
use crate::object::{Entry, FileKind, ObjectRead, TreePath};
use crate::pipeline::error::Error;
use crate::pipeline::spec::Contents;
use crate::pipeline::task::chain;

/// The shortest and the longest pause between two looks.
const SHORTEST: Duration = Duration::from_micros(200);
const LONGEST: Duration = Duration::from_millis(20);

/// Most programs read one file after another: so many after the one that was opened last are looked at each time, and all of
/// them when that has not cost more than this part of the time.
const NEXT: usize = 16;
const SHARE: u32 = 8;

/// How much is read of a file at once, in bytes.
const PIECE: usize = 64 << 10;

/// How many pieces are written before something else is looked at.
const PIECES: usize = 32;

/// A file that is a pipe.
struct Pipe<'a> {
    path: PathBuf,
    entry: Entry,
    flow: Option<Flow<'a>>,
}

/// A pipe that somebody reads.
struct Flow<'a> {
    into: File,
    from: Stream<'a>,
    piece: Vec<u8>,
    /// How much of the piece is written.
    written: usize,
}

/// What a look at a pipe has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Something was opened or written.
    Life,
}

/// Makes the pipe at `path`.
pub(super) fn make(path: &Path) -> io::Result<()> {
    Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH)?)
}

/// The pipes of a datum.
pub(super) struct Lazy<'a> {
    pipes: Vec<Pipe<'a>>,
    /// Where a pipe is made before it takes the place of another.
    fresh: PathBuf,
}

impl<'a> Lazy<'a> {
    /// The pipes of a datum that is laid out in the room.
    pub(super) fn of(room: &Room, datum: &Datum) -> Self {
        let mut pipes = Vec::new();
        for part in datum.parts.iter().filter(|part| part.contents == Contents::Lazy) {
            let dir = room.path("in").join(&part.input);
            let files = part.files.iter().filter(|(_, entry)| entry.kind != FileKind::Symlink);
            let pipe = |(path, entry): &(TreePath, Entry)| Pipe {
                path: dir.join(path.as_str()),
                entry: *entry,
                flow: None,
            };
            pipes.extend(files.map(pipe));
        }
        Self { pipes, fresh: room.path("fresh") }
    }

    /// Does `work`, a program's on the datum, and fills the pipes that it opens meanwhile. A file that could not be read is an
    /// error, whatever the program has made of what it got.
    pub(super) fn beside<T>(
        self,
        objects: &'a dyn ObjectRead,
        work: impl FnOnce() -> T,
    ) -> (T, Result<(), String>) {
        if self.pipes.is_empty() {
            return (work(), Ok(()));
        }
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let feeder = scope.spawn(|| self.feed(objects, &over));
            let done = {
                let _end = End { over: &over, feeder: feeder.thread() };
                work()
            };
            let fed = feeder.join().unwrap_or_else(|_| Err("what fills lazy inputs has ended".to_owned()));
            (done, fed)
        })
    }

    fn feed(mut self, objects: &'a dyn ObjectRead, over: &AtomicBool) -> Result<(), String> {
        let (mut next, mut pause) = (0, SHORTEST);
        let (mut looked, mut took) = (Instant::now(), Duration::ZERO);
        while !over.load(Ordering::Relaxed) {
            let look_at_all = looked.elapsed() >= took * SHARE;
            let begun = Instant::now();
            let mut life = false;
            for (at, pipe) in self.pipes.iter_mut().enumerate() {
                let was_open = pipe.flow.is_some();
                if !(look_at_all || was_open || (next..next + NEXT).contains(&at)) {
                    continue;
                }
                if pipe.look(objects, &self.fresh).map_err(|error| chain(&error))? == Found::Life {
                    life = true;
                    next = at;
                }
            }
            if look_at_all {
                (looked, took) = (Instant::now(), begun.elapsed());
            }
            pause = if life { SHORTEST } else { (pause * 2).min(LONGEST) };
            thread::park_timeout(pause);
        }
        Ok(())
    }
}

/// Has the feeder end, also when the work panics.
struct End<'a> {
    over: &'a AtomicBool,
    feeder: &'a Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.feeder.unpark();
    }
}

impl<'a> Pipe<'a> {
    /// Opens the pipe if somebody wants to read it, and writes as much as is read.
    fn look(&mut self, objects: &'a dyn ObjectRead, fresh: &Path) -> Result<Found, Error> {
        let mut flow = if let Some(flow) = self.flow.take() {
            flow
        } else {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // It fails while nobody reads it, and when the program has taken it away.
            let Ok(into) = openat(CWD, &self.path, flags, Mode::empty()) else { return Ok(Found::Nothing) };
            self.renew(fresh).map_err(|source| Error::io("renew", &self.path, source))?;
            let from = content::open(objects, self.entry.blob)?.into();
            Flow { into: into.into(), from, piece: Vec::new(), written: 0 }
        };
        match flow.pour() {
            Ok(Poured::Some) => {
                self.flow = Some(flow);
                Ok(Found::Life)
            }
            Ok(Poured::Nothing) => {
                self.flow = Some(flow);
                Ok(Found::Nothing)
            }
            Ok(Poured::All) => Ok(Found::Life),
            Err(source) => Err(Error::io("fill", &self.path, source)),
        }
    }

    /// Puts another pipe in its place for whoever opens it next, before anything is written: in the old one he would find what the
    /// first reader has left.
    fn renew(&self, fresh: &Path) -> io::Result<()> {
        make(fresh)?;
        fs::rename(fresh, &self.path)
    }
}

/// What was poured.
enum Poured {
    Nothing,
    Some,
    /// All there is, or all that is wanted.
    All,
}

impl Flow<'_> {
    fn pour(&mut self) -> io::Result<Poured> {
        let mut poured = Poured::Nothing;
        for _ in 0..PIECES {
            if self.written == self.piece.len() {
                self.piece.resize(PIECE, 0);
                let count = self.from.read(&mut self.piece)?;
                self.piece.truncate(count);
                self.written = 0;
                if count == 0 {
                    return Ok(Poured::All);
                }
            }
            match self.into.write(self.piece.get(self.written..).unwrap_or_default()) {
                Ok(count) => {
                    self.written += count;
                    poured = Poured::Some;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(poured),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Its reader has read enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Poured::All),
                Err(error) => return Err(error),
            }
        }
        Ok(poured)
    }
}
