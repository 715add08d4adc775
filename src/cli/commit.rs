//! `vds commit`.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use super::answer::document;
use super::commits::{self, Aim};
use super::complaint::{io_error, usage};
use super::context::{Answer, Context, Made};
use super::submit;
use super::trigger;
use crate::change::{self, Empty};
use crate::fault::Cause;
use crate::history::Target;
use crate::ingest::{self, Gathered, Memory, Overlay};
use crate::object::ObjectWrite;
use crate::pick::{self, Place};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;

/// Put files on top of a branch, as a new commit
///
/// Directories give their contents, files keep their names. Unchanged files are not read again. What the commit triggers
/// is run before the command returns.
///
/// Without REPO, what has changed in the workspace that one is in is committed to its branch, deletions included; after --
/// stand the paths to commit if not everything. When the branch has moved on, the changes are put on top of it, unless they
/// meet.
///
/// REPO@BRANCH=PATH puts the path on that branch; given several times, all the branches move in one step, or none does, and
/// what they trigger is one run.
///
/// What a .vdsignore file names, in the syntax of .gitignore, is left out of directories; a file that is named itself is
/// taken all the same. To --mirror, what is left out is not there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds commit ticks day-2/ -m 'day 2 of May'
  vds commit ticks@bbg export/ --to 2024/05 --mirror -m 'May as Bloomberg has it now'
  curl ... | vds commit truth - --to ecb.csv -m 'rates of today'
  vds commit ticks day-3/ -F note.txt --dry-run
  vds commit ticks@main=day-2/ truth@main=rates.csv -m 'day 2, with its rates'
  vds commit -m 'all that I changed here'
  vds commit -m 'one day of it' -- 2024/05/01")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH; a branch that does not exist is begun [default: those of the workspace]. Or
    /// REPO=PATH or REPO@BRANCH=PATH, once or more; a name that has a = in it itself takes its paths after --
    #[arg(value_hint = ValueHint::Other)]
    target: Option<OsString>,
    /// Files and directories; - is standard input
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// What is to be said of it; given several times, each is a paragraph
    #[arg(short, long, value_name = "TEXT", required_unless_present = "file")]
    message: Vec<String>,
    /// Take the message from this file; - is standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "message", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Put everything below this path; for standard input, the file's path
    #[arg(long, value_name = "PREFIX")]
    pub(super) to: Option<Place>,
    /// Make the tree (or what lies below --to) equal to the directory, deletions included
    #[arg(long)]
    pub(super) mirror: bool,
    /// Commit even if nothing differs
    #[arg(long)]
    pub(super) allow_empty: bool,
    /// Say what would be committed, and write nothing to the store
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    pub(super) no_run: bool,
    /// In a workspace: only these files and directories
    #[arg(last = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) only: Vec<PathBuf>,
}

impl Args {
    fn reads_standard_input(&self) -> bool {
        self.places().iter().any(|path| path == Path::new("-"))
    }

    /// What was named to be put on the branch, before -- or after it.
    fn places(&self) -> Vec<PathBuf> {
        self.paths.iter().chain(&self.only).cloned().collect()
    }

    pub(super) fn message(&self) -> Result<String, Cause> {
        let Some(file) = &self.file else {
            let message = self.message.join("\n\n");
            if !self.message.is_empty() && message.trim().is_empty() {
                return Err(usage("the message says nothing", "say what the commit is for; or leave -m out"));
            }
            return Ok(message);
        };
        let mut bytes = Vec::new();
        let read = if file == Path::new("-") {
            if self.reads_standard_input() {
                return Err(usage(
                    "standard input cannot be both a file and the message",
                    "give the message with -m",
                ));
            }
            io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
        } else {
            std::fs::read(file).map(|read| bytes = read)
        };
        let shown = file.display();
        read.map_err(|error| {
            io_error(&format!("cannot read the message from {shown}"), &error, "check the path")
        })?;
        let text = String::from_utf8(bytes);
        let text =
            text.map_err(|_| usage(format!("the message in {shown} is not UTF-8"), "convert it first"))?;
        Ok(text.trim_end().to_owned())
    }

    /// Whether a commit in which nothing differs is made all the same.
    pub(super) fn empty(&self) -> Empty {
        if self.allow_empty { Empty::Allow } else { Empty::Skip }
    }

