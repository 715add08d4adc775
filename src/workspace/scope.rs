//! Which paths are meant: all, or those at and below some, or those that match some patterns.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::error::Error;
use crate::object::TreePath;
use crate::snapshot::below;

/// A choice of paths.
#[derive(Debug, Clone)]
pub struct Scope {
    paths: Vec<TreePath>,
    globs: Vec<String>,
    set: GlobSet,
}

impl Scope {
    /// The files and directories `paths`, and what matches `globs`; everything if there are none. A pattern that matches a
    /// directory means all of it.
    pub fn new(paths: Vec<TreePath>, globs: Vec<String>) -> Result<Self, Error> {
        let mut set = GlobSetBuilder::new();
        let wrong = |text: &str, error: &globset::Error| Error::Pattern {
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
    fn a_name_means_what_lies_below_it() {
        check(" | a b/c -> a b/c");
        check("b | a b b/c bc b.x -> b b/c");
        check("a/b *.csv | a/b/c a/x x.csv d/x.csv -> a/b/c x.csv");
        check("**/*.csv | x.csv d/x.csv d -> x.csv d/x.csv");
        check("2024/* | 2024/05/01/x 2025/05 -> 2024/05/01/x");
    }
}
