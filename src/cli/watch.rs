//! `vds watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;
use serde_json::json;

use super::answer::document;
use super::complaint::{code_of, complain};
use super::context::{Answer, Context, Made};
use super::span::span;
use super::tidy::tidy;
use crate::fault::Kind;
use crate::history::Target;
use crate::interrupt::{self, Parting};
use crate::pick::Place;
use crate::store::Store;
use crate::view;
use crate::watch::{After, Arrived, Deletions, Noticing, Options, Pace, Until, Watch};

/// Commit the files that arrive in a directory, as soon as they are whole
///
/// A commit is made when no file has changed for a while. Left out are hidden files, *.tmp, *.part, *.partial and *~, what a
/// .vdsignore file names, and files that somebody is writing. Ended, even by kill -9, and started again, it commits nothing
/// twice and loses nothing. What the commits trigger is run after each; a job that fails does not end it.
///
/// One process at a time may watch a directory for a store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds watch inbox ticks
  vds watch inbox ticks@bbg --to 2024 --quiet-for 10s --batch 1000 --remove
  vds watch /mnt/share ticks --poll 30s
  vds watch inbox ticks --once")]
pub(super) struct Args {
    /// The directory
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// REPO or REPO@BRANCH; a branch that does not exist is begun
    target: Target,
    /// Put everything below this path
    #[arg(long, value_name = "PREFIX")]
    to: Option<Place>,
    /// What is to be said of each commit [default: what has arrived]
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Commit when no file has changed for so long
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = span)]
    quiet_for: Duration,
    /// Commit at the latest so long after the first change
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span)]
    at_most: Duration,
    /// Commit at the latest when so many files have changed
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Remove from the branch (or below --to) what is not in the directory
    #[arg(long, conflicts_with = "remove")]
    mirror: bool,
    /// Remove files from the directory once their commit is made, unless they have changed
    #[arg(long)]
    remove: bool,
    /// Look every so often, where the system does not tell of changes: on network file systems
    #[arg(long, value_name = "TIME", value_parser = span)]
    poll: Option<Duration>,
    /// Wait until all is quiet, commit that, and end
    #[arg(long)]
    once: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

impl Args {
    /// What is said to whoever ends it.
    fn parting(&self) -> Parting {
        let rest = "what has arrived and is not committed yet is committed by the next watch".to_owned();
        if self.once { Parting::Cut(rest) } else { Parting::Ended(rest) }
    }

    fn options(&self) -> Options {
        let to = match &self.to {
            Some(Place::At(dir) | Place::Into(Some(dir))) => Some(dir),
            Some(Place::Into(None)) | None => None,
        };
        Options {
            dir: self.dir.clone(),
            target: self.target.clone(),
            to: to.cloned(),
            deletions: if self.mirror { Deletions::Mirror } else { Deletions::Keep },
            after: if self.remove { After::Remove } else { After::Keep },
            pace: Pace { quiet_for: self.quiet_for, at_most: self.at_most, batch: self.batch },
            noticing: self.poll.map_or(Noticing::Events, Noticing::Poll),
            until: if self.once { Until::Quiet } else { Until::Ended },
        }
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let mut watch = Watch::begin(&store, args.options())?;
    if !args.once {
        cx.note(&format!("watching {} for {}", args.dir.display(), args.target));
    }
    let mut code = 0;
    let warn = |text: &str| cx.note(&format!("warning: {text}"));
    interrupt::part_with(args.parting());
    loop {
        let arrived = watch.next(&cx.author, args.message.as_deref(), cx.progress(), &warn)?;
        let Some(arrived) = arrived else { return Ok(code) };
        let told = tell(args, &store, arrived, cx);
        interrupt::part_with(args.parting());
        match told {
            Err(cause) if cause.kind() == Kind::JobFailed => {
                complain(&cause);
                code = code_of(cause.kind());
            }
            other => drop(other?),
        }
        tidy(&store, cx);
    }
}

/// Tells of a commit as `vds commit` does, and runs what it triggers.
fn tell(args: &Args, store: &Store, arrived: Arrived, cx: &Context) -> Answer {
    let Arrived { published, message, files, bytes, removed } = arrived;
    let target = &args.target;
    let counts = view::Counts::from(published.tally);
    let id = published.commit.map(|id| id.to_string()).unwrap_or_default();
    let document = document(&json!({
        "commit": id, "repo": target.repo, "branch": target.branch, "files": files, "bytes": bytes,
        "stored_bytes": published.stored, "counts": counts, "removed": removed,
    }));
    let title = view::line(message.lines().next().unwrap_or(""));
    let read = format!("{} read, {}", view::count(files, "file"), view::bytes(bytes));
    let text = format!("[{target} {id:.12}] {title}\n {counts}  ({read})\n");
    let (quiet, operation) = (format!("{id}\n"), published.operation);
    let made = Made { document, text, quiet, done: "the commit is made", operation };
    cx.made(store, made, published.caused, args.no_run)
}
