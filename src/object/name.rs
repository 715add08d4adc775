//! Names that people give: of repos, branches, tags, pipelines and stages.
//!
//! All are made by [`str::parse`] alone. `@`, `:`, `~`, `^`, `{` and `}` are kept for the syntax of revisions,
//! `*`, `?` and `[` for patterns.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
pub const MAX_NAME: usize = 200;

/// Why a text is not a legal name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a legal {what} name: {reason}")]
pub struct NameError {
    /// What was to be named.
    pub what: &'static str,
    /// What was given.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

fn segment_fault(segment: &str) -> Option<&'static str> {
    match segment {
        "" => Some("it is empty or has a leading, trailing or double slash"),
        s if s.starts_with('.') || s.starts_with('-') => Some("a part of it starts with '.' or '-'"),
        s if s.ends_with('.') => Some("a part of it ends with '.'"),
        _ => None,
    }
}

fn fault_of(name: &str) -> Option<&'static str> {
    if name.len() > MAX_NAME {
        return Some("it is longer than 200 bytes");
    }
    let odd = |c: char| c.is_control() || c.is_whitespace() || "@:~^{}*?[]\\'\"".contains(c);
    if name.contains(odd) {
        return Some("it has white space, a quote, or one of @ : ~ ^ { } * ? [ ] \\");
    }
    if name.contains("..") {
        return Some("it has '..', which stands between two revisions");
    }
    name.split('/').find_map(segment_fault)
}

fn flat_fault_of(name: &str) -> Option<&'static str> {
    if name.contains('/') { Some("it has a slash") } else { fault_of(name) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                match $check(name) {
                    None => Ok(Self(name.into())),
                    Some(reason) => Err(NameError { what: $what, name: name.to_owned(), reason }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                name.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(
    /// The name of a repo; slashes make a hierarchy (`desk/ticks`).
    RepoName, "repo", fault_of
);
name!(
    /// The name of a branch; slashes are ordinary (`feature/x`).
    BranchName, "branch", fault_of
);
name!(
    /// The name of a tag.
    TagName, "tag", fault_of
);
name!(
    /// The name of a pipeline; slashes make a hierarchy.
    PipelineName, "pipeline", fault_of
);
name!(
    /// The name of a stage within its pipeline.
    StageName, "stage", flat_fault_of
);

name!(
    /// The name of another store, as this one knows it.
    RemoteName, "remote", flat_fault_of
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_people_use_are_legal() {
        for name in ["main", "feature/x", "desk/ticks", "v1.2", "a_b-c+d", "größe", "2024-05-01"] {
            assert!(name.parse::<BranchName>().is_ok(), "{name:?}");
        }
    }

    #[test]
    fn names_that_would_clash_with_syntax_are_not() {
        for name in [
            "", "/", "a/", "/a", "a//b", "a@b", "a:b", "a~1", "a b", "-x", ".x", "a/../b", "a*", "x\n", "{a}",
        ] {
            assert!(name.parse::<BranchName>().is_err(), "{name:?}");
        }
        assert!("a".repeat(201).parse::<RepoName>().is_err());
        assert!("a/b".parse::<StageName>().is_err());
    }
}
