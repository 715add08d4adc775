//! `vds job logs`.

use std::ops::ControlFlow;

use serde_json::json;

use super::answer::{Form, Listing, stream};
use super::complaint::not_found;
use super::context::{Answer, Context};
use super::follow::follow;
use super::ink::Ink;
use crate::content;
use crate::fault::Cause;
use crate::history::{self, LetGo};
use crate::object::{Entry, NodeId};
use crate::pipeline::job::{self, Filter, Job, State};
use crate::store::Store;
use crate::tree::Cursor;
use crate::view;

/// Whose logs to print
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its number
    pub(super) id: u64,
    /// Only this datum's
    #[arg(long)]
    pub(super) datum: Option<String>,
    /// Go on until the job has ended
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each log
    #[arg(long, value_name = "LINES")]
    pub(super) tail: Option<usize>,
}

impl Args {
    /// Whether this datum's log is asked for.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.datum.as_ref().is_none_or(|datum| datum == name)
    }
}

/// What a datum printed, or a piece of that.
pub(super) struct Printed {
    pub(super) datum: String,
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
}

/// Where a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It begins, or goes on after something else was shown.
    First,
    /// It goes on where what was shown before it ends.
    Further,
}

impl Printed {
    /// What is written of it, unless a document is wanted. A terminal gets nothing that commands it.
    pub(super) fn bytes(&self, args: &Args, cx: &Context) -> Vec<u8> {
        let names = cx.form == Form::Text && args.datum.is_none() && self.datum != "all";
        let mut all = Vec::new();
        if names && self.place == Place::First {
            all.extend(format!("--- {}\n", view::line(&self.datum)).bytes());
        }
        match cx.ink {
            Ink::Raw => all.extend(&self.bytes),
            Ink::Plain | Ink::Colours => all.extend(view::text(&self.text()).bytes()),
        }
        all
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let job = job::last_of(&store, &store.session()?, args.id)?;
    let document = |printed: &Printed| json!({ "datum": printed.datum, "text": printed.text() });
    let text = |printed: &Printed| printed.text();
    let listing = Listing { name: "logs", document: &document, text: &text, quiet: &text };
    if args.follow && job.state.is_living() {
        return follow(&store, args, &listing, cx);
    }
    ended(&store, &job, args, &listing, cx)
}

/// What a log holds, or the last lines of it.
pub(super) fn read(store: &Store, entry: &Entry, tail: Option<usize>) -> Result<Vec<u8>, Cause> {
    let bytes = content::load(store.objects(), entry.blob)?;
    Ok(tail.map(|lines| last(&bytes, lines).to_vec()).unwrap_or(bytes))
}

/// The last lines of a text.
pub(super) fn last(text: &[u8], lines: usize) -> &[u8] {
    let Some(before) = lines.checked_sub(1) else { return &[] };
    let inner = text.strip_suffix(b"\n").unwrap_or(text);
    let ends = inner.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    text.get(ends.take(lines).nth(before).unwrap_or(0)..).unwrap_or(text)
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
    if let Some(gone) = gone(store, root)? {
        return Err(not_found(
            format!("what job {id} printed was let go on {}, by {}", gone.shown_time(), gone.rules),
            format!("`vds rerun {} --reprocess` makes it print anew", job.stage_name()),
        ));
    }
    let root = match &args.datum {
        Some(datum) if !has_log(store, root, datum)? => logged_earlier(store, job, datum, cx)?,
        _ => root,
    };
    let logs = Cursor::<Entry>::new(store.objects(), root)?.map(|item| -> Result<_, Cause> {
        let (name, entry) = item?;
        Ok((String::from_utf8_lossy(&name).into_owned(), entry))
    });
    let logs = logs.filter(|log| log.as_ref().map_or(true, |(name, _)| args.wants(name)));
    let read = |log: Result<(String, Entry), Cause>| {
        let (datum, entry) = log?;
        Ok(Printed { datum, bytes: read(store, &entry, args.tail)?, place: Place::First })
    };
    let logs = logs.map(read);
    if cx.form == Form::Json {
        return cx.list(logs, listing);
    }
    stream(logs.map(|printed| Ok(printed?.bytes(args, cx))))?;
    Ok(0)
}

/// How the logs of which this is the map were let go; `None` if they are there.
fn gone(store: &Store, logs: NodeId) -> Result<Option<LetGo>, Cause> {
    let is_empty = Cursor::<Entry>::new(store.objects(), logs)?.peek()?.is_none();
    Ok(if is_empty { history::find_results_let_go(store.objects())? } else { None })
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
        let last = |text: &'static str, lines| str::from_utf8(last(text.as_bytes(), lines)).unwrap();
        for (lines, want) in [(0, ""), (1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")] {
            assert_eq!(last("a\nb\nc\n", lines), want);
        }
        assert_eq!((last("a\nb", 1), last("", 3), last("\n\n", 1)), ("b", "", "\n"));
    }
}
