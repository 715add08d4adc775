//! Paths inside a tree.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest path, in bytes.
pub const MAX_PATH: usize = 4095;

/// The longest segment between slashes, in bytes: what common file systems can hold.
pub const MAX_SEGMENT: usize = 255;

/// The name of a store's directory. No path may lead into one, so that a checkout cannot change a store.
pub const STORE_NAME: &str = ".vds";

/// A legal path in a tree: relative, `/`-separated UTF-8 without empty, `.` or `..` segments and without NUL.
/// [`str::parse`] is the only way to make one. Ordered by bytes, which is also the order of S3 listings.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Box<str>);

/// Why a text is not a path in a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not a legal path: {reason}")]
pub struct PathError {
    /// What was given.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl TreePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directories above, nearest last: `a`, `a/b` for `a/b/c`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }

    /// This path below `prefix`, which is empty for the root.
    pub fn below(&self, prefix: &str) -> Result<Self, PathError> {
        if prefix.is_empty() { Ok(self.clone()) } else { format!("{prefix}/{self}").parse() }
    }
}

fn fault_of(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > MAX_PATH {
        return Some("it is longer than 4095 bytes");
    }
    if path.contains('\0') {
        return Some("it contains a NUL character");
    }
    path.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment (a leading, trailing or double slash)"),
        "." | ".." => Some("it has a '.' or '..' segment"),
        // Some file systems do not tell upper from lower case.
        store if store.eq_ignore_ascii_case(STORE_NAME) => {
            Some("it has a segment '.vds', the name of a store's directory")
        }
        long if long.len() > MAX_SEGMENT => Some("it has a segment longer than 255 bytes"),
        _ => None,
    })
}

impl FromStr for TreePath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        match fault_of(path) {
            None => Ok(Self(path.into())),
            Some(reason) => Err(PathError { path: path.to_owned(), reason }),
        }
    }
}

impl TryFrom<String> for TreePath {
    type Error = PathError;

    fn try_from(path: String) -> Result<Self, PathError> {
        path.parse()
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0.into()
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_but_legal_paths() {
        for path in
            ["a", "a/b", "a(1)+[x].csv", "day two/x y", "Ünïcode/ß", "line\nbreak", "...", ".a", "-", "a\\b"]
        {
            assert!(path.parse::<TreePath>().is_ok(), "{path:?}");
        }
    }

    #[test]
    fn paths_that_could_leave_the_tree_or_name_nothing() {
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "a/.",
            "nul\0",
            ".vds",
            "a/.VDS/b",
            &"x".repeat(256),
        ] {
            assert!(path.parse::<TreePath>().is_err(), "{path:?}");
        }
        assert!("ab/".repeat(2000).trim_end_matches('/').parse::<TreePath>().is_err());
    }

    #[test]
    fn ancestors_come_from_the_root_down() {
        let path: TreePath = "a/b/c".parse().unwrap();
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(path.file_name(), "c");
    }
}
