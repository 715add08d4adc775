//! The verbs that look: `log`, `show`, `ls`, `cat`, `diff`, `du`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter};

use serde_json::json;

use super::context::{Answer, Context, not_found, resolve, snapshot};
use crate::draft::Tally;
use crate::history::{self, Location, Log};
use crate::object::{BlobId, Commit, CommitId, TreePath};
use crate::snapshot::{Change, Member, Snapshot, below};
use crate::{content, fault, view};

/// Show the history of a revision, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  vds log ticks -n 10\n  vds log ticks@bbg~3 --json")]
pub(super) struct LogArgs {
    /// REPO@REV
    location: Location,
    /// At most so many commits
    #[arg(short = 'n', long)]
    max_count: Option<usize>,
    /// One line a commit
    #[arg(long)]
    oneline: bool,
}

pub(super) fn log(args: &LogArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let head = resolve(&store, &args.location)?;
    let commits = Log::new(store.objects(), [head.commit]).take(args.max_count.unwrap_or(usize::MAX));
    let commits = commits.collect::<Result<Vec<_>, _>>()?;
    let views: Vec<view::Commit> =
        commits.iter().map(|(id, commit)| view::Commit::new(*id, commit)).collect();
    let text = || {
        let each = |(id, commit): &(CommitId, Commit)| {
            if args.oneline { format!("{id:.12} {}\n", commit.title()) } else { commit_text(*id, commit) }
        };
        commits.iter().map(each).collect::<Vec<_>>().join(if args.oneline { "" } else { "\n" })
    };
    let ids = || views.iter().map(|commit| format!("{}\n", commit.id)).collect();
    cx.say(&json!({ "commits": views }), text, ids);
    Ok(0)
}

fn commit_text(id: CommitId, commit: &Commit) -> String {
    let view = view::Commit::new(id, commit);
    let mut text = format!("commit {id}\n");
    if commit.parents.len() > 1 {
        text += &format!(
            "parents {}\n",
            commit.parents.iter().map(|p| format!("{p:.12}")).collect::<Vec<_>>().join(" ")
        );
    }
    text += &format!("author {}\ndate   {}\n", view.author, view.time);
    if let Some(made) = &view.made_by {
        text +=
            &format!("made by {} version {}, job {}, run {}\n", made.stage, made.version, made.job, made.run);
        text += &made.inputs.iter().map(|input| format!("  from {input}\n")).collect::<String>();
    }
    text + "\n" + &commit.message.lines().map(|line| format!("    {line}\n")).collect::<String>()
}

/// Show a commit and what it changed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds show ticks@main~1")]
pub(super) struct ShowArgs {
    /// REPO@REV
    location: Location,
}

pub(super) fn show(args: &ShowArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = resolve(&store, &args.location)?;
    let commit = history::load(store.objects(), found.commit)?;
    let now = Snapshot::new(store.objects(), commit.tree);
    let changes = match commit.parents.first() {
        Some(parent) => {
            let before = history::load(store.objects(), *parent)?.tree;
            Snapshot::new(store.objects(), before).diff(&now, "").collect::<Result<Vec<_>, _>>()?
        }
        None => now
            .scan("")?
            .map(|file| file.map(|(path, entry)| Change { path, before: None, after: Some(entry) }))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let mut document = serde_json::to_value(view::Commit::new(found.commit, &commit)).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("changes".to_owned(), changes.iter().map(change_json).collect());
    }
    let text = || {
        commit_text(found.commit, &commit)
            + "\n"
            + &changes.iter().map(|c| status_line(c, None)).collect::<String>()
    };
    cx.say(&document, text, || format!("{}\n", found.commit));
    Ok(0)
}

/// List files and directories of a revision
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  vds ls ticks:2024/05\n  vds ls -lr settlement/select@main")]
pub(super) struct LsArgs {
    /// REPO@REV:PATH
    location: Location,
    /// With kind, size and blob id
    #[arg(short, long)]
    long: bool,
    /// All files below, too
    #[arg(short, long)]
    recursive: bool,
}

