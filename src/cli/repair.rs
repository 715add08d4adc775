//! `vds repair`.

use std::path::PathBuf;

use clap::ValueHint;
use serde_json::{Value, json};

use super::answer::document;
use super::complaint::{complaint, failure};
use super::context::{Answer, Context};
use super::verify::{finding, told};
use crate::fault::{Cause, Kind};
use crate::repair::{self, Mode, Repaired};
use crate::store::Store;
use crate::view;

/// Mend a damaged store
///
/// Damaged and missing packs and objects are taken from another store, such as a backup, where it has them intact. Packs that stay damaged
/// are moved to `quarantine/` in the store, and what is intact of them is saved into new packs first. The index, and facts that are not as
/// the journal says, are made again. What is lost is named, and the exit code is then 5. It can be interrupted and given again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds repair --dry-run
  vds repair --from /mnt/backup/data")]
pub(super) struct Args {
    /// The store that intact copies are taken from, or the directory it was made for
    #[arg(long, value_name = "STORE", value_hint = ValueHint::DirPath)]
    from: Option<PathBuf>,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let from = args.from.as_ref().map(|path| Store::open(path, cx.wait)).transpose()?;
    let mode = if args.dry_run { Mode::Dry } else { Mode::Real };
    let repaired = repair::repair(&store, from.as_ref(), mode, cx.progress())?;
    let cause = verdict(&repaired, mode);
    let mut shape = document(&shape(&repaired, mode));
    if let (Some(cause), Some(fields)) = (&cause, shape.as_object_mut()) {
        fields.insert("error".to_owned(), failure(cause));
    }
    let quiet = || repaired.left.iter().map(|left| format!("{}\n", left.thing)).collect();
    cx.say(&shape, || text(&repaired, mode), quiet)?;
    cause.map_or(Ok(0), Err)
}

fn verdict(repaired: &Repaired, mode: Mode) -> Option<Cause> {
    let is_left = match mode {
        Mode::Real => !repaired.left.is_empty(),
        Mode::Dry => repaired.lost > 0,
    };
    if !is_left {
        return None;
    }
    let message = match repaired.lost {
        0 => format!("{} could not be mended", view::count(repaired.left.len() as u64, "damaged thing")),
        lost => format!(
            "{} {} nowhere to be found",
            view::count(lost, "object"),
            if lost == 1 { "is" } else { "are" }
        ),
    };
    let hint =
        "name another store that may have it with --from; docs/operations.md tells what else can be done";
    Some(complaint(Kind::Damaged, message, hint))
}

fn shape(repaired: &Repaired, mode: Mode) -> Value {
    let names: Vec<String> = repaired.packs.iter().map(ToString::to_string).collect();
    let quarantined = repaired.quarantined.iter();
    let quarantined = quarantined
        .map(|(name, place)| json!({ "pack": name.to_string(), "place": place.to_string_lossy() }))
        .collect::<Value>();
    json!({
        "dry_run": mode == Mode::Dry, "packs_taken": names, "objects_taken": repaired.taken,
        "objects_saved": repaired.saved, "quarantined": quarantined, "facts_from": repaired.facts,
        "damaged": repaired.left.iter().map(finding).collect::<Value>(), "lost": repaired.lost,
    })
}

fn text(repaired: &Repaired, mode: Mode) -> String {
    let would = match mode {
        Mode::Real => "",
        Mode::Dry => "would be ",
    };
    let mut text = String::new();
    for pack in &repaired.packs {
        text += &format!("pack {pack} {would}taken from the other store\n");
    }
    if repaired.taken > 0 {
        text += &format!("{} {would}taken from the other store\n", view::count(repaired.taken, "object"));
    }
    if repaired.saved > 0 {
        text += &format!("{} of damaged packs {would}saved\n", view::count(repaired.saved, "intact object"));
    }
    for (pack, place) in &repaired.quarantined {
        text += &format!("pack {pack} {would}moved to {}\n", place.display());
    }
    if let Some(operations) = repaired.facts {
        text += &format!("made the facts again from {}\n", view::count(operations, "operation"));
    }
    let left = match (mode, repaired.left.is_empty()) {
        (_, true) => "nothing is damaged\n",
        (Mode::Real, false) => "still damaged:\n",
        (Mode::Dry, false) => "damaged:\n",
    };
    text + left + &repaired.left.iter().map(told).collect::<String>()
}
