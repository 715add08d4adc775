//! Paths and patterns as they are typed: in a workspace of the repo from where one is, else from the top of the tree.

use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::complaint::not_found;
use super::context::Context;
use crate::fault::Cause;
use crate::object::{RepoName, TreePath};
use crate::scope::{PATTERN, Scope};
use crate::snapshot::Snapshot;
use crate::workspace::{self, Workspace};
use crate::{pick, view};

/// With this a word begins that is meant from the top.
const FROM_TOP: &str = ":/";

/// Where words begin.
pub(super) struct Start {
    /// The directory that is the top of the tree, by its names.
    tops: [PathBuf; 2],
    /// The directory that one is in.
    here: PathBuf,
}

impl Context {
    /// Where words about a repo begin.
    pub(super) fn start(&self, repo: &RepoName) -> Result<Start, Cause> {
        Ok(match self.here()? {
            Some((dir, marker)) if marker.repo == *repo => Start::inside(&dir),
            _ => Start::top(),
        })
    }
}

impl Start {
    /// At the top of a tree that lies nowhere on disk.
    pub(super) fn top() -> Self {
        Self { tops: ["/", "/"].map(PathBuf::from), here: PathBuf::from("/") }
    }

    /// Where one is in the workspace `dir`.
    fn inside(dir: &Path) -> Self {
        let real = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        Self { tops: [real, dir.to_owned()], here: env::current_dir().unwrap_or_default() }
    }

    /// The path that a word means; none for the top.
    pub(super) fn path(&self, word: &str) -> Result<Option<TreePath>, Cause> {
        let outside = || match word.parse::<TreePath>() {
            Err(error) if self.here == Path::new("/") => workspace::Error::from(error),
            _ => workspace::Error::Outside { path: PathBuf::from(word), dir: self.tops[1].clone() },
        };
        let place = plain(&self.place(word)).ok_or_else(outside)?;
        let below = self.tops.iter().find_map(|top| place.strip_prefix(top).ok()).ok_or_else(outside)?;
        let text = below.to_str().ok_or_else(outside)?;
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(text.parse().map_err(workspace::Error::from)?))
    }

    fn place(&self, word: &str) -> PathBuf {
        match word.strip_prefix(FROM_TOP) {
            Some(rest) => self.tops[1].join(rest),
            None => self.here.join(word),
        }
    }

    /// The pattern that a word is. The directory that one is in is meant as it is, whatever characters it has.
    fn glob(&self, word: &str) -> Option<String> {
        let above = self.tops.iter().find_map(|top| self.here.strip_prefix(top).ok())?;
        let glob = match word.strip_prefix(FROM_TOP) {
            Some(rest) => PathBuf::from(rest),
            None => Path::new(&globset::escape(&above.to_string_lossy())).join(word),
        };
        Some(plain(&glob)?.to_string_lossy().into_owned())
    }

    /// What words mean: everything, if there are none. What has the characters of a pattern and `is_there` is a name all the same.
    pub(super) fn scope(
        &self,
        words: &[String],
        is_there: impl Fn(&TreePath) -> Result<bool, Cause>,
    ) -> Result<Scope, Cause> {
        let (mut paths, mut globs) = (Vec::new(), Vec::new());
        for word in words {
            let Some(path) = self.path(word)? else { return Ok(Scope::whole()) };
            match self.glob(word).filter(|_| word.contains(PATTERN)) {
                Some(glob) if !is_there(&path)? => globs.push(glob),
                _ => paths.push(path),
            }
        }
        Ok(Scope::new(paths, globs)?)
    }
}

/// What is named by words as they are typed in a workspace.
pub(super) fn selection(workspace: &Workspace, words: &[String]) -> Result<Scope, Cause> {
    let tree = workspace.snapshot()?;
    Start::inside(workspace.dir()).scope(words, |path| {
        let is_on_disk = fs::symlink_metadata(workspace.dir().join(path.as_str())).is_ok();
        Ok(is_on_disk || is_in(&tree, path)?)
    })
}

/// What words mean in trees, which are called `of`. An error if one means nothing in any.
pub(super) fn scope_in(
    start: &Start,
    words: &[String],
    trees: &[Snapshot<'_>],
    of: &[String],
) -> Result<Scope, Cause> {
    let scope = start.scope(words, |path| any(trees, |tree| is_in(tree, path)))?;
    for part in scope.parts()? {
        if !any(trees, |tree| Ok(part.is_in(tree)?))? {
            return Err(nowhere(&part, trees, of));
        }
    }
    Ok(scope)
}

/// What words mean that say what is to be held, of what is in `tree` now and of what will be: what means nothing yet is told.
pub(super) fn scope_to_hold(
    cx: &Context,
    start: &Start,
    words: &[String],
    tree: Snapshot<'_>,
    of: String,
) -> Result<Scope, Cause> {
    let scope = start.scope(words, |path| is_in(&tree, path))?;
    let of = [of];
    for part in scope.parts()? {
        if !part.is_in(&tree)? {
            let cause = nowhere(&part, &[tree], &of);
            let hint = cause.hint().unwrap_or_default();
            cx.note(&format!("warning: {cause} yet; {hint}"));
        }
    }
    Ok(scope)
}

/// Whether the path is a file or a directory in the tree.
pub(super) fn is_in(tree: &Snapshot<'_>, path: &TreePath) -> Result<bool, Cause> {
    Ok(Scope::of(vec![path.clone()]).is_in(tree)?)
}

fn any(trees: &[Snapshot<'_>], is_so: impl Fn(&Snapshot<'_>) -> Result<bool, Cause>) -> Result<bool, Cause> {
    for tree in trees {
        if is_so(tree)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// That a name or a pattern means nothing in what is called `of`, and what may have been meant.
pub(super) fn nowhere(part: &Scope, trees: &[Snapshot<'_>], of: &[String]) -> Cause {
    let name = view::path(&part.to_string());
    let message = match of {
        [only] => format!("there is no {only}:{name}"),
        several => format!("{name} is neither in {}", several.join(" nor in ")),
    };
    let near = |path: &TreePath| {
        trees.iter().find_map(|tree| pick::similar(*tree, path).ok().filter(|near| !near.is_empty()))
    };
    let hint = match part.paths().first().and_then(near) {
        Some(near) => format!("did you mean {}?", near.join(" or ")),
        None => format!("`vds ls -r {}` shows what there is", of.first().map_or("REPO@REV", String::as_str)),
    };
    not_found(message, hint)
}

/// The path without `.` and `..`, which are taken back by name; `None` if that leads above all.
fn plain(path: &Path) -> Option<PathBuf> {
    path.components().try_fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => plain.pop().then_some(())?,
            Component::CurDir => {}
            part => plain.push(part),
        }
        Some(plain)
    })
}
