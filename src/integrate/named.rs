//! Which conflicts a person means.

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::object::TreePath;
use crate::pick;
use crate::snapshot::below;

/// Conflicts as they are named: a path, a directory, a pattern, or `.` for all. A path that is in conflict is that path,
/// whatever characters it has.
#[derive(Debug, Clone)]
pub struct Named {
    text: String,
    /// `None` for all.
    path: Option<TreePath>,
    pattern: Option<GlobMatcher>,
}

impl FromStr for Named {
    type Err = pick::Error;

    fn from_str(text: &str) -> Result<Self, pick::Error> {
        if matches!(text, "." | "./") {
            return Ok(Self::all());
        }
        let path = pick::path(text)?;
        let pattern = GlobBuilder::new(path.as_str()).literal_separator(true).build();
        // What is no pattern may still be a path.
        Ok(Self {
            text: path.to_string(),
            pattern: pattern.ok().map(|glob| glob.compile_matcher()),
            path: Some(path),
        })
    }
}

impl Named {
    /// All conflicts.
    pub fn all() -> Self {
        Self { text: ".".to_owned(), path: None, pattern: None }
    }

    /// How it was named.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Which of these paths are meant.
    pub(super) fn among<'p>(&self, paths: impl Iterator<Item = &'p TreePath> + Clone) -> Vec<&'p TreePath> {
        let Some(path) = &self.path else { return paths.collect() };
        let inside = below(Some(path));
        let lies_there = |at: &&TreePath| *at == path || at.as_str().starts_with(&inside);
        let there: Vec<&TreePath> = paths.clone().filter(lies_there).collect();
        if !there.is_empty() {
            return there;
        }
        let Some(pattern) = &self.pattern else { return there };
        let matches =
            |at: &&TreePath| pattern.is_match(at.as_str()) || at.ancestors().any(|dir| pattern.is_match(dir));
        paths.filter(matches).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        let paths: Vec<TreePath> =
            ["a.csv", "d/b.csv", "d/e/c", "x", "[x]"].iter().map(|path| path.parse().unwrap()).collect();
        let named: Named = name.parse().unwrap();
        let found: Vec<&str> = named.among(paths.iter()).into_iter().map(TreePath::as_str).collect();
        assert_eq!(found.join(" "), want, "{name}");
    }

    #[test]
    fn paths_directories_and_patterns_name_conflicts() {
        check(".", "a.csv d/b.csv d/e/c x [x]");
        check("a.csv", "a.csv");
        check("./d/", "d/b.csv d/e/c");
        check("*.csv", "a.csv");
        check("**/*.csv", "a.csv d/b.csv");
        check("d/?", "d/e/c");
        check("[x]", "[x]");
        check("[xy]", "x");
        check("none", "");
    }
}
