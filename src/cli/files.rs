//! The verbs that move files without having the data: `rm`, `cp`, `mv`; and `checkout`.

use std::path::PathBuf;

use globset::GlobBuilder;
use serde_json::json;

use super::commit::finish_jobs;
use super::context::{Answer, Context, not_found, resolve, snapshot, usage};
use super::look::missing;
use crate::change::{self, Empty};
use crate::checkout::{self, Clash};
use crate::draft::Draft;
use crate::history::{Location, Target};
use crate::object::{Entry, TreePath};
use crate::snapshot::{Snapshot, below};
use crate::store::Store;
use crate::{fault, view};

/// Remove files from a branch, by path or pattern
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds rm ticks@main 2024/05/01 '**/*.tmp' -m 'clean up'")]
pub(super) struct RmArgs {
    /// REPO or REPO@BRANCH
    target: Target,
    /// Paths, directories and patterns
    #[arg(required = true)]
    paths: Vec<String>,
    #[command(flatten)]
    how: How,
}

/// Copy files within a branch, or from another repo or commit; no content is read or written
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  vds cp ticks@main 2024/05/01 backup/01\n  vds cp ticks@main old@v1:2024 2024 -m 'bring back'"
)]
pub(super) struct CpArgs {
    /// REPO or REPO@BRANCH
    target: Target,
    /// A path, or REPO@REV:PATH
    from: String,
    /// Where it goes
    to: TreePath,
    #[command(flatten)]
    how: How,
}

