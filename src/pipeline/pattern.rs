//! Patterns over branches and paths: what `repo@branch:/glob` means.
//!
//! A path pattern cuts a tree into units: `/` is one, the whole tree; `/*` one for each top entry; `/*/*/*` one for each
//! entry three levels down; a pattern with `**` one for each file it matches. The unit of a path depends on the path alone.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

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
    Any(GlobMatcher),
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

/// A pattern for paths.
#[derive(Debug, Clone)]
pub struct PathPattern {
    text: String,
    prefix: String,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Whole,
    Segments(Vec<GlobMatcher>),
    Files(GlobMatcher),
}

/// The longest pattern, in bytes, and the most braces that may be open at once.
const LIMITS: (usize, usize) = (1024, 8);

/// Patterns are matched in time that grows with the path and the pattern, whatever they are; the limits keep them small.
fn glob(text: &str, separator: bool) -> Result<GlobMatcher, String> {
    let (longest, deepest) = LIMITS;
    if text.len() > longest {
        return Err(format!("a pattern has at most {longest} bytes, and this one has {}", text.len()));
    }
    let depth = |open: usize, c: char| match c {
        '{' => open + 1,
        '}' => open.saturating_sub(1),
        _ => open,
    };
    let mut open = 0;
    if text.chars().any(|c| {
        open = depth(open, c);
        open > deepest
    }) {
        return Err(format!("at most {deepest} braces may be open at once"));
    }
    let built = GlobBuilder::new(text).literal_separator(separator).backslash_escape(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

fn is_magic(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('/').ok_or("the path does not begin with '/'")?.trim_end_matches('/');
        let literal: Vec<&str> = inner.split('/').take_while(|segment| !is_magic(segment)).collect();
        let whole_literal = literal.len() == inner.split('/').count();
        let prefix = match literal.join("/") {
            prefix if prefix.is_empty() || whole_literal => prefix,
            prefix => format!("{prefix}/"),
        };
        let form = if inner.is_empty() {
            Form::Whole
        } else if inner.contains("**") {
            Form::Files(glob(inner, true)?)
        } else {
            Form::Segments(inner.split('/').map(|segment| glob(segment, true)).collect::<Result<_, _>>()?)
        };
        Ok(Self { text: text.to_owned(), prefix, form })
    }
}

impl PathPattern {
    /// The text with which every matching path starts.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The unit that `path` belongs to: empty for the whole tree, `None` if the pattern does not cover the path.
    pub fn unit<'a>(&self, path: &'a str) -> Option<&'a str> {
        match &self.form {
            Form::Whole => Some(""),
            Form::Files(glob) => glob.is_match(path).then_some(path),
            Form::Segments(globs) => {
                let mut end = 0;
                let mut segments = path.split('/');
                for (at, glob) in globs.iter().enumerate() {
                    let segment = segments.next().filter(|segment| glob.is_match(segment))?;
                    end += segment.len() + usize::from(at > 0);
                }
                path.get(..end)
            }
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
            BranchPattern::Any(glob(branch, false).map_err(fail)?)
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

    /// Reads `"pattern | path -> unit"`; `!` is no match.
    #[track_caller]
    fn check(case: &str) {
        let (pattern, rest) = case.split_once(" | ").unwrap();
        let (path, unit) = rest.split_once(" -> ").unwrap();
        let pattern: PathPattern = pattern.parse().unwrap();
        assert_eq!(pattern.unit(path).unwrap_or("!"), unit, "{case}");
        assert!(unit == "!" || path.starts_with(pattern.prefix()), "{case}");
    }

    #[test]
    fn paths_belong_to_units() {
        check("/ | a/b/c -> ");
        check("/* | a/b/c -> a");
        check("/* | top.csv -> top.csv");
        check("/*/*/* | 2024/05/01/14/14.csv -> 2024/05/01");
        check("/*/*/* | 2024/notes.txt -> !");
        check("/2024/* | 2024/05/01 -> 2024/05");
        check("/2024/* | 2023/05/01 -> !");
        check("/ecb.csv | ecb.csv -> ecb.csv");
        check("/ecb.csv | other.csv -> !");
        check("/**/*.csv | a/b/c.csv -> a/b/c.csv");
        check("/**/*.csv | a/b/c.txt -> !");
        check("/{a,b}/[0-9]* | b/7x/z -> b/7x");
        check("/{a,b}/[0-9]* | c/7x/z -> !");
        check("/a?c | abc -> abc");
        check("/a?c | abbc -> !");
        check("/a?c | a/c -> !");
        check("/[!x-z]* | yes -> !");
        check("/[!x-z]* | no/y -> no");
        check("/\\[x\\]/* | [x]/1 -> [x]/1");
        check("/a(1)+x.csv | a(1)+x.csv -> a(1)+x.csv");
        check("/größe/* | größe/ä/b -> größe/ä");
        check("/**/1 | 1 -> 1");
        check("/a/** | a/b/c -> a/b/c");
        check("/*/ | a/b -> a");
    }

    #[test]
    fn hostile_patterns_are_refused_or_answer_at_once() {
        let path = "a".repeat(4000);
        for hostile in ["*a".repeat(500), "**/".repeat(300), "a*".repeat(400) + "b", "{a,aa}*".repeat(140)] {
            match format!("/{hostile}").parse::<PathPattern>() {
                Ok(pattern) => drop(pattern.unit(&path).map(str::len)),
                Err(reason) => assert!(!reason.is_empty(), "{hostile}"),
            }
        }
        for (hostile, want) in [
            ("{".repeat(100_000), "at most 1024 bytes"),
            ("{a,".repeat(20) + &"}".repeat(20), "at most 8 braces"),
            ("x".repeat(5000), "at most 1024 bytes"),
            ("[".to_owned(), "unclosed"),
            ("{a".to_owned(), "unclosed"),
            ("[z-a]".to_owned(), "invalid"),
        ] {
            let reason = format!("/{hostile}").parse::<PathPattern>().unwrap_err();
            assert!(reason.contains(want), "{reason}");
            assert!(format!("r@{hostile}*:/").parse::<Source>().is_err() || !want.contains("at most"));
        }
    }

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
    }
}
