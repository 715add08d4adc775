//! `vds verify`.

use std::time::Instant;

use chrono::Local;
use serde_json::{Value, json};

use super::answer::document;
use super::complaint::{complaint, failure, usage};
use super::context::{Answer, Context, resolve};
use crate::fault::{Cause, Kind};
use crate::history::{self, Location};
use crate::store::Store;
use crate::verify::{self, Choice, Depth, Finding, Note, Options, Report, Start};
use crate::view;

/// Check that the store is whole
///
/// Every pack is read and checked against its name, and every object in it against its own; all that branches, tags, commits, results and
/// jobs lead to must be there; the index, the journal and the facts must agree. What is damaged is named, with the paths, commits and
/// branches that it hurts, and the exit code is 5. Nothing is changed, and others may go on meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds verify
  vds verify --quick
  vds verify --since yesterday
  vds verify --sample 5%
  vds verify --resume")]
pub(super) struct Args {
    /// Read no contents: what packs say of themselves, the index, the journal, commits and trees
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Put each large file together as well, and hash it
    #[arg(long)]
    full: bool,
    /// Read only packs that were written since: a time, or REPO@REV for the time of that commit
    #[arg(long, value_name = "TIME|REPO@REV", conflicts_with_all = ["quick", "sample"])]
    since: Option<String>,
    /// Read only so many packs, or so many percent of them, drawn by lot
    #[arg(long, value_name = "N|PERCENT%", conflicts_with = "quick", value_parser = sample)]
    sample: Option<Choice>,
    /// Go on where the last one was interrupted
    #[arg(long, conflicts_with_all = ["quick", "since", "sample"])]
    resume: bool,
}

fn sample(text: &str) -> Result<Choice, String> {
    let expected = || "expected a number of packs, or a percentage as 5%".to_owned();
    match text.strip_suffix('%') {
        None => text.parse().map(Choice::Some).map_err(|_| expected()),
        Some(part) => {
            let part = part.parse().ok().filter(|part| (0.0..=100.0).contains(part));
            part.map(Choice::Percent).ok_or_else(expected)
        }
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let since = args.since.as_ref().map(|since| moment(&store, since)).transpose()?.map(Choice::Since);
    let options = Options {
        depth: match (args.quick, args.full) {
            (true, _) => Depth::Quick,
            (_, true) => Depth::Full,
            _ => Depth::Whole,
        },
        choice: since.or(args.sample).unwrap_or(Choice::All),
        start: if args.resume { Start::Resumed } else { Start::Anew },
    };
    let begun = Instant::now();
    let report = verify::verify(&store, &options, cx.progress())?;
    let took = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let cause = verdict(&report);
    let mut shape = document(&shape(&report));
    if let (Some(cause), Some(fields)) = (&cause, shape.as_object_mut()) {
        fields.insert("error".to_owned(), failure(cause));
    }
    cx.say(
        &shape,
        || text(&report, took),
        || report.findings.iter().map(|f| format!("{}\n", f.thing)).collect(),
    )?;
    cause.map_or(Ok(0), Err)
}

/// The moment that is meant by a time, or by a commit.
fn moment(store: &Store, text: &str) -> Result<i64, Cause> {
    if let Ok(time) = history::parse_time(text, Local::now()) {
        return Ok(time);
    }
    let location = text.parse::<Location>().ok().filter(|_| text.contains('@'));
    let location = location.ok_or_else(|| {
        usage(format!("{text:?} is no time and no commit"), "say `2024-05-01`, `2 days ago`, or REPO@REV")
    })?;
    let commit = resolve(store, &location)?.commit;
    Ok(history::load(store.objects(), commit)?.time)
}

fn verdict(report: &Report) -> Option<Cause> {
    let count = report.findings.len() as u64 + report.more;
    if count == 0 {
        return None;
    }
    let lost: u64 = report.findings.iter().map(|finding| finding.lost).sum();
    let what = view::count(count, "damaged thing");
    let message = match lost {
        0 => format!("the store has {what}, with which nothing is lost"),
        _ => format!("the store has {what}, and has lost {}", view::count(lost, "object")),
    };
    let hint = "`vds repair --dry-run` tells what can be mended, with --from STORE by what another store has";
    Some(complaint(Kind::Damaged, message, hint))
}

fn shape(report: &Report) -> Value {
    let note =
        |note: &Note| json!({ "kind": note.thing.kind(), "name": note.thing.name(), "text": note.text });
    json!({
        "packs": report.packs, "packs_read": report.packs_read,
        "bytes": report.bytes, "bytes_read": report.bytes_read,
        "objects": report.objects, "tables": report.tables,
        "operations": report.operations, "facts": report.facts,
        "commits": report.commits, "nodes": report.nodes,
        "damaged": report.findings.iter().map(finding).collect::<Value>(), "more_damaged": report.more,
        "notes": report.notes.iter().map(note).collect::<Value>(),
    })
}

/// The document of a damaged thing.
pub(super) fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.thing.kind(), "name": finding.thing.name(), "reason": finding.reason,
        "lost": finding.lost, "hurts": finding.hurt.places, "more_hurts": finding.hurt.more,
    })
}

fn text(report: &Report, took: i64) -> String {
    let mut text: String = report.findings.iter().map(told).collect();
    if report.more > 0 {
        text += &format!("and {} more\n", view::count(report.more, "damaged thing"));
    }
    for note in &report.notes {
        text += &format!(
            "note: {}: {}; the next command that needs it mends that\n",
            note.thing,
            view::line(&note.text)
        );
    }
    let read = match report.packs_read {
        all if all == report.packs => String::new(),
        some => format!(", {some} of them read"),
    };
    text + &format!(
        "looked at {} ({}){read}, {}, {}, {} in {}\n",
        view::count(report.packs, "pack"),
        view::bytes(report.bytes),
        view::count(report.objects, "object"),
        view::count(report.commits, "commit"),
        view::count(report.operations, "operation"),
        view::duration(took)
    )
}

/// A damaged thing, and what it hurts.
pub(super) fn told(finding: &Finding) -> String {
    let lost = match finding.lost {
        0 => String::new(),
        lost => format!("; {} lost", view::count(lost, "object")),
    };
    let mut text = format!("{}: {}{lost}\n", finding.thing, view::line(&finding.reason));
    for place in &finding.hurt.places {
        text += &format!(" hurts {place}\n");
    }
    if finding.hurt.more > 0 {
        text += &format!(" and {} more\n", finding.hurt.more);
    }
    text
}
