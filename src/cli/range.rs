//! Two revisions as git users write them: `REPO@A..B`.

use std::str::FromStr;

use super::complaint::not_found;
use crate::fault::Cause;
use crate::history::{self, Base, DEFAULT_BRANCH, Location, Resolved, Revision, SyntaxError, split_path};
use crate::object::RepoName;
use crate::store::Store;

/// `REPO@REV`, or `REPO@A..B` and `REPO@A..REPO@B`. A side that is left out is the default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: Option<Location>,
    pub(super) to: Location,
}

impl FromStr for Range {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        // After a colon stands a path, which may hold anything.
        let Some(at) = split_path(text).0.find("..") else {
            return Ok(Self { from: None, to: text.parse()? });
        };
        let (from, to) = (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default());
        let repo = from.split(['@', '~', '^']).next().unwrap_or(from);
        let from = from.trim_end_matches('@');
        let to = match to {
            "" => repo.to_owned(),
            to if to.starts_with('@') => format!("{repo}{to}"),
            to if to.split(['~', '^', '{']).next().is_some_and(|name| name.contains('@'))
                && !to.contains("@{") =>
            {
                to.to_owned()
            }
            to => format!("{repo}@{to}"),
        };
        Ok(Self { from: Some(from.parse()?), to: to.parse()? })
    }
}

impl Range {
    /// What it ends with. Who named a repo behind the dots is told what to write.
    pub(super) fn end(&self, store: &Store) -> Result<Resolved, Cause> {
        let error = match history::resolve(store.session()?, store.objects(), &self.to) {
            Err(error @ history::Error::UnknownRevision { .. }) => error,
            found => return Ok(found?),
        };
        match self.meant(store)? {
            Some(meant) => Err(not_found(
                error.to_string(),
                format!("did you mean {meant}? REPO@A..B has a revision as B"),
            )),
            None => Err(error.into()),
        }
    }

    /// The range with the default branch of the repo that is named as a revision.
    fn meant(&self, store: &Store) -> Result<Option<String>, Cause> {
        let Location { repo, rev, path } = &self.to;
        let (Some(from), Base::Name(name)) = (&self.from, &rev.base) else { return Ok(None) };
        let Ok(named) = name.parse::<RepoName>() else { return Ok(None) };
        if history::find(&store.session()?, &named)?.is_none() {
            return Ok(None);
        }
        let rev = Revision { base: Base::Name(DEFAULT_BRANCH.to_owned()), steps: rev.steps.clone() };
        let to = Location { repo: named, rev, path: path.clone() }.to_string();
        Ok(Some(format!("{from}..{}", to.strip_prefix(&format!("{repo}@")).unwrap_or(&to))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"text -> from | to"`, or `"text -> to"`.
    #[track_caller]
    fn check(case: &str) {
        let (text, want) = case.split_once(" -> ").unwrap();
        let range: Range = text.parse().unwrap();
        let from = range.from.map(|from| format!("{from} | ")).unwrap_or_default();
        assert_eq!(format!("{from}{}", range.to), want, "{text}");
    }

    #[test]
    fn ranges_as_git_users_write_them() {
        check("ticks -> ticks@main");
        check("ticks@a:x..y -> ticks@a:x..y");
        check("ticks@v1..v2 -> ticks@v1 | ticks@v2");
        check("ticks@v1.. -> ticks@v1 | ticks@main");
        check("ticks@..v2 -> ticks@main | ticks@v2");
        check("ticks~3..main -> ticks@main~3 | ticks@main");
        check("ticks@main~3..main~1:2024/05 -> ticks@main~3 | ticks@main~1:2024/05");
        check("ticks@a..desk/ticks@b -> ticks@a | desk/ticks@b");
        check("ticks@{2024-05-01 14:30}..main:a -> ticks@main@{2024-05-01 14:30} | ticks@main:a");
        check(
            "ticks@main@{2 days ago}..main@{1 day ago} -> ticks@main@{2 days ago} | ticks@main@{1 day ago}",
        );
    }
}
