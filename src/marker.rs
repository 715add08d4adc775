//! The small file that makes a directory a workspace: which store, repo and branch it belongs to, and what it holds.
//!
//! It may lie in a directory that somebody else packed, so nothing is believed that was not written by the person who
//! runs the program, unless that person names the store; and no link is followed to read or to write it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Kind};
use crate::object::{BranchName, CommitId, Digest, RepoName, STORE_NAME, TreePath};
use crate::owner::Tmp;

/// The name of the file, in the workspace's `.vds` directory.
const FILE: &str = "workspace";

/// The name of its directory of temporary files there.
const TMP: &str = "workspace.tmp";

/// The format that this release reads and writes.
const FORMAT: u32 = 1;

/// The largest file that is read, in bytes.
const LONGEST: u64 = 1 << 22;

/// A marker could not be read or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The disk failed.
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    /// It says nothing that can be understood.
    #[error("{} does not tell what workspace this is: {reason}", .path.display())]
    Illegible { path: PathBuf, reason: String },
    /// A later release made it.
    #[error("{} has format {found}, and this vds knows formats up to {FORMAT}", .path.display())]
    TooNew { path: PathBuf, found: u32 },
    /// Somebody else made it.
    #[error("the workspace {} belongs to another user, and names the store {}", .dir.display(), .store.display())]
    Foreign { dir: PathBuf, store: PathBuf },
    /// The store's path cannot be written down.
    #[error("the path of the store {} is not UTF-8", .store.display())]
    NotUtf8 { store: PathBuf },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io { .. } => Kind::Io,
            Self::Illegible { .. } | Self::TooNew { .. } => Kind::Damaged,
            Self::Foreign { .. } => Kind::Refused,
            Self::NotUtf8 { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } => "see that you may read and write its directory".to_owned(),
            Self::Illegible { path, .. } => {
                format!("mend the file, or remove {} and check out into the directory again", path.display())
            }
            Self::TooNew { .. } => "install the vds that made it, or a later one".to_owned(),
            Self::Foreign { .. } => "if you trust it, name that store yourself, with --store".to_owned(),
            Self::NotUtf8 { .. } => "move the store to such a path, or check out with --plain".to_owned(),
        })
    }
}

/// Whose marker is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// That of the person who runs the program.
    Own,
    /// Any: the person has named the store.
    Any,
}

/// Where a workspace stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The branch that it follows, if it follows one.
    pub branch: Option<BranchName>,
    /// The commit that its files come from; none on a branch that has not begun.
    pub commit: Option<CommitId>,
}

/// What a workspace belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The store's own directory.
    pub store: PathBuf,
    /// The repo, by the name that it had.
    pub repo: RepoName,
    /// The repo's number in the store, which it keeps under any name.
    pub number: Option<u64>,
    /// Where the workspace stands.
    pub at: Position,
    /// Where a switch leads that has begun and not ended.
    pub moving: Option<Position>,
    /// The files and directories that it holds.
    pub paths: Vec<TreePath>,
    /// Patterns of files that it holds. Without paths and patterns it holds everything.
    pub globs: Vec<String>,
    /// The operations by which its latest changes were committed, oldest first. When one is taken back, what it committed is a local
    /// change again.
    pub made: Vec<u64>,
}

/// The file as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    store: String,
    repo: RepoName,
    number: Option<u64>,
    branch: Option<BranchName>,
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<TreePath>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    globs: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    made: Vec<u64>,
    moving: Option<Moving>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moving {
    branch: Option<BranchName>,
    commit: Option<String>,
}

/// Only which format it is; the rest may be of a later one.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

fn commit_of(text: &str) -> Result<CommitId, String> {
    Ok(CommitId::new(text.parse::<Digest>().map_err(|error| error.to_string())?))
}

