//! How files that both sides changed are settled, by their paths.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};

use crate::object::TreePath;
use crate::table::{self, KeyColumns};

/// How a file that both sides changed is settled. In records it is the text that a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Strategy {
    /// It stays a conflict.
    Ask,
    /// Our version.
    Ours,
    /// Their version.
    Theirs,
    /// That of the side on which it was changed last.
    Newer,
    /// Line by line, as git does.
    Text,
    /// The lines of both.
    Union,
    /// Row by row of a CSV, under these key columns.
    Csv(KeyColumns),
    /// Value by value of a JSON document.
    Json,
    /// By a program, called as git calls a merge driver.
    Command(String),
}

/// A strategy for the paths that a pattern matches.
#[derive(Debug, Clone)]
pub struct Rule {
    pattern: String,
    matcher: GlobMatcher,
    strategy: Strategy,
}

/// The rules of a merge. Of those that match a path the last counts, as in `gitattributes(5)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules(Vec<Rule>);

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a merge strategy: {reason}")]
pub struct RuleError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

const NAMES: &str = "ask, ours, theirs, newer, text, union, csv:key=COLUMN,..., json or command:COMMAND";

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (name, rest) {
            ("ask", "") => Self::Ask,
            ("ours", "") => Self::Ours,
            ("theirs", "") => Self::Theirs,
            ("newer", "") => Self::Newer,
            ("text", "") => Self::Text,
            ("union", "") => Self::Union,
            ("json", "") => Self::Json,
            ("csv", rest) => {
                let key = rest.strip_prefix("key=").filter(|key| !key.is_empty());
                let key = key.ok_or("rows are told apart by key columns: csv:key=COLUMN,...")?;
                Self::Csv(key.parse().map_err(|error: table::Error| error.to_string())?)
            }
            ("command", "") => return Err("the command is missing: command:COMMAND".to_owned()),
            ("command", command) => Self::Command(command.to_owned()),
            _ => {
                return Err(format!(
                    "expected {NAMES}, with a pattern before it if not for all files: 'ref/**=theirs'"
                ));
            }
        })
    }
}

impl TryFrom<String> for Strategy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Strategy> for String {
    fn from(strategy: Strategy) -> Self {
        strategy.to_string()
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask => f.write_str("ask"),
            Self::Ours => f.write_str("ours"),
            Self::Theirs => f.write_str("theirs"),
            Self::Newer => f.write_str("newer"),
            Self::Text => f.write_str("text"),
            Self::Union => f.write_str("union"),
            Self::Csv(key) => write!(f, "csv:key={key}"),
            Self::Json => f.write_str("json"),
            Self::Command(command) => write!(f, "command:{command}"),
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    /// Reads `PATTERN=STRATEGY`, or a strategy for all files.
    fn from_str(text: &str) -> Result<Self, RuleError> {
        let fail = |reason: String| RuleError { text: text.to_owned(), reason };
        // A pattern may hold an equals sign, and so may a strategy.
        let splits = text
            .match_indices('=')
            .map(|(at, _)| (text.get(..at).unwrap_or(""), text.get(at + 1..).unwrap_or("")));
        let mut parsed = splits.filter_map(|(pattern, rest)| Some((pattern, rest.parse::<Strategy>().ok()?)));
        let (pattern, strategy) = match text.parse::<Strategy>() {
            Ok(strategy) => ("**", strategy),
            Err(reason) => match (parsed.next(), text.split_once('=')) {
                (Some(found), _) => found,
                (None, Some((_, rest))) => {
                    return Err(fail(rest.parse::<Strategy>().err().unwrap_or(reason)));
                }
                (None, None) => return Err(fail(reason)),
            },
        };
        if pattern.is_empty() {
            return Err(fail("its pattern is empty".to_owned()));
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob.map_err(|error| fail(format!("its pattern is none: {}", error.kind())))?;
        Ok(Self { pattern: pattern.to_owned(), matcher: glob.compile_matcher(), strategy })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.pattern, self.strategy)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.strategy) == (&other.pattern, &other.strategy)
    }
}

impl Eq for Rule {}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Rules {
    /// These rules, in their order.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// The rules, the weakest first.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// These rules, and stronger ones after them.
    #[must_use]
    pub fn then(mut self, stronger: Self) -> Self {
        self.0.extend(stronger.0);
        self
    }

    /// Those that look into files, without those that take one side whole: what is meant for whole branches would drop more
    /// than was asked for where one commit's change is taken back or brought over.
    #[must_use]
    pub fn that_blend(mut self) -> Self {
        let takes_a_side =
            |strategy: &Strategy| matches!(strategy, Strategy::Ours | Strategy::Theirs | Strategy::Newer);
        self.0.retain(|rule| !takes_a_side(&rule.strategy));
        self
    }

    /// What is to be done with the file at `path`.
    pub fn find(&self, path: &TreePath) -> &Strategy {
        // A path that exists is that path, whatever characters it has.
        let is_meant = |rule: &&Rule| rule.pattern == path.as_str() || rule.matcher.is_match(path.as_str());
        let matching = self.0.iter().rev().find(is_meant);
        matching.map_or(&Strategy::Ask, |rule| &rule.strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(all: &[&str]) -> Rules {
        Rules::new(all.iter().map(|rule| rule.parse().unwrap()).collect())
    }

    #[track_caller]
    fn check(all: &[&str], path: &str, want: &str) {
        assert_eq!(rules(all).find(&path.parse().unwrap()).to_string(), want, "{all:?} {path}");
    }

    #[test]
    fn the_last_rule_that_matches_counts() {
        check(&[], "a", "ask");
        check(&["theirs"], "a/b", "theirs");
        check(&["theirs", "ref/**=ours"], "ref/a/b", "ours");
        check(&["theirs", "ref/**=ours"], "other", "theirs");
        check(&["ref/**=ours", "theirs"], "ref/a", "theirs");
        check(&["*.csv=csv:key=date,symbol"], "a.csv", "csv:key=date,symbol");
        check(&["*.csv=text"], "d/a.csv", "ask");
        check(&["**/*.csv=text"], "a.csv", "text");
        check(&["a=b=union"], "a=b", "union");
        check(&["[x]=ours"], "[x]", "ours");
        check(&["[x]=ours"], "x", "ours");
        check(&["[[]x]*=ours"], "[x]y", "ours");
        check(&["a[*]=ours"], "ab", "ask");
        check(&["*=command:merge --x=1 %O %A %B"], "a", "command:merge --x=1 %O %A %B");
    }

    #[test]
    fn a_rule_reads_as_it_was_written() {
        for text in ["ref/**=theirs", "**=newer", "*.csv=csv:key=a b,c", "x=command:a=b", "*.json=json"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule_is_told() {
        let reason = |text: &str| text.parse::<Rule>().unwrap_err().reason;
        assert!(reason("their").starts_with("expected ask, ours, theirs"));
        assert!(reason("*.csv=their").starts_with("expected ask, ours, theirs"));
        assert!(reason("*.csv=csv").starts_with("rows are told apart by key columns"));
        assert!(reason("*.csv=csv:key=").starts_with("rows are told apart by key columns"));
        assert!(reason("[=ours").starts_with("its pattern is none"));
        assert_eq!(reason("a=command:"), "the command is missing: command:COMMAND");
    }
}
