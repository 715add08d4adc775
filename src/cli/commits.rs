//! `vds commit` of several branches at once.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::answer::document;
use super::commit::{Args, looked_at};
use super::complaint::usage;
use super::context::{Answer, Context, Made};
use super::trigger;
use crate::change::{self, Base, Landed, Part, Together};
use crate::fault::Cause;
use crate::history::Target;
use crate::ingest::{Gathered, Memory};
use crate::object::ObjectWrite;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;

/// What the arguments name: a branch, whose paths stand apart; or branches, each with what is to be put on it.
pub(super) enum Aim {
    One(Target),
    Several(Vec<(Target, Vec<PathBuf>)>),
}

impl Aim {
    /// What `first` and the arguments after it name. The first = in an argument ends the name of its branch; where paths
    /// stand after --, none does.
    pub(super) fn parse(first: &OsStr, args: &Args) -> Result<Self, Cause> {
        if !args.only.is_empty() || !first.as_bytes().contains(&b'=') {
            return Ok(Self::One(target(first.as_bytes())?));
        }
        let mut aims: Vec<(Target, Vec<PathBuf>)> = Vec::new();
        for text in [first].into_iter().chain(args.paths.iter().map(|path| path.as_os_str())) {
            let (target, path) = split(text)?;
            match aims.iter_mut().find(|(other, _)| *other == target) {
                Some((_, paths)) => paths.push(path),
                None => aims.push((target, vec![path])),
            }
        }
        Ok(Self::Several(aims))
    }
}

fn split(text: &OsStr) -> Result<(Target, PathBuf), Cause> {
    let mut parts = text.as_bytes().splitn(2, |byte| *byte == b'=');
    let (name, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let shown = text.display();
    let hint = "write REPO@BRANCH=PATH for each; a name that has a = in it takes its paths after --";
    if path.is_empty() {
        return Err(usage(format!("{shown} does not say which branch gets which path"), hint));
    }
    if path == b"-" {
        return Err(usage("standard input can only be committed alone", "make two commits"));
    }
    Ok((target(name)?, Path::new(OsStr::from_bytes(path)).to_owned()))
}

fn target(name: &[u8]) -> Result<Target, Cause> {
    let name = String::from_utf8_lossy(name);
    let invalid = |error| format!("invalid value '{name}' for '[TARGET]': {error}");
    name.parse().map_err(|error| usage(invalid(error), "`vds commit --help` explains it, with examples"))
}

pub(super) fn run(args: &Args, aims: &[(Target, Vec<PathBuf>)], cx: &Context) -> Answer {
    let store = cx.store()?;
    let message = args.message()?;
    if args.dry_run {
        return rehearse(args, aims, &store, cx);
    }
    let writer = store.writer();
    let (mut parts, mut looked) = (Vec::new(), Vec::new());
    for (base, (_, paths)) in open(aims, &store, &writer)?.into_iter().zip(aims) {
        let (part, one) = gather(args, base, paths, &writer, Memory::Keep(&store), cx)?;
        parts.push(part);
        looked.push(one);
    }
    let together = change::publish_all(&store, &cx.author, parts, writer, &message, args.empty())?;
    let Together { landed, operation, caused, stored } = together;
    let commits: Vec<Value> =
        landed.iter().zip(&looked).map(|(landed, looked)| shape(landed, looked)).collect();
    let document = document(&json!({ "commits": commits, "stored_bytes": stored }));
    let title = view::line(message.lines().next().unwrap_or(""));
    let (mut text, mut quiet) = (String::new(), String::new());
    for (Landed { target, commit, tally }, looked) in landed.iter().zip(&looked) {
        let Some(id) = commit else {
            cx.note(&format!("nothing differs from {target}: no commit was made"));
            cx.note_waiting(&store, target)?;
            continue;
        };
        let (counts, looked) = (view::Counts::from(*tally), words(looked));
        text += &format!("[{target} {id:.12}] {title}\n {counts}  ({looked})\n");
        quiet += &format!("{id}\n");
    }
    trigger::note_stopped(&caused.stopped, cx);
    let made = Made { document, text, quiet, done: "the commits are made", operation };
    cx.made(&store, made, caused, args.no_run)
}

/// What was looked at for one of the branches.
struct Looked {
    files: u64,
    bytes: u64,
    new_bytes: u64,
    warnings: Vec<String>,
}

/// The branches as they stand.
fn open(
    aims: &[(Target, Vec<PathBuf>)],
    store: &Store,
    sink: &dyn ObjectWrite,
) -> Result<Vec<Base>, change::Error> {
    let targets: Vec<&Target> = aims.iter().map(|(target, _)| target).collect();
    change::open_all(store, &targets, sink)
}

/// The edits for one of the branches, and what was looked at for them.
fn gather(
    args: &Args,
    base: Base,
    paths: &[PathBuf],
    sink: &dyn ObjectWrite,
    memory: Memory<'_>,
    cx: &Context,
) -> Result<(Part, Looked), Cause> {
    let gathered = args.gather(paths, sink, Snapshot::new(sink, base.tree), memory, cx)?;
    let Gathered { draft, files, bytes, new_bytes, warnings, .. } = gathered;
    Ok((Part { base, draft }, Looked { files, bytes, new_bytes, warnings }))
}

/// Finds out what the commits would be, and leaves the store as it is.
fn rehearse(args: &Args, aims: &[(Target, Vec<PathBuf>)], store: &Store, cx: &Context) -> Answer {
    let rehearsal = store.rehearsal();
    let (mut commits, mut text) = (Vec::new(), String::new());
    for (base, (target, paths)) in open(aims, store, &rehearsal)?.into_iter().zip(aims) {
        let (part, looked) = gather(args, base, paths, &rehearsal, Memory::Read(store), cx)?;
        let (_, tally) = part.draft.finish(&rehearsal)?;
        commits.push(shape(&Landed { target: target.clone(), commit: None, tally }, &looked));
        text += &format!("would commit to {target}\n {}  ({})\n", view::Counts::from(tally), words(&looked));
    }
    cx.say(&json!({ "dry_run": true, "commits": commits }), || text, String::new)
}

fn words(looked: &Looked) -> String {
    looked_at(looked.files, looked.new_bytes, looked.bytes)
}

fn shape(landed: &Landed, looked: &Looked) -> Value {
    let Landed { target, commit, tally } = landed;
    let Looked { files, bytes, new_bytes, warnings } = looked;
    json!({
        "commit": commit.map(|id| id.to_string()), "repo": target.repo, "branch": target.branch,
        "files": files, "bytes": bytes, "new_bytes": new_bytes,
        "counts": view::Counts::from(*tally), "warnings": warnings,
    })
}
