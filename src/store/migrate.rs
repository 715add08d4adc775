//! From one format of a store to the next.
//!
//! A step changes what lies in the store's directory from one format to the one after it. It may be interrupted at any moment, and is made again
//! from its beginning then; so what it has done already it does again without harm.
//!
//! Nobody else uses the store meanwhile. The file that says which format the store has says first that it is being migrated, and who finds that there uses
//! it not; then all are waited for who were present before. Who is present has set his presence before he looked into that file (`opened`), so
//! nobody is missed. The same file tells the new format last, in one step. A store that was left half way is so refused until it is gone on with.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::format::{FORMAT, FORMAT_FILE, MIGRATING, read_format};
use super::opened::LOCK;
use crate::owner::{Tmp, lock_within, presences};

/// How long is waited before it is looked again whether others use the store.
const PAUSE: Duration = Duration::from_millis(20);

/// A step from one format to the next.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The format from which it leads to the one after it.
    pub from: u32,
    /// What it does, for people.
    pub what: &'static str,
    /// Does it, in the store's directory. Done twice, it is done once.
    pub make: fn(&Path) -> io::Result<()>,
}

/// The steps that there are. There was one format so far.
const STEPS: &[Step] = &[];

/// The way of a store to the newest format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The store's own directory.
    pub root: PathBuf,
    /// The format that it has, or had before.
    pub found: u32,
    /// The newest format that this release knows.
    pub newest: u32,
    /// What is to be done, or was, one after the other.
    pub steps: Vec<&'static str>,
}

/// What is to be done for the store to have the newest format. Nothing is changed.
pub fn migration(root: &Path) -> Result<Migration, Error> {
    way(root, STEPS, FORMAT)
}

/// Brings the store to the newest format, and waits so long for others to be done with it. Who is interrupted begins again where he was.
pub fn migrate(root: &Path, wait: Duration) -> Result<Migration, Error> {
    carry_out(root, STEPS, FORMAT, wait)
}

/// Whether a store of this format can be brought to the newest.
pub(super) fn is_known(format: u32) -> bool {
    (format..FORMAT).all(|from| STEPS.iter().any(|step| step.from == from))
}

fn way(root: &Path, steps: &[Step], newest: u32) -> Result<Migration, Error> {
    let (found, rest) = read_format(root)?;
    if found == newest && rest.lines().next() == Some(MIGRATING) {
        // A later release leads on from here, and has begun to.
        return Err(Error::Migrating { path: root.to_owned() });
    }
    if found > newest {
        return Err(Error::TooNew { path: root.to_owned(), found });
    }
    let step = |from| {
        let step = steps.iter().find(|step| step.from == from).map(|step| step.what);
        step.ok_or_else(|| Error::Unmarked {
            path: root.to_owned(),
            reason: "names a format that no vds wrote",
        })
    };
    let steps = (found..newest).map(step).collect::<Result<_, _>>()?;
    Ok(Migration { root: root.to_owned(), found, newest, steps })
}

fn carry_out(root: &Path, steps: &[Step], newest: u32, wait: Duration) -> Result<Migration, Error> {
    let fail = |source| Error::Io { verb: "migrate", path: root.to_owned(), source };
    let busy = || Error::Busy { path: root.to_owned() };
    let migration = way(root, steps, newest)?;
    if migration.steps.is_empty() {
        return Ok(migration);
    }
    let _only_one = lock_within(&root.join("migrate.lock"), wait).map_err(fail)?.ok_or_else(busy)?;
    // As it is now that nobody else migrates it.
    let migration = way(root, steps, newest)?;
    if migration.steps.is_empty() {
        return Ok(migration);
    }
    let was_begun = read_format(root)?.1.lines().next() == Some(MIGRATING);
    mark(root, migration.found, Standing::Migrating).map_err(fail)?;
    let Some(_alone) = alone(root, wait).map_err(fail)? else {
        if !was_begun {
            mark(root, migration.found, Standing::Settled).map_err(fail)?;
        }
        return Err(busy());
    };
    for from in migration.found..newest {
        for step in steps.iter().filter(|step| step.from == from) {
            (step.make)(root).map_err(fail)?;
        }
        let standing = if from + 1 == newest { Standing::Settled } else { Standing::Migrating };
        mark(root, from + 1, standing).map_err(fail)?;
    }
    Ok(migration)
}

