//! The workspaces that a store knows, and the commits that their files come from: nothing else may lead to these.
//!
//! Each has a small file of its own in the store, written before its marker says the same. A workspace that was copied or moved by
//! other means is known from its next change on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::Error;
use crate::fault::prevents_writing;
use crate::marker::{Marker, Position, Trust};
use crate::object::{CommitId, Digest};
use crate::store::Store;

/// The store's directory of what it knows of workspaces.
const DIR: &str = "workspaces";

/// A workspace whose directory is not there is remembered for so long after its last change: its disk may only be unplugged.
const AWAY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A workspace that a store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its directory.
    pub dir: PathBuf,
    /// The number of its repo, if it knows it.
    pub repo: Option<u64>,
    /// The commits that its files come from.
    pub commits: Vec<CommitId>,
    /// Whether it is known to be gone.
    is_gone: bool,
    place: PathBuf,
}

/// The workspaces of `store`. What cannot be read is left out: it is written anew with the workspace's next change.
pub fn known(store: &Store) -> Result<Vec<Known>, Error> {
    let dir = store.root().join(DIR);
    let fail = |source| Error::Io { verb: "read", path: dir.clone(), source };
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(fail)?,
    };
    let mut all = Vec::new();
    for entry in entries {
        all.extend(look(store, entry.map_err(fail)?.path()));
    }
    Ok(all)
}

/// Forgets the workspaces that are gone.
pub fn forget_gone(store: &Store) -> Result<(), Error> {
    for known in known(store)?.into_iter().filter(|known| known.is_gone) {
        match fs::remove_file(&known.place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io { verb: "remove", path: known.place, source: error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the file `place` and the marker that it leads to say of a workspace.
fn look(store: &Store, place: PathBuf) -> Option<Known> {
    let (repo, mut commits, dir) = parse(&fs::read(&place).ok()?)?;
    let is_gone = match Marker::find(&dir, Trust::Any) {
        Ok(Some(marker)) if is_same(&marker.store, store.root()) => {
            commits.extend(commits_of([Some(&marker.at), marker.moving.as_ref()]));
            false
        }
        Ok(Some(_)) => true,
        Ok(None) => is_old(&place),
        // Who may not look cannot tell.
        Err(_) => false,
    };
    Some(Known { dir, repo, commits, is_gone, place })
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || fs::canonicalize(one).ok().is_some_and(|one| fs::canonicalize(other).ok() == Some(one))
}

fn is_old(place: &Path) -> bool {
    let changed = fs::symlink_metadata(place).and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|age| age > AWAY))
}

fn commits_of<'a>(positions: impl IntoIterator<Item = Option<&'a Position>>) -> Vec<CommitId> {
    positions.into_iter().flatten().filter_map(|position| position.commit).collect()
}

/// A line for the repo, one for each commit, an empty one, and the path as it is.
fn text(marker: &Marker, at: &Position, moving: Option<&Position>, dir: &Path) -> Vec<u8> {
    let mut text = String::new();
    if let Some(number) = marker.number {
        text += &format!("repo {number}\n");
    }
    for commit in commits_of([Some(at), moving]) {
        text += &format!("commit {commit}\n");
    }
    text.push('\n');
    [text.as_bytes(), dir.as_os_str().as_bytes()].concat()
}

fn parse(bytes: &[u8]) -> Option<(Option<u64>, Vec<CommitId>, PathBuf)> {
    let (mut repo, mut commits, mut rest) = (None, Vec::new(), bytes);
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.get(1..)?;
        match std::str::from_utf8(line).ok()?.split_once(' ') {
            None if line.is_empty() => break,
            Some(("repo", number)) => repo = Some(number.parse().ok()?),
            Some(("commit", id)) => commits.push(CommitId::new(id.parse::<Digest>().ok()?)),
            _ => return None,
        }
    }
    Some((repo, commits, PathBuf::from(std::ffi::OsString::from_vec(rest.to_vec()))))
}

/// Has `store` know that the workspace `dir` is about to stand there. A store that can only be read keeps nothing, and loses nothing.
pub(super) fn enrol(
    store: &Store,
    dir: &Path,
    marker: &Marker,
    at: &Position,
    moving: Option<&Position>,
) -> Result<(), Error> {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let place = store.root().join(DIR).join(Digest::of(dir.as_os_str().as_bytes()).to_string());
    let text = text(marker, at, moving, &dir);
    if fs::read(&place).is_ok_and(|written| written == text) {
        return Ok(());
    }
    match write(store, &place, &text) {
        Err(source) if !prevents_writing(&source) => Err(Error::Io { verb: "write", path: place, source }),
        _ => Ok(()),
    }
}

fn write(store: &Store, place: &Path, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(store.root().join(DIR))?;
    let draft = store.tmp().path()?;
    let mut file = File::create_new(&draft)?;
    file.write_all(text)?;
    file.sync_data()?;
    fs::rename(draft, place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DEFAULT_WAIT;

    fn at(name: &[u8]) -> Position {
        Position { branch: None, commit: Some(CommitId::of(name)) }
    }

    fn marker(store: &Store) -> Marker {
        let (repo, none) = ("r".parse().unwrap(), Vec::new);
        let store = store.root().to_owned();
        Marker {
            store,
            repo,
            number: Some(3),
            at: at(b"old"),
            moving: None,
            paths: none(),
            globs: Vec::new(),
            made: Vec::new(),
        }
    }

    #[test]
    fn a_workspace_is_known_with_what_its_file_and_its_marker_say() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        let desk = dir.path().join("de\nsk \u{e4}");
        fs::create_dir_all(desk.join(".vds")).unwrap();
        assert_eq!(known(&store).unwrap(), []);
        let marker = marker(&store);
        enrol(&store, &desk, &marker, &at(b"old"), Some(&at(b"new"))).unwrap();
        // The directory is not there, or no workspace: its disk may be unplugged.
        let [alone] = &known(&store).unwrap()[..] else { panic!("not one") };
        assert_eq!((alone.repo, &alone.dir), (Some(3), &fs::canonicalize(&desk).unwrap()));
        assert_eq!(alone.commits, [CommitId::of(b"old"), CommitId::of(b"new")]);
        forget_gone(&store).unwrap();
        // Whoever ended between the two writings has the one that its marker names.
        marker.save(&desk, &crate::marker::tmp(&desk)).unwrap();
        enrol(&store, &desk, &marker, &at(b"new"), None).unwrap();
        let [both] = &known(&store).unwrap()[..] else { panic!("not one") };
        assert_eq!(both.commits, [CommitId::of(b"new"), CommitId::of(b"old")]);
        // What long was not there is forgotten, and what is another store's now.
        fs::remove_dir_all(&desk).unwrap();
        let old = SystemTime::now() - AWAY - Duration::from_secs(1);
        File::options().write(true).open(&both.place).unwrap().set_modified(old).unwrap();
        forget_gone(&store).unwrap();
        assert_eq!(known(&store).unwrap(), []);
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        for text in [&b""[..], b"repo 1", b"repo x\n\n/a", b"commit 12\n\n/a", b"\xff\n\n/a", b"word\n\n/a"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(b"\n/a"), Some((None, Vec::new(), PathBuf::from("/a"))));
    }
}
