//! `vds run --watch`: running what is queued, and what becomes due, until the process is told to end.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::answer::{Form, document};
use super::complaint::complain;
use super::context::{Answer, Context};
use super::ran::verdict;
use super::tidy::tidy;
use super::trigger;
use crate::fault::{Cause, Kind};
use crate::interrupt::{self, Parting};
use crate::pipeline::{self, Which};
use crate::store::Store;

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Does what is due and runs what is queued, again and again. A job that fails, or a store that is busy, is told of and ends nothing.
pub(super) fn run(store: &Store, cx: &Context) -> Answer {
    cx.note("running what comes until this is ended (Ctrl-C)");
    let goes_on = "`vds run --watch` goes on, also with jobs that ran just now; `vds run` does so once";
    interrupt::part_with(Parting::Ended(goes_on.to_owned()));
    loop {
        // What comes from here on is seen in the next round.
        let length = store.ledger().length();
        match round(store, cx) {
            Ok(next) => wait(store, length, next, cx)?,
            // There may be more to do. Where a store stays busy, it is asked again only after its own patience.
            Err(cause) if [Kind::JobFailed, Kind::Busy].contains(&cause.kind()) => complain(&cause),
            Err(cause) => return Err(cause),
        }
    }
}

/// Does what there is to do now; when something will be due next, in milliseconds since 1970.
fn round(store: &Store, cx: &Context) -> Result<Option<i64>, Cause> {
    let due = pipeline::due(store, &cx.author)?;
    trigger::moved(&due.caused.moved).lines().for_each(|line| cx.note(line));
    let ran = cx.run(store, &Which::All)?;
    if cx.form == Form::Json && !(due.caused.moved.is_empty() && ran.is_empty()) {
        cx.ended(document(&json!({ "moved": trigger::moves(&due.caused.moved) })), Ok(ran), None)?;
        return Ok(due.next);
    }
    if cx.form == Form::Quiet && !ran.is_empty() {
        cx.say(&(), String::new, || ran.iter().map(|job| format!("{}\n", job.id)).collect())?;
    }
    verdict(&ran, None)?;
    Ok(due.next)
}

/// Waits until the journal is longer than `length`, or the moment `next` has come.
fn wait(store: &Store, length: u64, next: Option<i64>, cx: &Context) -> Result<(), Cause> {
    tidy(store, cx);
    store.rest()?;
    while store.ledger().length() == length && next.is_none_or(|next| next > cx.author.now().time) {
        thread::sleep(LOOK_EVERY);
    }
    Ok(store.resume()?)
}