/// The way from a workspace's own directory to a store in the same directory or one above it, so that all of that can be moved.
fn way(inside: &Path, store: &Path) -> Option<PathBuf> {
    let (inside, store) = (fs::canonicalize(inside).ok()?, fs::canonicalize(store).ok()?);
    if inside == store {
        return Some(PathBuf::from("."));
    }
    let up = inside.ancestors().position(|above| Some(above) == store.parent())?;
    Some([".."].repeat(up).iter().collect::<PathBuf>().join(store.file_name()?))
}

/// Where a way leads that [`way`] gave, or the path itself.
fn follow(inside: &Path, way: &Path) -> PathBuf {
    let start = fs::canonicalize(inside).unwrap_or_else(|_| inside.to_owned());
    way.components().fold(start, |mut place, part| {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir => {}
            part => place.push(part),
        }
        place
    })
}

/// Whether `dir` is a workspace, as far as can be seen without reading.
pub fn is_workspace(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(STORE_NAME).join(FILE)).is_ok_and(|meta| meta.is_file())
}

/// The place for temporary files of the workspace `dir`. That its directory is missing shows when a place in it is needed.
pub fn tmp(dir: &Path) -> Tmp {
    let path = dir.join(STORE_NAME).join(TMP);
    if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
        // Somebody would have us write elsewhere.
        let _ = fs::remove_file(&path);
    }
    let _ = fs::create_dir(&path);
    Tmp::new(&path)
}

