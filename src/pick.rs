//! What paths and patterns name in a tree, and where it goes when it is copied or moved.
//!
//! Deciding only: nothing here changes a tree.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use globset::GlobBuilder;

use crate::fault::{Kind, fault};
use crate::object::{Entry, PathError, TreePath};
use crate::snapshot::{self, Member, Snapshot, below};

/// What was named cannot be found, or cannot go where it should.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Nothing has this path.
    #[error("there is no file or directory {text:?}")]
    Nothing { text: String, nearest: Vec<String> },
    /// Nothing matches this pattern.
    #[error("no file or directory matches {text:?}")]
    NoMatch { text: String },
    /// The text is not a pattern.
    #[error("{text:?} is not a pattern: {reason}")]
    Pattern { text: String, reason: String },
    /// The text is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Something would go into itself or onto itself.
    #[error("{from} cannot go to {to}, which is itself or lies in it")]
    IntoItself { from: TreePath, to: TreePath },
    /// A file lies where a directory is needed.
    #[error("{to} cannot be written: {file} is a file there")]
    FileInTheWay { to: TreePath, file: TreePath },
    /// A directory lies where a file or another directory would go.
    #[error("{to} is a directory already")]
    DirectoryInTheWay { to: TreePath },
    /// Two things would go to one place.
    #[error("{a} and {b} would both become {to}")]
    Collision { a: TreePath, b: TreePath, to: TreePath },
    /// The tree failed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
}

fault! {
    Error passes on Snapshot;
    kind {
        Self::Nothing { .. } | Self::NoMatch { .. } => Kind::NotFound,
        Self::Pattern { .. } | Self::Path(_) => Kind::Usage,
        Self::IntoItself { .. }
        | Self::FileInTheWay { .. }
        | Self::DirectoryInTheWay { .. }
        | Self::Collision { .. } => Kind::Refused,
    }
    hint {
        Self::Nothing { nearest, .. } if !nearest.is_empty() => {
            Some(format!("did you mean {}?", nearest.join(" or ")))
        }
        Self::Nothing { .. } | Self::NoMatch { .. } => Some("`vds ls -r REPO` shows what there is".to_owned()),
        Self::Pattern { .. } => {
            Some("write [*] and [?] for the characters * and ? themselves".to_owned())
        }
        Self::Path(_) => Some("paths are relative to the top of the tree, without . and ..".to_owned()),
        Self::IntoItself { .. } => Some("choose another place".to_owned()),
        Self::FileInTheWay { file, .. } => Some(format!("remove or move {file} first")),
        Self::DirectoryInTheWay { to } => Some(format!("write {to}/NAME to put it inside")),
        Self::Collision { .. } => Some("copy or move them one at a time".to_owned()),
    }
}

/// A file or directory that was named, with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// Its path; `None` for the whole tree.
    pub path: Option<TreePath>,
    /// The file itself, or all files below the directory.
    pub files: Vec<(TreePath, Entry)>,
}

impl Picked {
    fn is_file(&self) -> bool {
        matches!((&self.path, self.files.as_slice()), (Some(path), [(only, _)]) if path == only)
    }
}

/// Where things go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// What is named becomes this path.
    At(TreePath),
    /// What is named goes into this directory, under its own name; `None` is the top.
    Into(Option<TreePath>),
}

/// A path as people type it: a slash at the end and `./` before it do no harm.
pub fn path(text: &str) -> Result<TreePath, PathError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    text.strip_prefix("./").unwrap_or(text).parse()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(path) => write!(f, "{path}"),
            Self::Into(Some(dir)) => write!(f, "{dir}/"),
            Self::Into(None) => f.write_str("the top"),
        }
    }
}

impl FromStr for Place {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match (text, text.strip_suffix('/')) {
            ("." | "./" | "/", _) => Ok(Self::Into(None)),
            (_, Some(dir)) => Ok(Self::Into(Some(path(dir)?))),
            (_, None) => Ok(Self::At(path(text)?)),
        }
    }
}

