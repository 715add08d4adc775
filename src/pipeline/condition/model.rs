//! When what has come to a branch is taken on, as values.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::amount::{Size, Span};
use crate::pipeline::pattern::PathPattern;

/// When what has come to a branch is taken on. Nothing is ever taken on twice: without a new commit no condition holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub enum Condition {
    /// So many commits have come.
    Commits(u64),
    /// So many files were added or changed.
    Files(u64),
    /// The files that were added or changed have so many bytes.
    Size(Size),
    /// Nothing has come for such a time.
    Quiet(Span),
    /// A moment of the schedule has passed since it came.
    Cron(Schedule),
    /// A path that the pattern covers was added or changed.
    Glob(PathPattern),
    /// What is there differs from what was taken on last.
    Changed,
    /// Never by itself: a person says when.
    Manual,
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
}

/// A condition as it is written: a table with one key.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    commits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manual: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<Vec<Condition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    any: Option<Vec<Condition>>,
}

impl TryFrom<Table> for Condition {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Table { commits, files, size, quiet, cron, glob, changed, manual, all, any } = table;
        let glob = glob.map(|text| {
            let wrong = |why: String| format!("{text:?} is not a pattern for `glob`: {why}");
            text.parse::<PathPattern>().map_err(wrong)
        });
        if changed == Some(false) || manual == Some(false) {
            return Err("`changed` and `manual` can only be true".to_owned());
        }
        if [commits, files].contains(&Some(0)) {
            return Err("`commits` and `files` are at least 1".to_owned());
        }
        if [&all, &any].into_iter().flatten().any(Vec::is_empty) {
            return Err("`all` and `any` name at least one condition".to_owned());
        }
        let given = [
            commits.map(Self::Commits),
            files.map(Self::Files),
            size.map(Self::Size),
            quiet.map(Self::Quiet),
            cron.map(Self::Cron),
            glob.transpose()?.map(Self::Glob),
            changed.map(|_| Self::Changed),
            manual.map(|_| Self::Manual),
            all.map(Self::All),
            any.map(Self::Any),
        ];
        let mut given: Vec<Self> = given.into_iter().flatten().collect();
        match (given.pop(), given.is_empty()) {
            (Some(condition), true) => Ok(condition),
            (Some(_), false) => Err(
                "a trigger has one condition; several stand in a list: any = [{ commits = 10 }, { quiet = \"5m\" }], or all = [...]"
                    .to_owned(),
            ),
            (None, _) => Err(
                "a trigger has one of `commits`, `files`, `size`, `quiet`, `cron`, `glob`, `changed`, `manual`, `all` and `any`"
                    .to_owned(),
            ),
        }
    }
}

impl From<Condition> for Table {
    fn from(condition: Condition) -> Self {
        let none = Self::default();
        match condition {
            Condition::Commits(count) => Self { commits: Some(count), ..none },
            Condition::Files(count) => Self { files: Some(count), ..none },
            Condition::Size(size) => Self { size: Some(size), ..none },
            Condition::Quiet(span) => Self { quiet: Some(span), ..none },
            Condition::Cron(schedule) => Self { cron: Some(schedule), ..none },
            Condition::Glob(glob) => Self { glob: Some(glob.to_string()), ..none },
            Condition::Changed => Self { changed: Some(true), ..none },
            Condition::Manual => Self { manual: Some(true), ..none },
            Condition::All(list) => Self { all: Some(list), ..none },
            Condition::Any(list) => Self { any: Some(list), ..none },
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let list = |list: &[Self], word: &str| {
            let one = |condition: &Self| match condition {
                Self::All(inner) | Self::Any(inner) if inner.len() > 1 => format!("({condition})"),
                _ => condition.to_string(),
            };
            list.iter().map(one).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Commits(count) => write!(f, "{count} commit{}", plural(*count)),
            Self::Files(count) => write!(f, "{count} file{}", plural(*count)),
            Self::Size(size) => write!(f, "{size}"),
            Self::Quiet(span) => write!(f, "quiet for {span}"),
            Self::Cron(schedule) => write!(f, "cron {schedule}"),
            Self::Glob(glob) => write!(f, "{glob} touched"),
            Self::Changed => f.write_str("content changed"),
            Self::Manual => f.write_str("by hand"),
            Self::All(conditions) => f.write_str(&list(conditions, " and ")),
            Self::Any(conditions) => f.write_str(&list(conditions, " or ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        trigger: Condition,
    }

    #[test]
    fn conditions_are_tables_with_one_key() {
        for (text, want) in [
            ("commits = 10", "10 commits"),
            ("size = '1GiB'", "1GiB"),
            ("quiet = '5m'", "quiet for 5m"),
            ("cron = '0 6 * * *'", "cron 0 6 * * *"),
            ("cron = { at = '@daily', tz = 'Europe/Berlin' }", "cron @daily Europe/Berlin"),
            ("glob = '/**/*.csv'", "/**/*.csv touched"),
            ("changed = true", "content changed"),
            ("manual = true", "by hand"),
            (
                "any = [{ commits = 1 }, { all = [{ files = 2 }, { quiet = '1h' }] }]",
                "1 commit or (2 files and quiet for 1h)",
            ),
        ] {
            let file: File = toml::from_str(&format!("trigger = {{ {text} }}")).unwrap();
            assert_eq!(file.trigger.to_string(), want);
            // What is kept is read back.
            let kept = serde_json::to_string(&file.trigger).unwrap();
            assert_eq!(serde_json::from_str::<Condition>(&kept).unwrap().to_string(), want);
        }
        for wrong in [
            "",
            "commits = 0",
            "commits = 1, quiet = '1m'",
            "commit = 1",
            "changed = false",
            "any = []",
            "any = [{}]",
            "cron = 'x'",
            "cron = { at = '@daily', tz = 'Berlin' }",
            "glob = '/['",
            "size = 5",
        ] {
            assert!(toml::from_str::<File>(&format!("trigger = {{ {wrong} }}")).is_err(), "{wrong}");
        }
    }
}
