//! `vds checkout`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::here;
use super::ls::missing;
use super::switch::{arrived, loss};
use super::words;
use crate::checkout::{self, Clash, Written};
use crate::fault::Cause;
use crate::history::{self, Location};
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;
use crate::workspace::{self, Wanted, Workspace};

/// Make a workspace of any version, or bring this one to another
///
/// A workspace is a directory that knows its repo, branch and commit: in it `vds status` shows what has changed, and `vds commit`
/// commits it. After -- stand the files and directories, or patterns of them, that it is to hold if not everything.
///
/// Without --into, the workspace that one is in goes to REV, and touches only the files that differ. Files that hold something
/// else are left alone and make the command fail, unless --force is given. Nothing is ever written outside the directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds checkout ticks --into work
  vds checkout ticks@bbg --into today -- 2024/05/02 '**/*.toml'
  vds checkout ticks~3 --into old --plain
  vds checkout v1              # in a workspace")]
pub(super) struct Args {
    /// REPO@REV, or REPO@REV:PATH for a part; in a workspace, REV
    #[arg(value_name = "REPO@REV")]
    what: String,
    /// The directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: Option<PathBuf>,
    /// Leave nothing but the files in it
    #[arg(long, requires = "into")]
    plain: bool,
    /// Replace files that hold something else, and make a workspace of a directory with other things in it
    #[arg(long)]
    force: bool,
    /// Only these files and directories, or what matches these patterns
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<String>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    match &args.into {
        Some(dir) => into(args, dir, cx),
        None => go(args, cx),
    }
}

/// Brings the workspace that one is in to a revision.
fn go(args: &Args, cx: &Context) -> Answer {
    if !args.paths.is_empty() {
        let hint = "`vds restore PATH --source REV` takes files from a revision; --into DIR makes a workspace of some";
        return Err(usage("a workspace goes to a revision with all that it holds", hint));
    }
    let mut workspace = cx.workspace_as_it_is()?;
    let held = workspace.hold()?;
    let location = here::revision(&workspace, &args.what)?;
    let to = here::position(workspace.store(), &location)?;
    if location.repo != workspace.marker().repo {
        workspace.rename(&held, location.repo)?;
    }
    workspace::check_repo(workspace.store(), workspace.marker())?;
    let moved = workspace.switch(&held, &to, &BTreeMap::new(), loss(args.force), cx.progress())?;
    let (document, text, quiet) = arrived(&workspace, moved);
    cx.tell(&document, || text, || quiet)
}

fn into(args: &Args, dir: &Path, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location: Location = args.what.parse().map_err(history::Error::from)?;
    let at = here::position(&store, &location)?;
    let scope = match at.commit {
        None if location.path.is_none() && args.paths.is_empty() => Scope::whole(),
        _ => scope(args, &store, &location, cx)?,
    };
    let commit = at.commit;
    let written = if args.plain {
        let found = resolve(&store, &location)?;
        plain(args, dir, &scope, snapshot(&store, &found)?, &store, cx)?
    } else {
        let wanted = Wanted { repo: location.repo.clone(), at, scope };
        Workspace::make(store, dir, wanted, loss(args.force), cx.wait, cx.progress())?.1
    };
    let shown = commit.map_or_else(|| location.to_string(), |id| format!("{id:.12}"));
    let text = || {
        let (files, bytes) = (view::count(written.files, "file"), view::bytes(written.bytes));
        format!(
            "{shown} into {}: {files} written ({bytes}), {} unchanged\n",
            dir.display(),
            written.unchanged
        )
    };
    let document = json!({
        "commit": commit.map(|id| id.to_string()), "into": dir.to_string_lossy(), "files": written.files,
        "bytes": written.bytes, "unchanged": written.unchanged, "plain": args.plain,
    });
    cx.tell(&document, text, || commit.map(|id| format!("{id}\n")).unwrap_or_default())
}

/// What is to be checked out.
fn scope(args: &Args, store: &Store, location: &Location, cx: &Context) -> Result<Scope, Cause> {
    let found = resolve(store, location)?;
    let tree = snapshot(store, &found)?;
    match found.path {
        Some(_) if !args.paths.is_empty() => Err(usage("paths were named twice", "name them after -- alone")),
        Some(path) if !words::is_in(&tree, &path)? => Err(missing(tree, location)),
        Some(path) => Ok(Scope::of(vec![path])),
        None => {
            let start = cx.start(&location.repo)?;
            if args.plain {
                return words::scope_in(&start, &args.paths, &[tree], &[location.to_string()]);
            }
            words::scope_to_hold(cx, &start, &args.paths, tree, location.to_string())
        }
    }
}

/// Writes the files, and nothing that remembers where they come from.
fn plain(
    args: &Args,
    dir: &Path,
    scope: &Scope,
    tree: Snapshot<'_>,
    store: &Store,
    cx: &Context,
) -> Result<Written, Cause> {
    let files = scope.files(&tree)?;
    checkout::outside_stores(dir)?;
    let clash = if args.force { Clash::Overwrite } else { Clash::Refuse };
    Ok(checkout::checkout(store.objects(), &files, dir, clash, cx.progress())?.0)
}
