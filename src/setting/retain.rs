//! Rules of what a collection keeps beyond what it must: how long operations can be undone, of which commits the files stay, and for how long
//! results and logs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::amount::Span;

/// How long operations can be undone unless a rule says otherwise.
const OPERATIONS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `ops=TIME`: for how long operations can be undone.
    Operations(Duration),
    /// `results=TIME`: for how long results stay that nothing has to do with.
    Results(Duration),
    /// `logs=TIME`: for how long what jobs printed stays.
    Logs(Duration),
    /// `REPO@BRANCH:keep-last=N`, `REPO@BRANCH:keep-within=TIME`: of which commits of these branches the files stay.
    Files {
        /// The branches.
        of: Branches,
        /// Which of their commits.
        keep: Keep,
    },
}

/// The branches that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branches {
    repo: String,
    branch: String,
}

/// Of which commits the files stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Of so many, counted back from where the branch stands.
    Last(u64),
    /// Of those that are not older.
    Within(Duration),
}

/// All rules of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Branches {
    /// Whether the rule is about this branch of this repo.
    pub fn covers(&self, repo: &str, branch: &str) -> bool {
        matches(self.repo.as_bytes(), repo.as_bytes()) && matches(self.branch.as_bytes(), branch.as_bytes())
    }
}

impl Rule {
    /// Whether it keeps nothing but what stays anyway.
    pub fn keeps_nothing(&self) -> bool {
        matches!(
            self,
            Self::Files { keep: Keep::Last(0) | Keep::Within(Duration::ZERO), .. }
                | Self::Results(Duration::ZERO)
                | Self::Logs(Duration::ZERO)
        )
    }

    fn is_like(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Operations(_), Self::Operations(_))
                | (Self::Results(_), Self::Results(_))
                | (Self::Logs(_), Self::Logs(_))
                | (Self::Files { .. }, Self::Files { .. })
        )
    }
}

impl Rules {
    /// These rules, and those of `stored` that are of a kind of which there are none here.
    #[must_use]
    pub fn over(mut self, stored: Self) -> Self {
        let (own, Self(stored)) = (self.0.clone(), stored);
        self.0.extend(stored.into_iter().filter(|rule| !own.iter().any(|given| given.is_like(rule))));
        self
    }

    /// For how long operations can be undone: what the last rule says.
    pub fn operations(&self) -> Duration {
        self.last(|rule| if let Rule::Operations(time) = rule { Some(*time) } else { None })
            .unwrap_or(OPERATIONS)
    }

    /// For how long results stay that nothing has to do with, if not for ever.
    pub fn results(&self) -> Option<Duration> {
        self.last(|rule| if let Rule::Results(time) = rule { Some(*time) } else { None })
    }

    /// For how long what jobs printed stays, if not for ever.
    pub fn logs(&self) -> Option<Duration> {
        self.last(|rule| if let Rule::Logs(time) = rule { Some(*time) } else { None })
    }

    /// What the last of some rules says.
    fn last(&self, says: impl Fn(&Rule) -> Option<Duration>) -> Option<Duration> {
        self.0.iter().rev().find_map(says)
    }

    /// The rules about this branch of this repo. Without any, the files of all its commits stay; else those that any of them keeps.
    pub fn about<'a>(&'a self, repo: &'a str, branch: &'a str) -> impl Iterator<Item = (&'a Rule, Keep)> {
        self.0.iter().filter_map(move |rule| match rule {
            Rule::Files { of, keep } if of.covers(repo, branch) => Some((rule, *keep)),
            _ => None,
        })
    }

    /// Whether there are rules about any branches.
    pub fn are_about_files(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule, Rule::Files { .. }))
    }

    /// The rules of how long results and logs stay.
    #[must_use]
    pub fn about_age(&self) -> Self {
        let is_about = |rule: &&Rule| matches!(rule, Rule::Results(_) | Rule::Logs(_));
        self.0.iter().filter(is_about).cloned().collect()
    }

    /// The rules, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

