//! `vds push`.

use serde_json::{Value, json};

use super::context::{Answer, Context};
use super::fetch::{amount, amount_fields, other, parsed};
use crate::history::Target;
use crate::refs::Mode;
use crate::transfer::{self, Choice, Desk, Effect, Force, Pushed, Report};

/// Send what is new here to another store, and move its branches
///
/// A branch there moves only if what is here follows it; else nothing is pushed at all, and the exit code is 1. All names are
/// moved in one step. Stages there that read what was pushed are queued; `vds run` in that store runs them. Without REPO all
/// branches are meant that the remote is known to have; REPO alone is its branch main, REPO@NAME a branch or a tag.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds push
  vds push origin ticks ticks@v1
  vds push origin ticks@feature/x --force
  vds push --dry-run")]
pub(super) struct Args {
    /// The remote [default: origin], and REPO or REPO@NAME for branches and tags here
    #[arg(value_name = "REMOTE|REPO")]
    names: Vec<String>,
    /// Move branches that are not followed, if they are still where they were last seen
    #[arg(short, long)]
    force: bool,
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
    }
}

fn shape(pushed: &Pushed) -> Value {
    let moved = &pushed.moved;
    json!({
        "repo": moved.repo, "kind": moved.name.what(), "name": moved.name.to_string(), "change": word(pushed.effect),
        "before": moved.before.map(|id| id.to_string()), "after": moved.after.to_string(),
    })
}

fn line(pushed: &Pushed) -> String {
    let moved = &pushed.moved;
    let (repo, name, after) = (&moved.repo, &moved.name, &moved.after);
    let before = moved.before.map(|id| format!("{id:.12}")).unwrap_or_default();
    match pushed.effect {
        Effect::New => format!("{repo}@{name} begins at {after:.12}\n"),
        Effect::Forward => format!("{repo}@{name} goes on from {before} to {after:.12}\n"),
        Effect::Forced => format!("{repo}@{name} is moved from {before} to {after:.12}\n"),
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
    let report = transfer::push(&desk, remote, &*other.peer, &choices, force, mode)?;
    let shapes: Vec<Value> = report.names.iter().map(shape).collect();
    let mut document = json!({ "remote": remote, "pushed": shapes, "queued": report.updated.queued, "operation": report.updated.operation, "dry_run": args.dry_run });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(amount_fields(&report.copied));
    }
    let moved = report.names.iter().filter(|pushed| pushed.effect != Effect::Same);
    let quiet = || moved.map(|pushed| format!("{}@{}\n", pushed.moved.repo, pushed.moved.name)).collect();
    let text = || text(&report, &other.remote.place, mode);
    if args.dry_run { cx.say(&document, text, quiet) } else { cx.tell(&document, text, quiet) }
}