/// What a path, a directory or a pattern names. A name that exists is that name, whatever characters it has. A pattern
/// that matches a directory names all of it.
pub fn pick(tree: Snapshot<'_>, text: &str) -> Result<Vec<Picked>, Error> {
    let named = path(text);
    if let Ok(path) = &named {
        let files = tree.files_at(Some(path))?;
        if !files.is_empty() {
            return Ok(vec![Picked { path: Some(path.clone()), files }]);
        }
    }
    if !text.contains(['*', '?', '[', '{']) {
        let nearest = similar(tree, &named?)?;
        return Err(Error::Nothing { text: text.to_owned(), nearest });
    }
    let pattern = GlobBuilder::new(text.strip_suffix('/').unwrap_or(text)).literal_separator(true).build();
    let reason =
        |error: globset::Error| Error::Pattern { text: text.to_owned(), reason: error.kind().to_string() };
    let pattern = pattern.map_err(reason)?.compile_matcher();
    let mut found: BTreeMap<TreePath, Picked> = BTreeMap::new();
    for file in tree.scan("")? {
        let (path, entry) = file?;
        let whole =
            path.ancestors().find(|dir| pattern.is_match(dir)).map(str::parse::<TreePath>).transpose()?;
        if let Some(unit) = whole.or_else(|| pattern.is_match(path.as_str()).then(|| path.clone())) {
            let picked = || Picked { path: Some(unit.clone()), files: Vec::new() };
            found.entry(unit.clone()).or_insert_with(picked).files.push((path, entry));
        }
    }
    if found.is_empty() {
        return Err(Error::NoMatch { text: text.to_owned() });
    }
    Ok(found.into_values().collect())
}

/// What lies nearest to a path that does not exist, by name.
pub fn similar(tree: Snapshot<'_>, path: &TreePath) -> Result<Vec<String>, snapshot::Error> {
    // Only names in the directory that is there; a mistake further up is answered with what is there instead.
    let mut dir = path.as_str().rsplit_once('/').map(|(dir, _)| dir.to_owned());
    let mut name = path.file_name().to_owned();
    loop {
        let above = dir.as_deref().and_then(|dir| dir.parse::<TreePath>().ok());
        let members = tree.members(above.as_ref())?;
        if !members.is_empty() || above.is_none() {
            let names = members.iter().map(|member| match member {
                Member::File(path, _) | Member::Directory(path, _) => path.file_name().to_owned(),
            });
            let prefix = below(above.as_ref());
            return Ok(crate::history::nearest(&name, names)
                .into_iter()
                .map(|n| format!("{prefix}{n}"))
                .collect());
        }
        let up = dir.unwrap_or_default();
        let (rest, last) = up.rsplit_once('/').map_or((None, up.as_str()), |(rest, last)| (Some(rest), last));
        last.clone_into(&mut name);
        dir = rest.map(ToOwned::to_owned);
    }
}

/// Whether what goes elsewhere also stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It stays: the files come from this tree or another one.
    Copy,
    /// It leaves its old place in this tree.
    Move,
}

/// Where each file of `picked` goes in `tree`.
pub fn place(
    tree: Snapshot<'_>,
    picked: &[Picked],
    to: &Place,
    manner: Manner,
) -> Result<Vec<(TreePath, Entry)>, Error> {
    let mut taken: BTreeMap<TreePath, TreePath> = BTreeMap::new();
    let mut placed = Vec::new();
    for each in picked {
        let target = match (to, &each.path) {
            (Place::At(at), _) if picked.len() == 1 => Some(at.clone()),
            (Place::At(dir), Some(path)) => Some(path.file_name().parse::<TreePath>()?.below(dir.as_str())?),
            (Place::Into(dir), Some(path)) => {
                Some(path.file_name().parse::<TreePath>()?.below(dir.as_ref().map_or("", TreePath::as_str))?)
            }
            (Place::At(dir), None) => Some(dir.clone()),
            (Place::Into(dir), None) => dir.clone(),
        };
        if let Some(target) = &target {
            check(tree, each, target, manner)?;
            if let (Some(path), Some(other)) =
                (&each.path, each.path.as_ref().and_then(|path| taken.insert(target.clone(), path.clone())))
            {
                return Err(Error::Collision { a: other, b: path.clone(), to: target.clone() });
            }
        }
        let inside = below(each.path.as_ref());
        for (path, entry) in &each.files {
            let rest = path.as_str().strip_prefix(&inside);
            let at = match (&target, rest) {
                (Some(target), Some(rest)) => rest.parse::<TreePath>()?.below(target.as_str())?,
                (Some(target), None) => target.clone(),
                (None, _) => path.clone(),
            };
            placed.push((at, *entry));
        }
    }
    Ok(placed)
}

/// An error if a new file at `target` would destroy what was not named: a directory there, or a file above it.
pub fn check_file(tree: Snapshot<'_>, target: &TreePath) -> Result<(), Error> {
    check_above(tree, target)?;
    if tree.totals(Some(target))?.count > 0 {
        return Err(Error::DirectoryInTheWay { to: target.clone() });
    }
    Ok(())
}

fn check_above(tree: Snapshot<'_>, target: &TreePath) -> Result<(), Error> {
    for above in target.ancestors() {
        if tree.find(above)?.is_some() {
            return Err(Error::FileInTheWay { to: target.clone(), file: above.parse()? });
        }
    }
    Ok(())
}