pub(super) fn ls(args: &LsArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = history::resolve_optional(store.ledger(), store.objects(), &args.location)?;
    let members = match &found {
        None => Vec::new(),
        Some(found) => {
            let tree = snapshot(&store, found)?;
            let path = found.path.as_ref();
            let file = path.map_or(Ok(None), |path| tree.find(path.as_str()))?;
            let members = match (path, file) {
                (Some(path), Some(entry)) => vec![Member::File(path.clone(), entry)],
                _ if args.recursive => files(tree.files_at(path)?),
                _ => tree.members(path)?,
            };
            if members.is_empty() && path.is_some() {
                return Err(missing(&args.location));
            }
            members
        }
    };
    let line = |member: &Member| match member {
        Member::File(path, entry) if args.long => {
            let view = view::File::new(path, entry);
            format!("{:<10} {:>12} {} {}\n", view.kind, entry.size, entry.blob, view::path(path.as_str()))
        }
        Member::File(path, _) => format!("{}\n", view::path(path.as_str())),
        Member::Directory(path, totals) if args.long => {
            let what = format!("{} files", totals.count);
            format!("{:<10} {:>12} {what:<64} {}/\n", "directory", totals.weight, view::path(path.as_str()))
        }
        Member::Directory(path, _) => format!("{}/\n", view::path(path.as_str())),
    };
    let document = |member: &Member| match member {
        Member::File(path, entry) => serde_json::to_value(view::File::new(path, entry)).unwrap_or_default(),
        Member::Directory(path, totals) => {
            json!({ "path": path, "kind": "directory", "size": totals.weight, "files": totals.count })
        }
    };
    let text = || members.iter().map(line).collect::<String>();
    cx.say(&json!({ "entries": members.iter().map(document).collect::<Vec<_>>() }), text, text);
    Ok(0)
}

fn files(files: Vec<(TreePath, crate::object::Entry)>) -> Vec<Member> {
    files.into_iter().map(|(path, entry)| Member::File(path, entry)).collect()
}

pub(super) fn missing(location: &Location) -> fault::Cause {
    let Location { repo, rev, .. } = location;
    not_found(format!("there is no {location}"), &format!("`vds ls {repo}@{rev}` shows what there is"))
}

/// Write a file's content to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds cat settlement/select@main~5:best.csv")]
pub(super) struct CatArgs {
    /// REPO@REV:PATH
    location: Location,
}

pub(super) fn cat(args: &CatArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = resolve(&store, &args.location)?;
    let entry = match &found.path {
        Some(path) => snapshot(&store, &found)?.find(path.as_str())?,
        None => None,
    };
    let entry = entry.ok_or_else(|| missing(&args.location))?;
    match content::copy(store.objects(), entry.blob, BufWriter::new(io::stdout().lock())) {
        Err(content::Error::Target { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        other => Ok(other.map(|()| 0)?),
    }
}

/// Show what differs between two revisions
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  vds diff ticks@main~1 ticks@main --name-status\n  vds diff a@main b@main -- 2024/05"
)]
pub(super) struct DiffArgs {
    /// REPO@REV
    before: Location,
    /// REPO@REV
    after: Location,
    /// Only kind of change and path (the default)
    #[arg(long)]
    name_status: bool,
    /// Sizes, and a sum
    #[arg(long, conflicts_with = "name_status")]
    stat: bool,
    /// Only these files and directories
    #[arg(last = true)]
    paths: Vec<TreePath>,
}

