//! The syntax of `REPO@REV:PATH`.
//!
//! REV is a branch, a tag, the first digits of a commit id (at least four), `BRANCH@{TIME}` or `BRANCH@{n}`, each followed by any
//! number of `~n` (n first parents back) and `^n` (the n-th parent), as in git.

use std::fmt;
use std::str::FromStr;

use super::DEFAULT_BRANCH;
use crate::object::{BranchName, NameError, RepoName, TreePath};

/// A text that is not of the form `REPO@REV:PATH`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a revision: {reason}")]
pub struct SyntaxError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A commit as it is written after the `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Where to start.
    pub base: Base,
    /// How to go back from there.
    pub steps: Vec<Step>,
}

/// Where a revision starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A branch, a tag, or the first digits of a commit id.
    Name(String),
    /// Where a branch stood at a time.
    At {
        /// The branch.
        branch: String,
        /// The time as it was written.
        time: String,
    },
    /// Where a branch stood so many moves ago.
    Before {
        /// The branch.
        branch: String,
        /// The number of moves.
        moves: u32,
    },
}

/// One step back in history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `~n`: n times to the first parent.
    Back(u32),
    /// `^n`: to the n-th parent.
    Parent(u32),
}

/// `REPO[@REV][:PATH]`: a commit of a repo, or something in its tree. The default branch is meant when REV is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The repo.
    pub repo: RepoName,
    /// The commit.
    pub rev: Revision,
    /// The file or directory, if one is named.
    pub path: Option<TreePath>,
}

/// `REPO[@BRANCH]`: a branch to write to. The default branch is meant when BRANCH is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The repo.
    pub repo: RepoName,
    /// The branch, which need not exist yet.
    pub branch: BranchName,
}

impl FromStr for Revision {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let fail = |reason: &str| SyntaxError { text: text.to_owned(), reason: reason.to_owned() };
        let start = text.find(['~', '^', '@']).unwrap_or(text.len());
        let (name, rest) = text.split_at(start);
        if name.is_empty() {
            return Err(fail("it names no branch, tag or commit"));
        }
        let (base, rest) = match rest.strip_prefix("@{") {
            None => (Base::Name(name.to_owned()), rest),
            Some(inner) => {
                let (time, rest) = inner.split_once('}').ok_or_else(|| fail("a '{' is not closed"))?;
                let (branch, time) = (name.to_owned(), time.to_owned());
                match time.parse() {
                    Ok(moves) => (Base::Before { branch, moves }, rest),
                    Err(_) => (Base::At { branch, time }, rest),
                }
            }
        };
        let steps =
            steps(rest).ok_or_else(|| fail("after the name only ~n, ^n, @{TIME} and @{n} may follow"))?;
        Ok(Self { base, steps })
    }
}

fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while let Some(sign) = rest.chars().next() {
        let digits = rest.get(1..)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at(end);
        let number = if number.is_empty() { 1 } else { number.parse().ok()? };
        steps.push(match sign {
            '~' => Step::Back(number),
            '^' => Step::Parent(number),
            _ => return None,
        });
        rest = after;
    }
    Some(steps)
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Base::Name(name) => f.write_str(name)?,
            Base::At { branch, time } => write!(f, "{branch}@{{{time}}}")?,
            Base::Before { branch, moves } => write!(f, "{branch}@{{{moves}}}")?,
        }
        self.steps.iter().try_for_each(|step| match step {
            Step::Back(n) => write!(f, "~{n}"),
            Step::Parent(n) => write!(f, "^{n}"),
        })
    }
}

/// `REPO@REV` and `PATH` of `REPO@REV:PATH`, which are apart at the first colon outside braces.
pub fn split_path(text: &str) -> (&str, Option<&str>) {
    match colon(text) {
        None => (text, None),
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
    }
}

fn colon(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// The repo and the revision. Without a name the default branch is meant: `ticks~1`, `ticks@~1`, `ticks@{yesterday}`.
fn split(commit: &str) -> (&str, String) {
    let start = commit.find(['@', '~', '^']).unwrap_or(commit.len());
    let (repo, rest) = commit.split_at(start);
    let rev = match rest.strip_prefix('@') {
        None => format!("{DEFAULT_BRANCH}{rest}"),
        Some(rev) if rev.starts_with('{') => format!("{DEFAULT_BRANCH}@{rev}"),
        Some(rev) if rev.starts_with(['~', '^']) => format!("{DEFAULT_BRANCH}{rev}"),
        Some(rev) => rev.to_owned(),
    };
    (repo, rev)
}

impl FromStr for Location {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let fail = |reason: String| SyntaxError { text: text.to_owned(), reason };
        let (commit, path) = split_path(text);
        let (repo, rev) = split(commit);
        let repo = repo.parse().map_err(|error: NameError| fail(error.to_string()))?;
        let rev = rev.parse().map_err(|error: SyntaxError| fail(error.reason))?;
        let path = match path.map(|path| path.trim_matches('/')) {
            None | Some("") => None,
            Some(path) => {
                Some(path.parse().map_err(|error: crate::object::PathError| fail(error.to_string()))?)
            }
        };
        Ok(Self { repo, rev, path })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repo, self.rev)?;
        self.path.iter().try_for_each(|path| write!(f, ":{path}"))
    }
}

impl FromStr for Target {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let fail = |error: NameError| SyntaxError { text: text.to_owned(), reason: error.to_string() };
        let (repo, branch) = text.split_once('@').unwrap_or((text, DEFAULT_BRANCH));
        Ok(Self { repo: repo.parse().map_err(fail)?, branch: branch.parse().map_err(fail)? })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repo, self.branch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"text -> repo | rev | path"`, where the right side is how it is written in full; `!` is refused.
    #[track_caller]
    fn check(case: &str) {
        let (text, want) = case.split_once(" -> ").unwrap();
        let got = text.parse::<Location>().map_or_else(|_| "!".to_owned(), |location| location.to_string());
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn locations_in_every_form() {
        check("ticks -> ticks@main");
        check("desk/ticks@feature/x -> desk/ticks@feature/x");
        check("ticks@main:2024/05 -> ticks@main:2024/05");
        check("ticks:/2024/05/ -> ticks@main:2024/05");
        check("ticks@main: -> ticks@main");
        check("ticks@4c9f~2^2~ -> ticks@4c9f~2^2~1");
        check("ticks@main@{2024-05-01 14:30}:a:b -> ticks@main@{2024-05-01 14:30}:a:b");
        check("ticks@main@{2 days ago}~3 -> ticks@main@{2 days ago}~3");
        check("ticks@main@{1}:a -> ticks@main@{1}:a");
        check("ticks@{02}~ -> ticks@main@{2}~1");
        check("ticks~1 -> ticks@main~1");
        check("ticks^2~3:x -> ticks@main^2~3:x");
        check("ticks@~1 -> ticks@main~1");
        check("ticks@{2 days ago}~1 -> ticks@main@{2 days ago}~1");
        check("r:a(1)+[x] y.csv -> r@main:a(1)+[x] y.csv");
    }

    #[test]
    fn texts_that_are_no_locations() {
        for text in
            ["", "@main", "ticks@", "ticks@main@{now", "ticks@a@b", "ticks@main:../x", "a b", "t@x~1y"]
        {
            check(&format!("{text} -> !"));
        }
    }

    #[test]
    fn targets_are_branches() {
        assert_eq!("ticks".parse::<Target>().unwrap().to_string(), "ticks@main");
        assert_eq!("a/b@feature/x".parse::<Target>().unwrap().to_string(), "a/b@feature/x");
        assert!("ticks@main~1".parse::<Target>().is_err());
        assert!("ticks@main:path".parse::<Target>().is_err());
    }
}
