//! What revisions mean that were typed: in a workspace, its repo and its branch need not be named.

use std::str::FromStr;

use super::complaint::{not_found, usage};
use super::context::Context;
use super::here::name_of;
use super::words::Start;
use crate::fault::Cause;
use crate::history::{self, Location, SyntaxError, split_path};
use crate::marker::Marker;
use crate::object::{RepoName, TreePath};
use crate::store::Store;
use crate::workspace;

impl Context {
    /// What `text` names, or nothing at all. In a workspace, `@REV` and `:PATH` belong to its repo, and so does a revision where
    /// there is no repo of that name; a path that begins with a dot is meant from where one is.
    pub(super) fn named<T>(&self, store: &Store, text: Option<&str>) -> Result<T, Cause>
    where
        T: FromStr<Err = SyntaxError>,
    {
        let (commit, path) = split_path(text.unwrap_or_default());
        let marker = self.here()?.map(|(_, marker)| marker);
        let mut full = match commit.split_once("..") {
            None => in_full(store, marker.as_ref(), commit)?,
            Some((from, to)) => {
                let first = in_full(store, marker.as_ref(), from)?;
                let last = if to.is_empty() && first != from {
                    in_full(store, marker.as_ref(), "")?
                } else {
                    to.to_owned()
                };
                format!("{first}..{last}")
            }
        };
        if let Some(marker) = marker.filter(|marker| repo_of(&full).as_ref() == Some(&marker.repo)) {
            workspace::check_repo(store, &marker)?;
        }
        if let Some(path) = path {
            full = format!("{full}:{}", self.path_in_full(&full, path)?);
        }
        full.parse::<T>().map_err(|error| history::Error::from(error).into())
    }

    /// The path from the top of the tree.
    fn path_in_full(&self, commit: &str, path: &str) -> Result<String, Cause> {
        let is_from_here = matches!(path, "." | "..") || path.starts_with("./") || path.starts_with("../");
        if !is_from_here {
            return Ok(path.to_owned());
        }
        let start = match repo_of(commit) {
            Some(repo) => self.start(&repo)?,
            None => Start::top(),
        };
        Ok(start.path(path)?.map_or_else(String::new, |path: TreePath| path.to_string()))
    }
}

/// The repo with which the text begins.
fn repo_of(commit: &str) -> Option<RepoName> {
    commit.split(['@', '~', '^']).next().unwrap_or(commit).parse().ok()
}

/// The revision with its repo.
fn in_full(store: &Store, marker: Option<&Marker>, commit: &str) -> Result<String, Cause> {
    let Some(marker) = marker else {
        if commit.is_empty() || commit.starts_with('@') {
            let message = "no repo was named, and this directory is not in a workspace of one";
            return Err(usage(message, "name REPO or REPO@REV"));
        }
        return Ok(commit.to_owned());
    };
    let (repo, at) = (&marker.repo, name_of(&marker.at));
    match commit.strip_prefix('@') {
        Some(rest) if rest.starts_with('{') => return Ok(format!("{repo}@{at}@{rest}")),
        Some(rest) if rest.is_empty() || rest.starts_with(['~', '^']) => {
            return Ok(format!("{repo}@{at}{rest}"));
        }
        Some(rest) => return Ok(format!("{repo}@{rest}")),
        None if commit.is_empty() => return Ok(format!("{repo}@{at}")),
        None => {}
    }
    if let Some(name) = repo_of(commit)
        && history::find(&store.session()?, &name)?.is_some()
    {
        return Ok(commit.to_owned());
    }
    let own = format!("{repo}@{commit}");
    let Ok(location) = own.parse::<Location>() else { return Ok(commit.to_owned()) };
    match history::resolve(store.session()?, store.objects(), &location) {
        Err(history::Error::UnknownRevision { rev, mut nearest, .. }) => {
            let repos = history::list(&store.session()?)?;
            nearest.extend(history::nearest(&rev, repos.into_iter().map(|repo| repo.name.to_string())));
            let is_file = std::fs::symlink_metadata(&rev).is_ok();
            let hint = match nearest.as_slice() {
                _ if is_file => format!("`:./{rev}` names the file"),
                [] => format!("`vds branch list {repo}` and `vds repo list` show what there is"),
                near => format!("did you mean {}?", near.join(" or ")),
            };
            Err(not_found(format!("{rev} is neither a revision of {repo} nor a repo"), hint))
        }
        _ => Ok(own),
    }
}
