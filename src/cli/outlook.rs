//! `vds run --dry-run`.

use serde_json::{Value, json};

use super::context::{Answer, Context};
use crate::pipeline::job::Job;
use crate::pipeline::{self, Outlook, Prospect};
use crate::store::Store;
use crate::view;

/// Tells what the queued jobs that are meant would do.
pub(super) fn run(store: &Store, meant: impl Fn(&Job) -> bool, cx: &Context) -> Answer {
    let all = pipeline::outlook(store, &store.rehearsal(), &cx.author, meant)?;
    let triggers = pipeline::triggers(store, cx.author.now().time)?;
    let due: Vec<view::Trigger> =
        triggers.iter().map(view::Trigger::from).filter(|trigger| trigger.state == "due").collect();
    let jobs: Vec<Value> = all.iter().map(shape).collect();
    let document = json!({ "dry_run": true, "jobs": jobs, "due": due });
    let text = || {
        let lines: String = all.iter().map(lines).collect();
        let lines = if lines.is_empty() { "nothing is queued\n".to_owned() } else { lines };
        due.iter().fold(lines, |lines, trigger| lines + &format!("{trigger}, before all\n"))
    };
    cx.say(&document, text, || all.iter().map(|outlook| format!("{}\n", outlook.job.id)).collect())
}

fn lines(Outlook { job, work }: &Outlook) -> String {
    let name = format!("job {} {}@{}", job.id, job.stage_name(), job.branch);
    match work {
        Prospect::Waits(id) => format!("{name} waits for job {id}\n"),
        Prospect::GivesWay(id) => format!("{name} gives way to job {id}\n"),
        Prospect::Count(count) => format!("{name}: {} to run\n", view::count(*count, "datum")),
        Prospect::Datums { run, reused } => {
            let datums =
                run.iter().map(|(name, reason)| format!("  {:<9}  {}\n", reason.word(), view::line(name)));
            let count = view::count(run.len() as u64, "datum");
            format!("{name}: {count} to run, {reused} reused\n{}", datums.collect::<String>())
        }
    }
}

fn shape(Outlook { job, work }: &Outlook) -> Value {
    let (mut waits, mut gives, mut count, mut found, mut datums) = (None, None, None, None, None);
    match work {
        Prospect::Waits(id) => waits = Some(*id),
        Prospect::GivesWay(id) => gives = Some(*id),
        Prospect::Count(number) => count = Some(*number),
        Prospect::Datums { run, reused } => {
            (count, found) = (Some(run.len() as u64), Some(*reused));
            let datum =
                |(name, reason): &(String, pipeline::Reason)| json!({ "datum": name, "why": reason.word() });
            datums = Some(run.iter().map(datum).collect::<Vec<Value>>());
        }
    }
    json!({
        "id": job.id, "run": job.run, "stage": job.stage_name(), "branch": job.branch, "cause": job.cause,
        "waits_for": waits, "gives_way_to": gives, "to_run": count, "reused": found, "datums": datums,
    })
}