    /// Stores what lies at `places`, and tells what was passed over.
    pub(super) fn gather(
        &self,
        places: &[PathBuf],
        sink: &dyn ObjectWrite,
        tree: Snapshot<'_>,
        memory: Memory<'_>,
        cx: &Context,
    ) -> Result<Gathered, Cause> {
        let overlay = if self.mirror { Overlay::Mirror } else { Overlay::Keep };
        let mut gathered = match places {
            [] if self.allow_empty => {
                Ok(ingest::gather(sink, tree, Memory::None, &[], None, Overlay::Keep, cx.progress())?)
            }
            [] => Err(usage(
                "nothing to commit was named",
                "name files or directories; . is this directory, - is standard input",
            )),
            [path] if path == Path::new("-") => {
                let Some(Place::At(path)) = &self.to else {
                    return Err(usage("standard input has no name", "say with --to PATH where it is to go"));
                };
                pick::check_file(tree, path)?;
                Ok(ingest::gather_reader(sink, tree, io::stdin().lock(), path.clone(), cx.progress())?)
            }
            paths if paths.iter().any(|path| path == Path::new("-")) => {
                Err(usage("standard input can only be committed alone", "make two commits"))
            }
            paths => {
                let to = match &self.to {
                    Some(Place::At(dir) | Place::Into(Some(dir))) => Some(dir),
                    Some(Place::Into(None)) | None => None,
                };
                Ok(ingest::gather(sink, tree, memory, paths, to, overlay, cx.progress())?)
            }
        };
        if let Ok(gathered) = &mut gathered {
            gathered.warnings.append(&mut gathered.notes);
            gathered.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
        }
        gathered
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let target = match &args.target {
        None => return submit::run(args, cx),
        Some(text) => match Aim::parse(text, args)? {
            Aim::One(target) => target,
            Aim::Several(aims) => return commits::run(args, &aims, cx),
        },
    };
    let (target, store) = (&target, cx.store()?);
    let message = args.message()?;
    if args.dry_run {
        return rehearse(args, target, &store, cx);
    }
    let writer = store.writer();
    let base = change::open(&store, target, &writer)?;
    let tree = Snapshot::new(&writer, base.tree);
    let gathered = args.gather(&args.places(), &writer, tree, Memory::Keep(&store), cx)?;
    let Gathered { draft, files, bytes, new_bytes, warnings, .. } = gathered;
    let published = change::publish(&store, &cx.author, base, draft, writer, &message, args.empty())?;
    let counts = view::Counts::from(published.tally);
    let commit = published.commit;
    let document = document(&json!({
        "commit": commit.map(|id| id.to_string()), "repo": target.repo, "branch": target.branch,
        "files": files, "bytes": bytes, "new_bytes": new_bytes, "stored_bytes": published.stored,
        "counts": counts, "warnings": warnings,
    }));
    let Some(id) = commit else {
        cx.note(&format!("nothing differs from {target}: no commit was made"));
        cx.note_waiting(&store, target)?;
        let made = Made { document, text: String::new(), quiet: String::new(), done: "", operation: None };
        return cx.made(&store, made, Vec::new(), args.no_run);
    };
    trigger::note_stopped(&published.caused.stopped, cx);
    let title = view::line(message.lines().next().unwrap_or(""));
    let looked = looked_at(files, new_bytes, bytes);
    let text = format!("[{target} {id:.12}] {title}\n {counts}  ({looked})\n");
    let (quiet, operation) = (format!("{id}\n"), published.operation);
    let made = Made { document, text, quiet, done: "the commit is made", operation };
    cx.made(&store, made, published.caused, args.no_run)
}

/// Finds out what a commit would be, and leaves the store as it is.
fn rehearse(args: &Args, target: &Target, store: &Store, cx: &Context) -> Answer {
    let rehearsal = store.rehearsal();
    let base = change::open(store, target, &rehearsal)?;
    let tree = Snapshot::new(&rehearsal, base.tree);
    let gathered = args.gather(&args.places(), &rehearsal, tree, Memory::Read(store), cx)?;
    let Gathered { draft, files, bytes, new_bytes, warnings, .. } = gathered;
    let (_, tally) = draft.finish(&rehearsal)?;
    let counts = view::Counts::from(tally);
    let document = json!({
        "dry_run": true, "repo": target.repo, "branch": target.branch,
        "files": files, "bytes": bytes, "new_bytes": new_bytes, "counts": counts, "warnings": warnings,
    });
    let looked = looked_at(files, new_bytes, bytes);
    let text = || format!("would commit to {target}\n {counts}  ({looked})\n");
    cx.say(&document, text, String::new)
}

/// How much was looked at to find what differs.
pub(super) fn looked_at(files: u64, new_bytes: u64, bytes: u64) -> String {
    let files = view::count(files, "file");
    format!("{files} looked at, {} new of {}", view::bytes(new_bytes), view::bytes(bytes))
}