/// Whether `picked` may become `target` without destroying what was not named.
fn check(tree: Snapshot<'_>, picked: &Picked, target: &TreePath, manner: Manner) -> Result<(), Error> {
    check_above(tree, target)?;
    if let (Some(path), Manner::Move) = (&picked.path, manner)
        && (path == target || target.as_str().starts_with(&below(Some(path))))
    {
        return Err(Error::IntoItself { from: path.clone(), to: target.clone() });
    }
    let is_directory = tree.totals(Some(target))?.count > 0;
    if is_directory && (picked.is_file() || manner == Manner::Move) {
        return Err(Error::DirectoryInTheWay { to: target.clone() });
    }
    if !picked.is_file() && tree.find(target.as_str())?.is_some() {
        return Err(Error::FileInTheWay { to: target.clone(), file: target.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::object::access::memory::Objects;
    use crate::object::{BlobId, FileKind, NodeId};
    use crate::tree;

    fn tree_of(objects: &Objects, paths: &str) -> NodeId {
        let mut draft = Draft::new(tree::empty(objects).unwrap());
        for path in paths.split_whitespace() {
            let entry =
                Entry { kind: FileKind::File, blob: BlobId::of(path.as_bytes()), size: path.len() as u64 };
            draft.put(path.parse().unwrap(), entry);
        }
        draft.finish(objects).unwrap().0
    }

    /// Reads `"tree | names -> place = paths"`; `!` and words of the message when it is refused.
    #[track_caller]
    fn check(manner: Manner, case: &str) {
        let (paths, rest) = case.split_once(" | ").unwrap();
        let (names, rest) = rest.split_once(" -> ").unwrap();
        let (to, want) = rest.split_once(" = ").unwrap();
        let objects = Objects::default();
        let tree = Snapshot::new(&objects, tree_of(&objects, paths));
        let result = (|| {
            let mut picked = Vec::new();
            for name in names.split_whitespace() {
                picked.extend(pick(tree, name)?);
            }
            place(tree, &picked, &to.parse()?, manner)
        })();
        match (result, want.strip_prefix('!')) {
            (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{case}: {error}"),
            (Ok(placed), None) => {
                let paths: Vec<&str> = placed.iter().map(|(path, _)| path.as_str()).collect();
                assert_eq!(paths.join(" "), want, "{case}");
            }
            (other, _) => panic!("{case}: {other:?}"),
        }
    }

    #[test]
    fn what_is_named_goes_where_it_should() {
        for manner in [Manner::Copy, Manner::Move] {
            check(manner, "a b/x b/y | a -> c = c");
            check(manner, "a b/x b/y | b -> c = c/x c/y");
            check(manner, "a b/x b/y | b/ -> c/ = c/b/x c/b/y");
            check(manner, "a b/x b/y | a -> b/ = b/a");
            check(manner, "a b/x b/y | a b/x -> c = c/a c/x");
            check(manner, "d/a.csv d/b.csv d/c | d/*.csv -> e = e/a.csv e/b.csv");
            check(manner, "d/1/a d/2/b | d/* -> e = e/1/a e/2/b");
            check(manner, "d/[x] d/x | d/[x] -> e = e");
            check(manner, "a b | a -> b = b");
            check(manner, "d/a | d/a -> . = a");
        }
    }

    #[test]
    fn nothing_that_was_not_named_is_destroyed() {
        for manner in [Manner::Copy, Manner::Move] {
            check(manner, "a | a -> a/b = !a is a file there");
            check(manner, "a b/x | a -> b = !b is a directory already");
            check(manner, "a b/x | b -> a = !a is a file there");
            check(manner, "p/x q/x | p/x q/x -> r = !both become r/x");
            check(manner, "a | c -> d = !no file or directory");
            check(manner, "a | *.csv -> d = !no file or directory matches");
            check(manner, "a | {a -> d = !not a pattern");
        }
        check(Manner::Move, "a/x | a -> a/b = !itself");
        check(Manner::Move, "a | a -> a = !itself");
        check(Manner::Move, "a/x b/y | a -> b = !b is a directory already");
        check(Manner::Copy, "a/x b/y | a -> b = b/x");
    }

    #[test]
    fn the_nearest_path_is_offered() {
        let objects = Objects::default();
        let tree = Snapshot::new(&objects, tree_of(&objects, "2024/05/01 2024/05/02 best.csv"));
        let near = |path: &str| similar(tree, &path.parse().unwrap()).unwrap();
        assert_eq!(near("bets.csv"), ["best.csv"]);
        assert_eq!(near("2024/05/03"), ["2024/05/01", "2024/05/02"]);
        assert_eq!(near("2024/5/01"), ["2024/05"]);
    }
}