impl Marker {
    /// The marker of the workspace `dir`; `None` if it is no workspace.
    pub fn find(dir: &Path, trust: Trust) -> Result<Option<Self>, Error> {
        let inside = dir.join(STORE_NAME);
        let path = inside.join(FILE);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fail = |source| Error::Io { verb: "read", path: path.clone(), source };
        // The directory may be no link either.
        let step = flags | OFlags::DIRECTORY;
        let opened = openat(CWD, &inside, step, Mode::empty())
            .and_then(|there| openat(there, FILE, flags, Mode::empty()));
        let file = match opened {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(fail(error.into())),
            Ok(file) => File::from(file),
        };
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Ok(None);
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(fail)?;
        let marker = Self::parse(&text, &path, &inside)?;
        if trust == Trust::Own && meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(Error::Foreign { dir: dir.to_owned(), store: marker.store });
        }
        Ok(Some(marker))
    }

    fn parse(text: &str, path: &Path, inside: &Path) -> Result<Self, Error> {
        let illegible = |reason: String| Error::Illegible { path: path.to_owned(), reason };
        let wrong = |error: toml::de::Error| illegible(error.message().to_owned());
        let Head { format } = toml::from_str(text).map_err(wrong)?;
        if format > FORMAT {
            return Err(Error::TooNew { path: path.to_owned(), found: format });
        }
        let Text { store, repo, number, branch, base, paths, globs, made, moving, .. } =
            toml::from_str(text).map_err(wrong)?;
        let commit = base.map(|base| commit_of(&base)).transpose().map_err(illegible)?;
        let moving = match moving {
            None => None,
            Some(Moving { branch, commit }) => {
                let commit = commit.map(|id| commit_of(&id)).transpose().map_err(illegible)?;
                Some(Position { branch, commit })
            }
        };
        if branch.is_none() && commit.is_none() {
            return Err(illegible("it names neither a branch nor a commit".to_owned()));
        }
        let store = follow(inside, Path::new(&store));
        Ok(Self { store, repo, number, at: Position { branch, commit }, moving, paths, globs, made })
    }

    fn text(&self, inside: &Path) -> Result<String, Error> {
        let store = way(inside, &self.store).unwrap_or_else(|| self.store.clone());
        let text = Text {
            format: FORMAT,
            store: store.to_str().ok_or_else(|| Error::NotUtf8 { store: self.store.clone() })?.to_owned(),
            repo: self.repo.clone(),
            number: self.number,
            branch: self.at.branch.clone(),
            base: self.at.commit.map(|id| id.to_string()),
            paths: self.paths.clone(),
            globs: self.globs.clone(),
            made: self.made.clone(),
            moving: self
                .moving
                .clone()
                .map(|to| Moving { branch: to.branch, commit: to.commit.map(|id| id.to_string()) }),
        };
        toml::to_string(&text)
            .map_err(|error| Error::Illegible { path: inside.join(FILE), reason: error.to_string() })
    }

    /// Makes `dir` the workspace that this says, whatever it was before: all at once, and on disk.
    pub fn save(&self, dir: &Path, tmp: &Tmp) -> Result<(), Error> {
        let inside = dir.join(STORE_NAME);
        let text = self.text(&inside)?;
        let write = || {
            let draft = tmp.path()?;
            let mut file = File::create_new(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(draft, inside.join(FILE))
        };
        write().map_err(|source| Error::Io { verb: "write", path: inside.join(FILE), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn marker(store: &Path) -> Marker {
        Marker {
            store: store.to_owned(),
            repo: "desk/ticks".parse().unwrap(),
            number: Some(7),
            at: Position { branch: Some("main".parse().unwrap()), commit: Some(CommitId::of(b"base")) },
            moving: Some(Position { branch: None, commit: Some(CommitId::of(b"next")) }),
            paths: vec!["a \"b\"\n/c".parse().unwrap()],
            globs: vec!["2024/*.csv".to_owned()],
            made: vec![3, 4],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join(STORE_NAME);
        assert_eq!(Marker::find(dir.path(), Trust::Own).unwrap(), None);
        fs::create_dir(&inside).unwrap();
        let tmp = tmp(dir.path());
        for store in [Path::new("/data/.vds"), &inside] {
            let written = marker(store);
            written.save(dir.path(), &tmp).unwrap();
            assert_eq!(Marker::find(dir.path(), Trust::Own).unwrap(), Some(written));
        }
        let text = fs::read_to_string(inside.join(FILE)).unwrap();
        let (base, next) = (CommitId::of(b"base"), CommitId::of(b"next"));
        let want = format!(
            "format = 1\nstore = \".\"\nrepo = \"desk/ticks\"\nnumber = 7\nbranch = \"main\"\nbase = \"{base}\"\npaths = [\"\"\"\na \"b\"\n/c\"\"\"]\n\
             globs = [\"2024/*.csv\"]\nmade = [3, 4]\n\n[moving]\ncommit = \"{next}\"\n"
        );
        assert_eq!(text, want);
    }

    #[test]
    fn what_a_stranger_may_have_written_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join(STORE_NAME);
        fs::create_dir(&inside).unwrap();
        let id = CommitId::of(b"");
        let head = "format = 1\nstore = \"/x\"\nrepo = \"r\"\n";
        for (text, want) in [
            (String::new(), "missing field `format`"),
            ("format = 2\nnews = 1\n".to_owned(), "has format 2"),
            (head.to_owned(), "neither a branch nor a commit"),
            (format!("{head}branch = \"main\"\nbase = \"..\"\n"), "64 hexadecimal digits"),
            (format!("{head}base = \"{id}\"\npaths = [\"../x\"]\n"), "'..' segment"),
            (format!("{head}base = \"{id}\"\nhooks = [\"rm\"]\n"), "unknown field `hooks`"),
        ] {
            fs::write(inside.join(FILE), &text).unwrap();
            let error = Marker::find(dir.path(), Trust::Own).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
        // Neither through a link nor as something else.
        fs::rename(inside.join(FILE), dir.path().join("text")).unwrap();
        symlink("../text", inside.join(FILE)).unwrap();
        assert_eq!(Marker::find(dir.path(), Trust::Own).unwrap(), None);
        fs::remove_file(inside.join(FILE)).unwrap();
        fs::create_dir(inside.join(FILE)).unwrap();
        assert_eq!(Marker::find(dir.path(), Trust::Own).unwrap(), None);
        let outer = tempfile::tempdir().unwrap();
        symlink(&inside, outer.path().join(STORE_NAME)).unwrap();
        assert_eq!(Marker::find(outer.path(), Trust::Own).unwrap(), None);
    }
}