/// Whether the pattern stands for the text: `*` for any number of characters, slashes too, all else for itself.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if Some(byte) == text.get(from) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, from) = (place + 1, taken + 1);
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// A time, which may be none at all.
fn time(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { Ok(text.parse::<Span>()?.0) }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("ops", length)) => return Ok(Self::Operations(time(length)?)),
            Some(("results", length)) => return Ok(Self::Results(time(length)?)),
            Some(("logs", length)) => return Ok(Self::Logs(time(length)?)),
            _ => {}
        }
        let form = || {
            format!(
                "{text:?} is no rule; expected ops=TIME, results=TIME, logs=TIME, REPO@BRANCH:keep-last=NUMBER or REPO@BRANCH:keep-within=TIME"
            )
        };
        let (branches, keep) = text.rsplit_once(':').ok_or_else(form)?;
        let (repo, branch) = branches.split_once('@').ok_or_else(form)?;
        let is_name =
            |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '@');
        if !is_name(repo) || !is_name(branch) {
            return Err(form());
        }
        let of = Branches { repo: repo.to_owned(), branch: branch.to_owned() };
        let keep = match keep.split_once('=') {
            Some(("keep-last", number)) => {
                Keep::Last(number.parse().map_err(|_| format!("{number:?} is not a number of commits"))?)
            }
            Some(("keep-within", length)) => Keep::Within(time(length)?),
            _ => return Err(form()),
        };
        Ok(Self::Files { of, keep })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time =
            |length: Duration| if length.is_zero() { "0".to_owned() } else { Span(length).to_string() };
        match self {
            Self::Operations(length) => write!(f, "ops={}", time(*length)),
            Self::Results(length) => write!(f, "results={}", time(*length)),
            Self::Logs(length) => write!(f, "logs={}", time(*length)),
            Self::Files { of: Branches { repo, branch }, keep } => {
                write!(f, "{repo}@{branch}:")?;
                match keep {
                    Keep::Last(number) => write!(f, "keep-last={number}"),
                    Keep::Within(length) => write!(f, "keep-within={}", time(*length)),
                }
            }
        }
    }
}

impl FromStr for Rules {
    type Err = String;

    /// Reads rules with spaces between.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split_whitespace().map(str::parse::<Rule>).collect()
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(Rule::to_string).collect();
        f.write_str(&all.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        for text in [
            "ops=14d",
            "ops=0",
            "results=90d",
            "logs=0",
            "desk/*@main:keep-last=30",
            "ticks@*:keep-within=90d",
            "*@*:keep-last=0",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "ops",
            "ops=",
            "ops=1y",
            "logs=",
            "results=many",
            "ticks:keep-last=3",
            "ticks@:keep-last=3",
            "ticks@main:keep=3",
            "a@b@c:keep-last=1",
            "a@b:keep-last=-1",
        ] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
        assert_eq!(
            "  ops=2d   a@*:keep-last=1 ".parse::<Rules>().unwrap().to_string(),
            "ops=2d a@*:keep-last=1"
        );
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, want) in [
            ("*", "feature/x", true),
            ("desk/*", "desk/ticks", true),
            ("desk/*", "desk", false),
            ("ticks", "ticks", true),
            ("ticks", "ticks2", false),
            ("*/x", "a/b/x", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_given_takes_the_place_of_what_is_stored_kind_by_kind() {
        let over = |given: &str, stored: &str| {
            given.parse::<Rules>().unwrap().over(stored.parse().unwrap()).to_string()
        };
        assert_eq!(over("", "ops=2d a@*:keep-last=1"), "ops=2d a@*:keep-last=1");
        assert_eq!(over("logs=1d", "logs=2d results=3d"), "logs=1d results=3d");
        assert_eq!(over("ops=1d", "ops=2d a@*:keep-last=1"), "ops=1d a@*:keep-last=1");
        assert_eq!(over("b@*:keep-last=2", "ops=2d a@*:keep-last=1"), "b@*:keep-last=2 ops=2d");
    }
}
