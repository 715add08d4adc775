//! `vds gc`.

use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use super::context::{Answer, Context};
use crate::amount::Span;
use crate::gc::{self, Collected, Options};
use crate::view;

/// How long operations can be undone unless told otherwise.
const OPERATIONS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long is waited, at the end, for processes that may still read what goes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Delete what no branch, tag, job or operation that can be undone leads to
///
/// Others go on meanwhile: nothing waits for this, and what a process has found stays until that process has ended. What is to be
/// deleted is told beforehand with --dry-run. It may be interrupted at any moment; the next one goes on with what is left.
///
/// Operations can be undone for 14 days; what only they lead to is kept for as long.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds gc --dry-run
  vds gc
  vds gc --retain ops=2d
  vds gc --retain ops=0")]
pub(super) struct Args {
    /// What is kept beside what branches and tags lead to: `ops=TIME` for how long operations can be undone (30m, 2h, 14d), `ops=0`
    /// for none
    #[arg(long, value_name = "RULE")]
    retain: Vec<Rule>,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// A rule of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// How long operations can be undone.
    Operations(Duration),
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = text.strip_prefix("ops=").ok_or("expected ops=TIME")?;
        if time == "0" {
            return Ok(Self::Operations(Duration::ZERO));
        }
        Ok(Self::Operations(time.parse::<Span>()?.0))
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let operations = args.retain.iter().last().map_or(OPERATIONS, |Rule::Operations(time)| *time);
    let options = Options { operations, wait: cx.wait, patience: PATIENCE };
    let collected = if args.dry_run {
        gc::foresee(&store, &cx.author, options, cx.progress())?
    } else {
        gc::collect(&store, &cx.author, options, cx.progress())?
    };
    let Collected { objects, needed, commits, plan, deleted, waiting, presences } = &collected;
    let amount = |(count, bytes): (u64, u64)| json!({ "objects": count, "bytes": bytes });
    let document = json!({
        "dry_run": args.dry_run,
        "all": amount(*objects),
        "needed": amount(*needed),
        "unneeded": amount(rest(&collected)),
        "commits": commits,
        "packs": plan.packs.len(),
        "copied": plan.copied,
        "freed": plan.freed,
        "deleted": deleted,
        "waiting": waiting,
        "processes": presences,
    });
    cx.say(
        &document,
        || text(&collected, args.dry_run),
        || format!("{}\n", if args.dry_run { plan.freed } else { *deleted }),
    )
}

fn rest(collected: &Collected) -> (u64, u64) {
    let Collected { objects, needed, .. } = collected;
    (objects.0 - needed.0, objects.1 - needed.1)
}

fn text(collected: &Collected, dry_run: bool) -> String {
    let Collected { objects, needed, commits, plan, deleted, waiting, presences } = collected;
    let line = |what: &str, (count, bytes): (u64, u64)| {
        format!("{what:<9} {:>12}  {}\n", view::bytes(bytes), view::count(count, "object"))
    };
    let sums = line("all", *objects) + &line("needed", *needed) + &line("unneeded", rest(collected));
    let gone = view::count(*commits, "commit");
    if dry_run {
        let packs = view::count(plan.packs.len() as u64, "pack");
        let (freed, copied) = (view::bytes(plan.freed), view::bytes(plan.copied));
        return format!(
            "{sums}would delete {freed} and {gone}; {packs} would go, and {copied} of them be copied\n"
        );
    }
    let mut text = format!("{sums}deleted {} and {gone}\n", view::bytes(*deleted));
    if *waiting > 0 {
        let who = view::counted(*presences, "process", "processes");
        text += &format!(
            "{} more can go once {who} that may still read it have ended: give `vds gc` again then\n",
            view::bytes(*waiting)
        );
    }
    text
}
