//! `vds checkout`.

use std::path::PathBuf;

use clap::ValueHint;
use serde_json::json;

use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::ls::missing;
use crate::checkout::{self, Clash};
use crate::history::Location;
use crate::object::TreePath;
use crate::{pick, view};

/// Write an old or new version of files into a directory
///
/// Files that hold something else are left alone and make the command fail, unless --force is given. Nothing is ever
/// written outside the directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds checkout ticks~3 --into old
  vds checkout ticks@bbg --into today -- 2024/05/02")]
pub(super) struct Args {
    /// REPO@REV, or REPO@REV:PATH for a part
    location: Location,
    /// The directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: PathBuf,
    /// Leave nothing but the files in it
    #[arg(long)]
    plain: bool,
    /// Replace files that hold something else
    #[arg(long)]
    force: bool,
    /// Only these files and directories
    #[arg(last = true, value_name = "PATH", value_parser = pick::path)]
    paths: Vec<TreePath>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = resolve(&store, &args.location)?;
    let tree = snapshot(&store, &found)?;
    if found.path.is_some() && !args.paths.is_empty() {
        return Err(usage("paths were named twice", "name them after -- alone"));
    }
    let mut scopes: Vec<Option<TreePath>> = args.paths.iter().cloned().map(Some).collect();
    if scopes.is_empty() {
        scopes.push(found.path.clone());
    }
    let mut files = Vec::new();
    for scope in &scopes {
        let part = tree.files_at(scope.as_ref())?;
        if part.is_empty() && scope.is_some() {
            return Err(missing(tree, &Location { path: scope.clone(), ..args.location.clone() }));
        }
        files.extend(part);
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup();
    checkout::outside_stores(&args.into)?;
    let clash = if args.force { Clash::Overwrite } else { Clash::Refuse };
    let written = checkout::checkout(store.objects(), &files, &args.into, clash, cx.progress())?;
    let text = || {
        let into = args.into.display();
        let (files, bytes) = (view::count(written.files, "file"), view::bytes(written.bytes));
        format!(
            "{:.12} into {into}: {files} written ({bytes}), {} unchanged\n",
            found.commit, written.unchanged
        )
    };
    let document = json!({
        "commit": found.commit.to_string(), "into": args.into.to_string_lossy(), "files": written.files,
        "bytes": written.bytes, "unchanged": written.unchanged, "plain": args.plain,
    });
    cx.tell(&document, text, || format!("{}\n", found.commit))
}
