//! `vds push`.

use serde_json::{Value, json};

use super::context::{Answer, Context};
use super::fetch::{amount, amount_fields, other, parsed};
use crate::history::Target;
use crate::object::RemoteName;
use crate::refs::Mode;
use crate::transfer::{self, Choice, Desk, Effect, Force, Pushed, Report};

/// So many branches are told that the remote lacks.
const TOLD: usize = 5;

/// Send what is new here to another store, and move its branches
///
/// A branch there moves only if what is here follows it; else nothing is pushed at all, and the exit code is 1. All names are
/// moved in one step. Stages there that read what was pushed are queued; `vds run` in that store runs them. Without REPO all
/// branches are meant that the remote is known to have, and those that it lacks are told; REPO alone is its branch main, REPO@NAME a
/// branch or a tag.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds push
  vds push origin ticks ticks@v1
  vds push origin ticks@feature/x --force
  vds push origin --delete ticks@feature/x
  vds push --dry-run")]
pub(super) struct Args {
    /// The remote [default: origin], and REPO or REPO@NAME for branches and tags here
    #[arg(value_name = "REMOTE|REPO")]
    names: Vec<String>,
    /// Move branches that are not followed, if they are still where they were last seen
    #[arg(short, long)]
    force: bool,
    /// Delete these branches and tags there
    #[arg(short, long, requires = "names", conflicts_with = "force")]
    delete: bool,
    /// Say what would be moved, and send nothing
    #[arg(long)]
    dry_run: bool,
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::New => "new",
        Effect::Forward => "forward",
        Effect::Forced => "forced",
        Effect::Same => "same",
        Effect::Deleted => "deleted",
    }
}

fn shape(pushed: &Pushed) -> Value {
    let moved = &pushed.moved;
    json!({
        "repo": moved.repo, "kind": moved.name.what(), "name": moved.name.to_string(), "change": word(pushed.effect),
        "before": moved.before.map(|id| id.to_string()), "after": moved.after.map(|id| id.to_string()),
    })
}

fn line(pushed: &Pushed) -> String {
    let moved = &pushed.moved;
    let (repo, name) = (&moved.repo, &moved.name);
    let [before, after] =
        [moved.before, moved.after].map(|id| id.map(|id| format!("{id:.12}")).unwrap_or_default());
    match pushed.effect {
        Effect::New => format!("{repo}@{name} begins at {after}\n"),
        Effect::Forward => format!("{repo}@{name} goes on from {before} to {after}\n"),
        Effect::Forced => format!("{repo}@{name} is moved from {before} to {after}\n"),
        Effect::Deleted => format!("{repo}@{name} is deleted, was at {before}\n"),
        Effect::Same => String::new(),
    }
}

fn text(report: &Report, place: &str, mode: Mode) -> String {
    let mut text: String = report.names.iter().map(line).collect();
    if text.is_empty() {
        return format!("nothing is new for {place}\n");
    }
    if mode == Mode::DryRun {
        return format!("would push to {place}:\n{text}");
    }
    let amount = Some(amount(&report.copied)).filter(|_| report.copied.objects > 0);
    let amount = amount.map(|amount| format!(": {amount}")).unwrap_or_default();
    text = format!("pushed to {place}{amount}\n{text}");
    if !report.updated.queued.is_empty() {
        text += &format!("queued there: {}\n", report.updated.queued.join(", "));
    }
    if let Some(number) = report.updated.operation {
        text += &format!("undo: vds --store {place} undo {number}\n");
    }
    text
}

/// Tells of branches that are not pushed, since the remote does not have them.
fn note_lacking(cx: &Context, lacking: &[Target], remote: &RemoteName) {
    let Some(first) = lacking.first() else { return };
    let mut names: Vec<String> = lacking.iter().take(TOLD).map(ToString::to_string).collect();
    names.extend(lacking.len().checked_sub(TOLD).filter(|more| *more > 0).map(|more| format!("{more} more")));
    cx.note(&format!("not in {remote}: {}; `vds push {remote} {first}` sends one", names.join(", ")));
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let (other, names) = other(&store, &args.names, cx)?;
    let targets: Vec<Target> = parsed(names)?;
    let choices: Vec<Choice> =
        targets.into_iter().map(|t| Choice { repo: t.repo, name: Some(t.branch) }).collect();
    let force = if args.force { Force::IfSeen } else { Force::Never };
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Make };
    let desk = Desk { store: &store, author: &cx.author, progress: cx.progress() };
    let remote = &other.remote.name;
    let report = if args.delete {
        transfer::delete(&desk, remote, &*other.peer, &choices, mode)?
    } else {
        transfer::push(&desk, remote, &*other.peer, &choices, force, mode)?
    };
    note_lacking(cx, &report.lacking, remote);
    let lacking: Vec<String> = report.lacking.iter().map(ToString::to_string).collect();
    let shapes: Vec<Value> = report.names.iter().map(shape).collect();
    let mut document = json!({ "remote": remote, "pushed": shapes, "queued": report.updated.queued, "operation": report.updated.operation, "lacking": lacking, "dry_run": args.dry_run });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(amount_fields(&report.copied));
    }
    let moved = report.names.iter().filter(|pushed| pushed.effect != Effect::Same);
    let quiet = || moved.map(|pushed| format!("{}@{}\n", pushed.moved.repo, pushed.moved.name)).collect();
    let text = || text(&report, &other.remote.place, mode);
    if args.dry_run { cx.say(&document, text, quiet) } else { cx.tell(&document, text, quiet) }
}
