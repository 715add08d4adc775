//! `vds job logs`.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::answer::{Form, Listing, Reader, print};
use super::complaint::not_found;
use super::context::{Answer, Context};
use crate::content;
use crate::fault::Cause;
use crate::object::{Entry, NodeId, ObjectRead};
use crate::pipeline::job::{self, Filter, Job, State};
use crate::store::Store;
use crate::tree::{self, Cursor};

/// The pause between two looks at a job that is followed.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Whose logs to print
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its number
    id: u64,
    /// Only this datum's
    #[arg(long)]
    datum: Option<String>,
    /// Go on until the job has ended
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each log
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
}

/// A datum and what it printed.
type Printed = (String, String);

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let job = job::last_of(&store, &store.session()?, args.id)?;
    let document = |(name, text): &Printed| json!({ "datum": name, "text": text });
    let text = |(name, text): &Printed| match args.datum {
        None if name != "all" => format!("--- {name}\n{text}"),
        _ => text.clone(),
    };
    let quiet = |(_, text): &Printed| text.clone();
    let listing = Listing { name: "logs", document: &document, text: &text, quiet: &quiet };
    if !args.follow || !job.state.is_living() {
        return ended(&store, &job, args, &listing, cx);
    }
    if cx.form == Form::Json {
        return cx.feed(&listing, |put| follow(&store, args, cx, &mut |log| Ok(put(&log))));
    }
    let form = if cx.form == Form::Quiet { listing.quiet } else { listing.text };
    follow(&store, args, cx, &mut |log| match print(&form(&log))? {
        Reader::There => Ok(ControlFlow::Continue(())),
        Reader::Gone => Ok(ControlFlow::Break(())),
    })?;
    Ok(0)
}

fn read(store: &Store, entry: &Entry, tail: Option<usize>) -> Result<String, Cause> {
    let bytes = content::load(store.objects(), entry.blob)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(tail.map_or(&*text, |lines| last(&text, lines)).to_owned())
}

/// The last lines of a text.
fn last(text: &str, lines: usize) -> &str {
    let ends = text.strip_suffix('\n').unwrap_or(text).rmatch_indices('\n').map(|(at, _)| at + 1);
    match lines.checked_sub(1) {
        None => "",
        Some(before) => text.get(ends.take(lines).nth(before).unwrap_or(0)..).unwrap_or(text),
    }
}

fn ended(store: &Store, job: &Job, args: &Args, listing: &Listing<'_, Printed>, cx: &Context) -> Answer {
    let id = job.id;
    let Some(root) = job.logs else {
        let reason = job.error.as_ref().map(|error| format!("; it says: {error}")).unwrap_or_default();
        return Err(not_found(
            format!("job {id} has no log{reason}"),
            format!("`vds job show {id}` tells about it"),
        ));
    };
    let root = match &args.datum {
        Some(datum) if !has_log(store, root, datum)? => logged_earlier(store, job, datum, cx)?,
        _ => root,
    };
    let wanted = |name: &str| args.datum.as_ref().is_none_or(|datum| datum == name);
    let logs = Cursor::<Entry>::new(store.objects(), root)?.map(|item| -> Result<_, Cause> {
        let (name, entry) = item?;
        Ok((String::from_utf8_lossy(&name).into_owned(), entry))
    });
    let logs = logs.filter(|log| log.as_ref().map_or(true, |(name, _)| wanted(name)));
    let read = |log: Result<(String, Entry), Cause>| {
        let (name, entry) = log?;
        Ok((name, read(store, &entry, args.tail)?))
    };
    cx.list(logs.map(read), listing)
}

/// Shows the logs as they come to be saved, until the job has ended.
fn follow(
    store: &Store,
    args: &Args,
    cx: &Context,
    show: &mut dyn FnMut(Printed) -> Result<ControlFlow<()>, Cause>,
) -> Result<(), Cause> {
    let mut shown: Option<NodeId> = None;
    let mut is_told = false;
    loop {
        let job = job::last_of(store, &store.session()?, args.id)?;
        if let Some(root) = job.logs {
            for (name, entry) in new_logs(store.objects(), shown, root)? {
                let is_wanted = args.datum.as_ref().is_none_or(|datum| *datum == name);
                if is_wanted && show((name, read(store, &entry, args.tail)?))?.is_break() {
                    return Ok(());
                }
            }
            shown = Some(root);
        }
        if !job.state.is_living() {
            return Ok(());
        }
        if job.state == State::Queued && !is_told {
            cx.note(&format!("job {} waits; its logs come when it is run", args.id));
            is_told = true;
        }
        thread::sleep(FOLLOW_EVERY);
    }
}

/// The logs that came since.
fn new_logs(
    objects: &dyn ObjectRead,
    before: Option<NodeId>,
    root: NodeId,
) -> Result<Vec<(String, Entry)>, Cause> {
    let mut new = Vec::new();
    let mut add = |name: &[u8], entry| new.push((String::from_utf8_lossy(name).into_owned(), entry));
    match before {
        None => {
            for item in Cursor::<Entry>::new(objects, root)? {
                let (name, entry) = item?;
                add(&name, entry);
            }
        }
        Some(before) => {
            for change in tree::diff::<Entry>(objects, before, root) {
                let change = change?;
                change.after.into_iter().for_each(|entry| add(&change.key, entry));
            }
        }
    }
    Ok(new)
}

fn has_log(store: &Store, root: NodeId, datum: &str) -> Result<bool, Cause> {
    Ok(Cursor::<Entry>::new(store.objects(), root)?.get(datum.as_bytes())?.is_some())
}

/// The logs of the last job before this one that had to do with the datum: what has not changed since is carried over.
fn logged_earlier(store: &Store, job: &Job, datum: &str, cx: &Context) -> Result<NodeId, Cause> {
    let id = job.id;
    let earlier = Filter::stage(job.stage_name());
    let mut found: Result<Option<(u64, NodeId)>, Cause> = Ok(None);
    let known = job::known(store, &store.session()?)?;
    known.visit(store.objects(), &earlier, &mut |earlier| {
        let same = earlier.id < id && earlier.state == State::Succeeded;
        let Some(root) = earlier.logs.filter(|_| same) else { return ControlFlow::Continue(()) };
        match has_log(store, root, datum) {
            Ok(false) => return ControlFlow::Continue(()),
            Ok(true) => found = Ok(Some((earlier.id, root))),
            Err(error) => found = Err(error),
        }
        ControlFlow::Break(())
    })?;
    let Some((earlier, root)) = found? else {
        return Err(not_found(
            format!("job {id} has no datum {datum}"),
            format!("`vds job logs {id}` prints all"),
        ));
    };
    cx.note(&format!("job {id} did not run the datum {datum}; job {earlier} did, and it printed:"));
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_at_the_end() {
        for (lines, want) in [(0, ""), (1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")] {
            assert_eq!(last("a\nb\nc\n", lines), want);
        }
        assert_eq!((last("a\nb", 1), last("", 3), last("\n\n", 1)), ("b", "", "\n"));
    }
}
