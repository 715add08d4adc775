//! `vds undo` and `vds redo`.

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made};
use super::ran::would_trigger;
use crate::operation::{self, Reverted, Turn, Which};
use crate::pipeline::trigger::Caused;
use crate::refs::Mode;
use crate::store::Store;
use crate::view;

/// Take back what was done last, or any operation
///
/// Without a number it takes back your newest change that counts; again, the one before it. With the number that every change ends
/// with it takes back that one, whatever came later, unless the same was changed again since. Branches, tags, repos and pipelines
/// become what they were before; commits and their data stay in the store. Stages follow, and find their results again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds undo
  vds undo 12 --dry-run
  vds undo 12")]
pub(super) struct UndoArgs {
    /// The number of the operation, as `vds op log` shows it
    #[arg(value_name = "NUMBER")]
    number: Option<u64>,
    #[command(flatten)]
    how: How,
}

/// Bring back what the last undo took back
///
/// Again, what the undo before it took back; until something else is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds redo")]
pub(super) struct RedoArgs {
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

impl How {
    pub(super) fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Make }
    }
}

pub(super) fn undo(args: &UndoArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let which = args.number.map_or(Which::Newest, Which::Number);
    let reverted = operation::undo(&store, &cx.author, which, args.how.mode())?;
    turned(&store, reverted, &args.how, cx)
}

pub(super) fn redo(args: &RedoArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let reverted = operation::redo(&store, &cx.author, args.how.mode())?;
    turned(&store, reverted, &args.how, cx)
}

/// Tells of going back, and runs what it triggered.
pub(super) fn turned(store: &Store, reverted: Reverted, how: &How, cx: &Context) -> Answer {
    let Reverted { operation, turn, number, origin, changes, caused } = reverted;
    let command = view::line(&origin.command);
    let (field, done, head) = match (turn, how.mode()) {
        (Turn::Undone, Mode::Make) => {
            ("undone", "it is undone", format!("undid operation {number}: {command}"))
        }
        (Turn::Undone, Mode::DryRun) => ("undone", "", format!("would undo operation {number}: {command}")),
        (Turn::Redone, Mode::Make) => {
            ("redone", "it is redone", format!("redid operation {number}: {command}"))
        }
        (Turn::Redone, Mode::DryRun) => ("redone", "", format!("would redo operation {number}: {command}")),
        (Turn::Restored, Mode::Make) => (
            "restored",
            "it is restored",
            format!("restored what was there after operation {number}: {command}"),
        ),
        (Turn::Restored, Mode::DryRun) => {
            ("restored", "", format!("would restore what was there after operation {number}: {command}"))
        }
    };
    if how.mode() == Mode::Make {
        cx.follow_back(&changes, (turn == Turn::Undone).then_some(number))?;
    }
    let changes: Vec<view::OperationChange> = changes.iter().map(view::OperationChange::from).collect();
    let lines: String = changes.iter().map(|change| format!(" {change}\n")).collect();
    let lines = if changes.is_empty() { " nothing differs from it\n".to_owned() } else { lines };
    let document = document(&json!({ field: number, "changes": changes, "dry_run": how.dry_run }));
    let quiet = format!("{number}\n");
    finish(
        store,
        Made { document, text: format!("{head}\n{lines}"), quiet, done, operation },
        caused,
        how,
        cx,
    )
}

/// Tells of branches that were moved or would be, and runs what that triggered.
pub(super) fn finish(store: &Store, mut made: Made, caused: Caused, how: &How, cx: &Context) -> Answer {
    match how.mode() {
        Mode::Make => cx.made(store, made, caused, how.no_run),
        Mode::DryRun => {
            made.text += &would_trigger(store, &caused.jobs);
            cx.changed(made)
        }
    }
}