/// Move files within a branch; no content is read or written
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds mv ticks@main 2024/5 2024/05")]
pub(super) struct MvArgs {
    /// REPO or REPO@BRANCH
    target: Target,
    /// A file or directory
    from: TreePath,
    /// Where it goes
    to: TreePath,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
struct How {
    /// What is to be said of the commit
    #[arg(short, long)]
    message: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

type Edits = Box<dyn FnOnce(&Store, Snapshot<'_>, &mut Draft) -> Result<(), fault::Cause>>;

fn edit(cx: &Context, target: &Target, how: &How, message: String, edits: Edits) -> Answer {
    let store = cx.store()?;
    let writer = store.writer();
    let base = change::open(&store, target, &writer)?;
    let mut draft = Draft::new(base.tree);
    edits(&store, Snapshot::new(&writer, base.tree), &mut draft)?;
    if how.dry_run {
        let (_, tally) = draft.finish(&writer)?;
        let counts = view::Counts::from(tally);
        let text = || format!("would change {target}: {counts}\n");
        cx.say(
            &json!({ "dry_run": true, "target": target.to_string(), "counts": counts }),
            text,
            String::new,
        );
        return Ok(0);
    }
    let message = how.message.clone().unwrap_or(message);
    let published = change::publish(&store, &cx.author, base, draft, writer, &message, Empty::Skip)?;
    let counts = view::Counts::from(published.tally);
    let id = published.commit.map(|id| id.to_string());
    let text = || match published.commit {
        Some(id) => format!("[{target} {id:.12}] {message}\n {counts}\n"),
        None => "nothing differs: no commit was made\n".to_owned(),
    };
    cx.say(&json!({ "commit": id, "target": target.to_string(), "counts": counts }), text, || {
        id.iter().map(|id| format!("{id}\n")).collect()
    });
    finish_jobs(cx, &store, &published.jobs, how.no_run)
}

pub(super) fn rm(args: RmArgs, cx: &Context) -> Answer {
    let RmArgs { target, paths, how } = args;
    let message = format!("remove {}", paths.join(", "));
    let place = target.clone();
    let edits: Edits = Box::new(move |_, tree, draft| {
        for path in &paths {
            let found = matching(tree, path)?;
            if found.is_empty() {
                return Err(not_found(
                    format!("nothing in {place} is {path}"),
                    &format!("`vds ls -r {place}` shows what there is"),
                ));
            }
            found.into_iter().for_each(|(path, _)| draft.remove(path));
        }
        Ok(())
    });
    edit(cx, &target, &how, message, edits)
}

/// The files that a path, a directory or a pattern names. A name that exists is that name, whatever characters it has.
fn matching(tree: Snapshot<'_>, text: &str) -> Result<Vec<(TreePath, Entry)>, fault::Cause> {
    if let Ok(path) = text.trim_end_matches('/').parse::<TreePath>() {
        let found = tree.files_at(Some(&path))?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| {
        usage(&format!("{text:?} is not a pattern: {error}"), "quote special characters with \\")
    })?;
    let glob = glob.compile_matcher();
    let all = tree.scan("")?.collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().filter(|(path, _)| glob.is_match(path.as_str())).collect())
}

/// Where the files at `from` go when that becomes `to`.
fn moved(path: &TreePath, from: Option<&TreePath>, to: &TreePath) -> Result<TreePath, fault::Cause> {
    let rest = match from {
        Some(from) if path == from => "",
        Some(_) => path.as_str().strip_prefix(&below(from)).unwrap_or(path.as_str()),
        None => path.as_str(),
    };
    let text = if rest.is_empty() { to.to_string() } else { format!("{to}/{rest}") };
    text.parse().map_err(|error: crate::object::PathError| {
        usage(&error.to_string(), "choose a shorter or another path")
    })
}

pub(super) fn cp(args: CpArgs, cx: &Context) -> Answer {
    let CpArgs { target, from, to, how } = args;
    let message = format!("copy {from} to {to}");
    let place = target.clone();
    let edits: Edits = Box::new(move |store, tree, draft| {
        // What exists on the branch is meant before a repo of that name is.
        let own = from.parse::<TreePath>().ok();
        let here = own.as_ref().map_or(Ok(Vec::new()), |path| tree.files_at(Some(path)))?;
        let (files, root) = if here.is_empty() {
            let elsewhere = from
                .parse::<Location>()
                .ok()
                .filter(|location| from.contains(['@', ':']) && location.path.is_some());
            let Some(location) = elsewhere else {
                return Err(not_found(
                    format!("nothing in {place} is {from}"),
                    "name a path on the branch, or REPO@REV:PATH",
                ));
            };
            let found = resolve(store, &location)?;
            let files = snapshot(store, &found)?.files_at(found.path.as_ref())?;
            if files.is_empty() {
                return Err(missing(&location));
            }
            (files, found.path)
        } else {
            (here, own)
        };
        for (path, entry) in files {
            draft.put(moved(&path, root.as_ref(), &to)?, entry);
        }
        Ok(())
    });
    edit(cx, &target, &how, message, edits)
}

pub(super) fn mv(args: MvArgs, cx: &Context) -> Answer {
    let MvArgs { target, from, to, how } = args;
    let message = format!("move {from} to {to}");
    let place = target.clone();
    let edits: Edits = Box::new(move |_, tree, draft| {
        let files = tree.files_at(Some(&from))?;
        if files.is_empty() {
            return Err(not_found(
                format!("nothing in {place} is {from}"),
                &format!("`vds ls -r {place}` shows what there is"),
            ));
        }
        if to.as_str().starts_with(&below(Some(&from))) {
            return Err(usage(&format!("{from} cannot go into itself"), "choose another place"));
        }
        for (path, _) in &files {
            draft.remove(path.clone());
        }
        for (path, entry) in files {
            draft.put(moved(&path, Some(&from), &to)?, entry);
        }
        Ok(())
    });
    edit(cx, &target, &how, message, edits)
}

/// Write an old or new version of files into a directory
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  vds checkout ticks@main~3 --into old\n  vds checkout ticks --into today -- 2024/05/02"
)]
pub(super) struct CheckoutArgs {
    /// REPO@REV
    location: Location,
    /// The directory
    #[arg(long)]
    into: PathBuf,
    /// Leave nothing but the files in it
    #[arg(long)]
    plain: bool,
    /// Replace files that hold something else
    #[arg(long)]
    force: bool,
    /// Only these files and directories
    #[arg(last = true)]
    paths: Vec<TreePath>,
}

pub(super) fn checkout(args: &CheckoutArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = resolve(&store, &args.location)?;
    let tree = snapshot(&store, &found)?;
    let mut scopes: Vec<Option<TreePath>> = args.paths.iter().cloned().map(Some).collect();
    if scopes.is_empty() {
        scopes.push(found.path.clone());
    }
    let mut files = Vec::new();
    for scope in &scopes {
        let part = tree.files_at(scope.as_ref())?;
        if part.is_empty() && scope.is_some() {
            return Err(missing(&Location { path: scope.clone(), ..args.location.clone() }));
        }
        files.extend(part);
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup();
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
        "commit": found.commit.to_string(), "into": args.into, "files": written.files, "bytes": written.bytes,
        "unchanged": written.unchanged, "plain": args.plain,
    });
    cx.say(&document, text, || format!("{}\n", found.commit));
    Ok(0)
}
