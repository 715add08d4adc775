//! `vds gc`.

use std::time::Duration;

use serde_json::json;

use super::complaint::usage;
use super::context::{Answer, Context};
use crate::fault::Cause;
use crate::gc::{self, Collected, Foreseen, Keeper, Options};
use crate::pack::Stock;
use crate::setting::{self, Rule, Rules};
use crate::store::Store;
use crate::view;

/// How long is waited, at the end, for processes that may still read what goes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Delete what no branch, tag, pin, job or operation that can be undone leads to
///
/// Others go on meanwhile: nothing waits for this, and what a process has found stays until that process has ended. What is to be
/// deleted is told beforehand with --dry-run. It may be interrupted at any moment; the next one goes on with what is left.
///
/// Rules say what is kept; those that are stored (`vds config set retain`) count where none of their kind is given. `ops=TIME`: for how long operations
/// can be undone, and what only they lead to is kept; 14 days if no rule says so, none with 0. `REPO@BRANCH:keep-last=NUMBER` and
/// `REPO@BRANCH:keep-within=TIME`: of so many commits, or of those that are not older, the files stay, and those of all others of the branch
/// are let go. A commit stays in the log without its files. With several rules about a branch the files stay that any of them keeps, and all where
/// there is none. `results=TIME`: results of stages that were made before go, if no job since had to do with them and no branch is made of
/// them; what they were for runs again if it comes back. `logs=TIME`: what jobs printed that ended before goes. Without these two all stay. In names `*` stands for anything. Where branches stand, and what is tagged, pinned or can be undone, always stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds gc --dry-run
  vds gc
  vds gc --retain ops=2d
  vds gc --retain 'desk/*@main:keep-last=30' --retain 'ticks@*:keep-within=90d' --dry-run
  vds gc --retain results=90d --retain logs=30d
  vds config set retain 'ops=30d scratch/*@*:keep-last=3'")]
pub(super) struct Args {
    /// A rule of what is kept, instead of those of its kind that are stored
    #[arg(long, value_name = "RULE")]
    retain: Vec<Rule>,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply rules that keep nothing but what branches stand for
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let options = Options { rules: rules(args, &store)?, wait: cx.wait, patience: PATIENCE };
    let (collected, alone) = if args.dry_run {
        let Foreseen { collected, alone } = gc::foresee(&store, &cx.author, &options, cx.progress())?;
        (collected, alone)
    } else {
        (gc::collect(&store, &cx.author, &options, cx.progress())?, Vec::new())
    };
    let Collected {
        objects,
        needed,
        commits,
        let_go,
        results,
        logs,
        plan,
        deleted,
        waiting,
        presences,
        holders,
    } = &collected;
    let amount = |(count, bytes): (u64, u64)| json!({ "objects": count, "bytes": bytes });
    let mut document = json!({
        "dry_run": args.dry_run,
        "rules": options.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "all": amount(*objects),
        "needed": amount(*needed),
        "unneeded": amount(rest(&collected)),
        "commits": commits,
        "let_go": let_go,
        "results": results,
        "logs": logs,
        "packs": plan.packs.len(),
        "copied": plan.copied,
        "freed": plan.freed,
        "deleted": deleted,
        "waiting": waiting,
        "processes": presences,
        "process_ids": holders,
    });
    if let (true, Some(fields)) = (args.dry_run, document.as_object_mut()) {
        fields
            .insert("kept_by".to_owned(), alone.iter().map(view::KeptBy::from).map(|by| json!(by)).collect());
    }
    cx.say(
        &document,
        || text(&collected, args.dry_run) + &table(&alone),
        || format!("{}\n", if args.dry_run { plan.freed } else { *deleted }),
    )
}

/// So many keepers are told of.
const TOLD: usize = 20;

/// Who keeps what alone, as lines.
fn table(alone: &[(Keeper, Stock)]) -> String {
    let lines = alone.iter().take(TOLD).map(|kept| {
        let by = view::KeptBy::from(kept);
        format!("{:>12}  only {by}\n", view::bytes(by.bytes))
    });
    let rest = match alone.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("{:>12}  {more} others keep less each (--json)\n", ""),
    };
    let head = if alone.is_empty() { "" } else { "\nwhat would go if these did not keep it:\n" };
    head.to_owned() + &lines.collect::<String>() + &rest
}

/// The rules that count: those that were given, and of other kinds those that are stored.
fn rules(args: &Args, store: &Store) -> Result<Rules, Cause> {
    if let Some(rule) = args.retain.iter().find(|rule| rule.keeps_nothing())
        && !(args.yes || args.dry_run)
    {
        let what = match rule {
            Rule::Logs(_) => "no logs at all",
            Rule::Results(_) => "no results but those that branches are made of",
            Rule::Files { .. } | Rule::Operations(_) => {
                "no files but those of the commits where branches stand"
            }
        };
        let message = format!("{rule} would keep {what}");
        return Err(usage(message, "look with --dry-run at what would go, and give --yes if it is meant"));
    }
    let given: Rules = args.retain.iter().cloned().collect();
    Ok(given.over(setting::retain(&store.session()?)?))
}

fn rest(collected: &Collected) -> (u64, u64) {
    let Collected { objects, needed, .. } = collected;
    (objects.0 - needed.0, objects.1 - needed.1)
}

/// What goes besides bytes.
fn gone(collected: &Collected) -> String {
    let Collected { commits, let_go, results, logs, .. } = collected;
    let parts = [
        (*let_go, format!("the files of {} more", view::count(*let_go, "commit"))),
        (*results, view::count(*results, "result")),
        (*logs, format!("what {} printed", view::count(*logs, "job"))),
    ];
    let more = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
    let mut all: Vec<String> = std::iter::once(view::count(*commits, "commit")).chain(more).collect();
    match (all.len(), all.pop()) {
        (1, Some(last)) => last,
        (_, last) => format!("{}, and {}", all.join(", "), last.unwrap_or_default()),
    }
}

fn text(collected: &Collected, dry_run: bool) -> String {
    let Collected { objects, needed, plan, deleted, waiting, presences, holders, .. } = collected;
    let line = |what: &str, (count, bytes): (u64, u64)| {
        format!("{what:<9} {:>12}  {}\n", view::bytes(bytes), view::count(count, "object"))
    };
    let sums = line("all", *objects) + &line("needed", *needed) + &line("unneeded", rest(collected));
    let gone = gone(collected);
    if dry_run {
        let packs = view::count(plan.packs.len() as u64, "pack");
        let (freed, copied) = (view::bytes(plan.freed), view::bytes(plan.copied));
        return format!(
            "{sums}would delete {freed} and {gone}; {packs} would go, and {copied} of them be copied\n"
        );
    }
    let freed = deleted.saturating_sub(plan.copied);
    let mut text = format!("{sums}freed {}, and deleted {gone}\n", view::bytes(freed));
    if *waiting > 0 && *presences == 0 {
        text += &format!("{} more can go: give `vds gc` again\n", view::bytes(*waiting));
    } else if *waiting > 0 {
        let known = holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { known } else { format!(" ({known})") };
        let who = view::counted(*presences, "process", "processes");
        text += &format!(
            "{} more can go once {who}{known} that may still read it have ended: give `vds gc` again then\n",
            view::bytes(*waiting)
        );
    }
    text
}