pub(super) fn diff(args: &DiffArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let (a, b) = (resolve(&store, &args.before)?, resolve(&store, &args.after)?);
    let (before, after) = (snapshot(&store, &a)?, snapshot(&store, &b)?);
    let mut scopes: Vec<TreePath> = args.paths.clone();
    scopes.extend(a.path.or(b.path));
    let mut changes = Vec::new();
    if scopes.is_empty() {
        changes = before.diff(&after, "").collect::<Result<_, _>>()?;
    }
    for scope in &scopes {
        let inside = |path: &TreePath| path == scope || path.as_str().starts_with(&below(Some(scope)));
        for change in before.diff(&after, scope.as_str()) {
            let change = change?;
            if inside(&change.path) {
                changes.push(change);
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes.dedup();
    let renames = renames(&changes);
    let sources: BTreeSet<&TreePath> = renames.values().collect();
    let shown: Vec<&Change> =
        changes.iter().filter(|c| !(c.after.is_none() && sources.contains(&c.path))).collect();
    let mut tally = Tally::default();
    changes.iter().for_each(|change| tally.count(change.before.as_ref(), change.after.as_ref()));
    let text = || {
        let lines = shown.iter().map(|change| {
            let from = renames.get(&change.path);
            if args.stat { stat_line(change, from) } else { status_line(change, from) }
        });
        let sum = format!(" {}\n", view::Counts::from(tally));
        lines.collect::<String>() + if args.stat { &sum } else { "" }
    };
    let documents: Vec<serde_json::Value> = shown
        .iter()
        .map(|change| {
            let mut document = change_json(change);
            if let (Some(from), Some(fields)) = (renames.get(&change.path), document.as_object_mut()) {
                fields.insert("renamed_from".to_owned(), json!(from));
            }
            document
        })
        .collect();
    let paths = || shown.iter().map(|change| format!("{}\n", view::path(change.path.as_str()))).collect();
    cx.say(&json!({ "changes": documents }), text, paths);
    Ok(u8::from(!changes.is_empty() && cx.form == super::context::Form::Quiet))
}

/// Files that were added with the content of one that was deleted: the new path, and the old one. Each old path is used once.
fn renames(changes: &[Change]) -> BTreeMap<TreePath, TreePath> {
    let mut deleted: BTreeMap<BlobId, Vec<&TreePath>> = BTreeMap::new();
    for change in changes.iter().rev() {
        if let (Some(before), None) = (&change.before, &change.after) {
            deleted.entry(before.blob).or_default().push(&change.path);
        }
    }
    let mut renames = BTreeMap::new();
    for change in changes {
        if let (None, Some(after)) = (&change.before, &change.after)
            && let Some(from) = deleted.get_mut(&after.blob).and_then(Vec::pop)
        {
            renames.insert(change.path.clone(), from.clone());
        }
    }
    renames
}

fn letter(change: &Change) -> char {
    match (&change.before, &change.after) {
        (None, _) => 'A',
        (_, None) => 'D',
        _ => 'M',
    }
}

fn status_line(change: &Change, from: Option<&TreePath>) -> String {
    let path = view::path(change.path.as_str());
    match from {
        Some(from) => format!("R\t{}\t{path}\n", view::path(from.as_str())),
        None => format!("{}\t{path}\n", letter(change)),
    }
}

fn stat_line(change: &Change, from: Option<&TreePath>) -> String {
    let size = |entry: &Option<crate::object::Entry>| {
        entry.map_or_else(|| "-".to_owned(), |entry| entry.size.to_string())
    };
    let renamed = from.map(|from| format!("{} => ", view::path(from.as_str()))).unwrap_or_default();
    let (before, after) = (size(&change.before), size(&change.after));
    format!(" {renamed}{} | {before} -> {after} bytes\n", view::path(change.path.as_str()))
}

fn change_json(change: &Change) -> serde_json::Value {
    let side =
        |entry: &Option<crate::object::Entry>| entry.map(|entry| view::File::new(&change.path, &entry));
    json!({ "path": change.path, "status": letter(change).to_string(), "before": side(&change.before), "after": side(&change.after) })
}

/// Show how many files and bytes lie below a path
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds du ticks@main:2024/05")]
pub(super) struct DuArgs {
    /// REPO@REV:PATH
    location: Location,
}

pub(super) fn du(args: &DuArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let found = resolve(&store, &args.location)?;
    let tree = snapshot(&store, &found)?;
    let file = found.path.as_ref().map_or(Ok(None), |path| tree.find(path.as_str()))?;
    let (files, bytes) = if let Some(entry) = file {
        (1, entry.size)
    } else {
        let totals = tree.totals(found.path.as_ref())?;
        (totals.count, totals.weight)
    };
    if files == 0 && found.path.is_some() {
        return Err(missing(&args.location));
    }
    let text = || format!("{}  {}  {}\n", view::bytes(bytes), view::count(files, "file"), args.location);
    cx.say(&json!({ "location": args.location.to_string(), "files": files, "bytes": bytes }), text, || {
        format!("{bytes}\n")
    });
    Ok(0)
}