/// The lock of the facts, when nobody else is present; `None` if somebody is for longer than `wait`. It is not kept from those who are.
fn alone(root: &Path, wait: Duration) -> io::Result<Option<File>> {
    let (begun, tmp) = (Instant::now(), Tmp::new(&root.join("tmp")));
    loop {
        let left = wait.saturating_sub(begun.elapsed());
        let Some(lock) = lock_within(&root.join(LOCK), left)? else { return Ok(None) };
        if presences(&tmp)?.is_empty() {
            return Ok(Some(lock));
        }
        drop(lock);
        if begun.elapsed() >= wait {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Whether a store may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Settled,
    Migrating,
}

/// Says that the store has this format from now on, and how it stands.
fn mark(root: &Path, format: u32, standing: Standing) -> io::Result<()> {
    let path = root.join(FORMAT_FILE);
    let text = fs::read_to_string(&path)?;
    let settings: Vec<&str> = text.lines().skip(1).filter(|line| *line != MIGRATING).collect();
    let first = format!("vds {format}");
    let migrating = (standing == Standing::Migrating).then_some(MIGRATING);
    let lines = [first.as_str()].into_iter().chain(migrating).chain(settings);
    let tmp = Tmp::new(&root.join("tmp"));
    let draft = tmp.path()?;
    let mut file = File::create_new(&draft)?;
    file.write_all(lines.flat_map(|line| [line, "\n"]).collect::<String>().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(root)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DEFAULT_WAIT, Store};

    /// A store, and steps on from its format: each writes a line of its own, unless that is there. The second fails while
    /// there is a file `full`.
    fn place() -> (tempfile::TempDir, PathBuf, [Step; 2]) {
        fn line(root: &Path, line: &str) -> io::Result<()> {
            let path = root.join("lines");
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text.contains(line) { Ok(()) } else { fs::write(path, text + line) }
        }
        fn first(root: &Path) -> io::Result<()> {
            line(root, "first\n")
        }
        fn second(root: &Path) -> io::Result<()> {
            line(root, "second\n")?;
            if root.join("full").exists() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
        let dir = tempfile::tempdir().unwrap();
        let root = Store::init(dir.path(), DEFAULT_WAIT).unwrap().root().to_owned();
        let steps = [
            Step { from: FORMAT, what: "the first thing", make: first },
            Step { from: FORMAT + 1, what: "the second thing", make: second },
        ];
        (dir, root, steps)
    }

    fn format(root: &Path) -> String {
        fs::read_to_string(root.join(FORMAT_FILE)).unwrap()
    }

    #[test]
    fn steps_are_made_one_after_the_other_and_an_interrupted_one_again() {
        let (_dir, root, steps) = place();
        let (newest, before) = (FORMAT + 2, format(&root));
        let all = ["the first thing", "the second thing"];
        assert_eq!(way(&root, &steps, newest).unwrap().steps, all);
        assert_eq!(format(&root), before);
        fs::write(root.join("full"), "").unwrap();
        assert!(matches!(carry_out(&root, &steps, newest, DEFAULT_WAIT), Err(Error::Io { .. })));
        // The first is made for good.
        assert_eq!(format(&root), before.replacen("vds 1\n", "vds 2\nmigrating\n", 1));
        assert_eq!(way(&root, &steps, newest).unwrap().steps, all[1..]);
        fs::remove_file(root.join("full")).unwrap();
        assert_eq!(carry_out(&root, &steps, newest, DEFAULT_WAIT).unwrap().steps, all[1..]);
        assert_eq!(format(&root), before.replacen("vds 1\n", "vds 3\n", 1));
        assert_eq!(fs::read_to_string(root.join("lines")).unwrap(), "first\nsecond\n");
        assert_eq!(carry_out(&root, &steps, newest, DEFAULT_WAIT).unwrap().steps, [""; 0]);
        // This release does not know it.
        assert!(matches!(migrate(&root, DEFAULT_WAIT), Err(Error::TooNew { found: 3, .. })));
        assert!(matches!(Store::open(&root, DEFAULT_WAIT), Err(Error::TooNew { found: 3, .. })));
    }

    #[test]
    fn who_uses_the_store_is_waited_for_and_who_comes_late_is_refused() {
        let (_dir, root, steps) = place();
        let carry_out = || carry_out(&root, &steps, FORMAT + 1, Duration::ZERO);
        let before = format(&root);
        let (present, sleeping) =
            (Store::open(&root, DEFAULT_WAIT).unwrap(), Store::open(&root, DEFAULT_WAIT).unwrap());
        sleeping.rest().unwrap();
        let facts = present.session().unwrap();
        assert!(matches!(carry_out(), Err(Error::Busy { .. })));
        drop(facts);
        // He may have found what he is about to name.
        assert!(matches!(carry_out(), Err(Error::Busy { .. })));
        assert_eq!(format(&root), before);
        // Who comes while it goes on, or was interrupted.
        mark(&root, FORMAT, Standing::Migrating).unwrap();
        assert!(matches!(sleeping.resume(), Err(Error::Migrating { .. })));
        sleeping.rest().unwrap();
        assert!(matches!(Store::open(&root, DEFAULT_WAIT), Err(Error::Migrating { .. })));
        assert!(matches!(carry_out(), Err(Error::Busy { .. })));
        assert!(matches!(Store::open(&root, DEFAULT_WAIT), Err(Error::Migrating { .. })));
        present.rest().unwrap();
        assert_eq!(carry_out().unwrap().steps, ["the first thing"]);
        assert_eq!(format(&root), before.replacen("vds 1\n", "vds 2\n", 1));
        for late in [present, sleeping] {
            assert!(matches!(late.resume(), Err(Error::TooNew { .. })));
        }
    }

    #[test]
    fn a_store_of_this_release_has_nothing_to_do_and_no_way_leads_from_what_never_was() {
        let (_dir, root, steps) = place();
        let nothing = Migration { root: root.clone(), found: FORMAT, newest: FORMAT, steps: Vec::new() };
        assert_eq!(migration(&root).unwrap(), nothing);
        assert_eq!(migrate(&root, DEFAULT_WAIT).unwrap(), nothing);
        fs::write(root.join(FORMAT_FILE), "vds 0\n").unwrap();
        for refused in [migration(&root), migrate(&root, DEFAULT_WAIT), way(&root, &steps, FORMAT + 2)] {
            assert!(matches!(refused, Err(Error::Unmarked { .. })));
        }
        assert!(matches!(Store::open(&root, DEFAULT_WAIT), Err(Error::Unmarked { .. })));
        // What a later release has begun is its own.
        mark(&root, FORMAT, Standing::Migrating).unwrap();
        for refused in [migration(&root), migrate(&root, DEFAULT_WAIT)] {
            assert!(matches!(refused, Err(Error::Migrating { .. })));
        }
    }
}
