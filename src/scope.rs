//! Which paths are meant: all, or those at and below some, or those that match some patterns.

use std::collections::BTreeSet;
use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::fault::{Fault, Kind};
use crate::object::{Entry, TreePath};
use crate::snapshot::{self, Snapshot, below};

/// The characters that make a name a pattern.
pub const PATTERN: [char; 4] = ['*', '?', '[', '{'];

/// A text that is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a pattern: {reason}")]
pub struct Error {
    text: String,
    reason: String,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("write [*] and [?] for the characters * and ? themselves".to_owned())
    }
}

/// A choice of paths.
#[derive(Debug, Clone)]
pub struct Scope {
    paths: Vec<TreePath>,
    globs: Vec<String>,
    set: GlobSet,
}

impl Scope {
    /// The files and directories `paths`, and what matches `globs`; everything if there are none. A pattern that matches a
    /// directory means all of it. What is named twice is named once.
    pub fn new(mut paths: Vec<TreePath>, mut globs: Vec<String>) -> Result<Self, Error> {
        let (mut seen, mut patterns) = (BTreeSet::new(), BTreeSet::new());
        paths.retain(|path| seen.insert(path.clone()));
        globs.retain(|glob| patterns.insert(glob.clone()));
        let mut set = GlobSetBuilder::new();
        let wrong = |text: &str, error: &globset::Error| Error {
            text: text.to_owned(),
            reason: error.kind().to_string(),
        };
        for glob in &globs {
            let glob = GlobBuilder::new(glob).literal_separator(true).build().map_err(|e| wrong(glob, &e))?;
            set.add(glob);
        }
        let set = set.build().map_err(|error| wrong(&globs.join(" "), &error))?;
        Ok(Self { paths, globs, set })
    }

    /// The files and directories `paths`; everything if there are none.
    pub fn of(paths: Vec<TreePath>) -> Self {
        Self { paths, ..Self::whole() }
    }

    /// Everything.
    pub fn whole() -> Self {
        Self { paths: Vec::new(), globs: Vec::new(), set: GlobSet::empty() }
    }

    /// Whether everything is meant.
    pub fn is_whole(&self) -> bool {
        self.paths.is_empty() && self.globs.is_empty()
    }

    /// The files and directories that were named.
    pub fn paths(&self) -> &[TreePath] {
        &self.paths
    }

    /// The patterns that were named.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }

    /// Whether `path` is meant.
    pub fn holds(&self, path: &str) -> bool {
        let named =
            || self.paths.iter().any(|named| path == named.as_str() || path.starts_with(&below(Some(named))));
        let matched = || {
            let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            above.chain([path]).any(|path| self.set.is_match(path))
        };
        self.is_whole() || named() || (!self.globs.is_empty() && matched())
    }

    /// The names and patterns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(TreePath::as_str).chain(self.globs.iter().map(String::as_str))
    }

    /// What each name or pattern means alone.
    pub fn parts(&self) -> Result<Vec<Self>, Error> {
        let paths = self.paths.iter().map(|path| Ok(Self::of(vec![path.clone()])));
        let globs = self.globs.iter().map(|glob| Self::new(Vec::new(), vec![glob.clone()]));
        paths.chain(globs).collect()
    }

    /// The texts with one of which all paths start that are meant.
    pub fn starts(&self) -> Vec<&str> {
        if self.is_whole() {
            return vec![""];
        }
        self.paths.iter().map(TreePath::as_str).chain(self.globs.iter().map(|glob| plain(glob))).collect()
    }

    /// Whether `tree` has a file that is meant.
    pub fn is_in(&self, tree: &Snapshot<'_>) -> Result<bool, snapshot::Error> {
        for path in &self.paths {
            if tree.find(path.as_str())?.is_some() || tree.totals(Some(path))?.count > 0 {
                return Ok(true);
            }
        }
        for start in self.starts().into_iter().skip(self.paths.len()) {
            for file in tree.scan(start)? {
                if self.holds(file?.0.as_str()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The files of `tree` that are meant, by path.
    pub fn files(&self, tree: &Snapshot<'_>) -> Result<Vec<(TreePath, Entry)>, snapshot::Error> {
        let mut files = Vec::new();
        for path in &self.paths {
            files.extend(tree.files_at(Some(path))?);
        }
        for start in self.starts().into_iter().skip(self.paths.len()) {
            for file in tree.scan(start)? {
                let (path, entry) = file?;
                if self.holds(path.as_str()) {
                    files.push((path, entry));
                }
            }
        }
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        files.dedup();
        Ok(files)
    }
}

/// Its names and patterns.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

/// What a pattern begins with before anything in it stands for something else.
fn plain(glob: &str) -> &str {
    let end = glob.find([PATTERN.as_slice(), &['\\']].concat().as_slice()).unwrap_or(glob.len());
    glob.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"names | paths -> those that are meant"`.
    #[track_caller]
    fn check(case: &str) {
        let (names, rest) = case.split_once(" | ").unwrap();
        let (paths, want) = rest.split_once(" -> ").unwrap();
        let (globs, named): (Vec<&str>, Vec<&str>) =
            names.split_whitespace().partition(|name| name.contains('*'));
        let named = named.into_iter().map(|path| path.parse().unwrap()).collect();
        let scope = Scope::new(named, globs.into_iter().map(str::to_owned).collect()).unwrap();
        let held: Vec<&str> = paths.split_whitespace().filter(|path| scope.holds(path)).collect();
        assert_eq!(held.join(" "), want, "{case}");
    }

    #[test]
    fn what_is_named_twice_is_named_once() {
        let path = |name: &str| name.parse::<TreePath>().unwrap();
        let globs = ["*.csv", "*.csv"].map(str::to_owned).to_vec();
        let scope = Scope::new(vec![path("b"), path("a"), path("b")], globs).unwrap();
        assert_eq!(scope.names().collect::<Vec<_>>(), ["b", "a", "*.csv"]);
    }

    #[test]
    fn a_name_means_what_lies_below_it() {
        check(" | a b/c -> a b/c");
        check("b | a b b/c bc b.x -> b b/c");
        check("a/b *.csv | a/b/c a/x x.csv d/x.csv -> a/b/c x.csv");
        check("**/*.csv | x.csv d/x.csv d -> x.csv d/x.csv");
        check("2024/* | 2024/05/01/x 2025/05 -> 2024/05/01/x");
    }

    #[test]
    fn what_is_meant_starts_with_what_is_no_pattern() {
        let paths = vec!["b/c".parse().unwrap()];
        let globs = ["2024/*/x", "*.csv", "a\\*b"].map(str::to_owned).to_vec();
        assert_eq!(Scope::new(paths, globs).unwrap().starts(), ["b/c", "2024/", "", "a"]);
        assert_eq!(Scope::whole().starts(), [""]);
    }
}
