//! Sources: what `repo@branch:/glob` means.

use std::fmt;
use std::str::FromStr;

use super::glob::{Glob, Slash};
use super::path::{PathPattern, is_magic};
use crate::object::{BranchName, RepoName};

/// A text that is not of the form `repo@branch:/glob`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an input: {reason}; expected \"REPO@BRANCH:/GLOB\", such as \"ticks@*:/*/*/*\"")]
pub struct PatternError {
    text: String,
    reason: String,
}

/// Where an input comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The repo.
    pub repo: RepoName,
    /// Which of its branches.
    pub branch: BranchPattern,
    /// Which of its paths, and how they are cut.
    pub glob: PathPattern,
    text: String,
}

/// A branch's name, or a pattern for names.
#[derive(Debug, Clone)]
pub enum BranchPattern {
    /// One branch.
    Exact(BranchName),
    /// Every branch that matches. `*` matches slashes too.
    Any(BranchGlob),
}

/// A pattern for the names of branches.
#[derive(Debug, Clone)]
pub struct BranchGlob(Glob);

impl BranchGlob {
    /// Whether the pattern covers this branch.
    pub fn is_match(&self, branch: &str) -> bool {
        self.0.is_match(branch)
    }
}

impl BranchPattern {
    /// Whether the pattern covers this branch.
    pub fn covers(&self, branch: &BranchName) -> bool {
        match self {
            Self::Exact(name) => name == branch,
            Self::Any(glob) => glob.is_match(branch.as_str()),
        }
    }
}

impl FromStr for Source {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let fail = |reason: String| PatternError { text: text.to_owned(), reason };
        let (commit, path) = text.split_once(':').unwrap_or((text, "/"));
        let (repo, branch) = commit.split_once('@').unwrap_or((commit, "main"));
        let repo = repo.parse().map_err(|error: crate::object::NameError| fail(error.to_string()))?;
        let branch = if is_magic(branch) {
            BranchPattern::Any(BranchGlob(Glob::parse(branch, Slash::Ordinary).map_err(fail)?))
        } else {
            BranchPattern::Exact(
                branch.parse().map_err(|error: crate::object::NameError| fail(error.to_string()))?,
            )
        };
        Ok(Self { repo, branch, glob: path.parse().map_err(fail)?, text: text.to_owned() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_match_by_name_or_pattern() {
        let covers = |source: &str, branch: &str| {
            source.parse::<Source>().unwrap().branch.covers(&branch.parse().unwrap())
        };
        assert!(covers("ticks@*:/", "feature/x") && covers("ticks@feature/*:/", "feature/x"));
        assert!(covers("ticks:/", "main") && !covers("ticks:/", "dev") && !covers("ticks@feature/*", "main"));
        assert!("ticks@main:no-slash".parse::<Source>().is_err());
        assert!("@main:/".parse::<Source>().is_err());
        assert!("a@main:/[".parse::<Source>().is_err());
        assert!(format!("r@{}*:/", "x".repeat(5000)).parse::<Source>().is_err());
        assert!(covers("ticks@!(main):/", "a/b") && !covers("ticks@!(main):/", "main"));
    }
}
