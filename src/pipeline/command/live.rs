//! The logs of datums that run, which other processes may read: one file each, in a directory of the job below that of the
//! process that runs it. The first line is the name of the datum.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::datum::Datum;
use crate::owner;
use crate::pipeline::error::Error;
use crate::pipeline::task::Task;
use crate::program;
use crate::store::Store;

/// Where the logs of a job's datums are while they run. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct LiveLogs {
    dir: PathBuf,
    next: AtomicU64,
}

/// The name of the directory.
fn name(job: u64) -> String {
    format!("job-{job}")
}

impl LiveLogs {
    /// Makes the place for those of this job.
    pub(super) fn begin(task: &Task<'_>) -> Result<Self, Error> {
        let own = task.store.tmp().own_dir();
        let own = own.map_err(|source| Error::io("make a place in", task.store.tmp().dir(), source))?;
        let dir = own.join(name(task.job.id));
        fs::create_dir_all(&dir).map_err(|source| Error::io("make", &dir, source))?;
        Ok(Self { dir, next: AtomicU64::new(0) })
    }

    /// The one of a datum that is about to run.
    pub(super) fn of(&self, datum: &Datum) -> program::Live {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let heading = format!("{}\n", serde_json::Value::from(datum.name.as_str()));
        program::Live::new(self.dir.join(number.to_string()), heading.into_bytes())
    }
}

impl Drop for LiveLogs {
    fn drop(&mut self) {
        // What stays is swept when this process is dead.
        let _ = owner::remove(&self.dir);
    }
}

/// The log of a datum that runs.
#[derive(Debug)]
pub struct Live {
    /// The datum's name.
    pub datum: String,
    /// The file, which is another one each time that the datum runs.
    pub path: PathBuf,
    file: File,
    /// Where the log begins in it.
    begin: u64,
}

impl Live {
    fn open(path: PathBuf) -> Option<Self> {
        let mut reader = BufReader::new(File::open(&path).ok()?);
        let mut line = Vec::new();
        let begin = reader.read_until(b'\n', &mut line).ok()? as u64;
        let datum = serde_json::from_slice(&line).ok()?;
        Some(Self { datum, path, file: reader.into_inner(), begin })
    }

    /// What there is of the log from this byte on.
    pub fn read(&mut self, from: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(self.begin.saturating_add(from)))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The logs of the datums of the job that run in any process, by their names. There are none of those that have only begun, or print nothing.
pub fn live(store: &Store, job: u64) -> Vec<Live> {
    let places = || members(store.tmp().dir()).map(|own| own.join(name(job))).filter(|dir| dir.is_dir());
    if places().count() > 1 {
        // The process that ran it has died, and another runs it.
        store.tmp().sweep();
    }
    let mut all: Vec<Live> = places().flat_map(|dir| members(&dir)).filter_map(Live::open).collect();
    all.sort_by(|a, b| a.datum.cmp(&b.datum));
    all
}

fn members(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|member| member.path())
}
