//! Regrouping whole files by the time in their paths.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDateTime};

use super::super::listing::tree_path;
use super::super::{Change, Error, Files, Input, Memo, Output, Report, counted};
use super::merge::{self, Source};
use super::params::Params;
use crate::object::{Digest, Entry, FileKind, TreePath};
use crate::tick::Table;

/// What the file of several sources is called where it is remembered.
const JOINED: &str = "joined";

/// The sources of an output, each with its instant. Mostly there is one, and room is made for no more.
type Sources = Vec<(i64, TreePath, Entry)>;

/// Where a path goes.
enum Place {
    /// To this output, at this instant; the local time shown there.
    Output(String, i64, NaiveDateTime),
    /// Nowhere: it is no input.
    Ignored,
    /// Nowhere: it names a time that does not exist.
    NoTime,
}

/// Files that do not match `from`.
#[derive(Default)]
pub(super) struct Ignored<'a> {
    files: u64,
    first: Option<&'a str>,
}

impl<'a> Ignored<'a> {
    pub(super) fn count(&mut self, change: &'a Change) {
        if change.after.is_some() {
            self.files += 1;
            self.first.get_or_insert(change.path.as_str());
        }
    }

    /// A few strangers among the inputs are usual; nothing but strangers is a mistake in `from`.
    pub(super) fn tell(&self, matched: usize, report: &mut Report) {
        let Self { files, first: Some(first) } = self else { return };
        let text = format!("{} ignored that `from` does not match, such as {first}", counted(*files, "file"));
        if matched == 0 { report.warn(text) } else { report.lines.push(text) }
    }
}

pub(super) fn is_input(path: &str) -> bool {
    !path.split('/').any(|part| part.starts_with(['.', '_']))
}

fn place(params: &Params, path: &str) -> Place {
    if !is_input(path) {
        return Place::Ignored;
    }
    let Some(matched) = params.from.matches(path) else { return Place::Ignored };
    let target = || {
        let instant = params.tz_in.instant(matched.time()?)?;
        let local = params.tz.local(instant)?;
        let output = params.to.render(params.session(local)?, &matched.captures)?;
        Some(Place::Output(output, instant, local))
    };
    target().unwrap_or(Place::NoTime)
}

pub(super) fn run(
    params: &Params,
    input: &Input<'_>,
    output: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<Report, Error> {
    let mut ignored = Ignored::default();
    let mut no_time: Vec<&str> = Vec::new();
    let mut touched: BTreeMap<String, Sources> = BTreeMap::new();
    let mut locals: BTreeSet<NaiveDateTime> = BTreeSet::new();
    let mut changed: BTreeSet<&TreePath> = BTreeSet::new();
    for change in input.changes {
        match place(params, change.path.as_str()) {
            Place::Ignored => ignored.count(change),
            Place::NoTime => no_time.extend(change.after.map(|_| change.path.as_str())),
            Place::Output(target, instant, local) => {
                changed.insert(&change.path);
                locals.insert(local);
                let sources = touched.entry(target).or_insert_with(|| Sources::with_capacity(1));
                sources.extend(change.after.map(|entry| (instant, change.path.clone(), entry)));
            }
        }
    }
    add_unchanged(params, input, &locals, &changed, &mut touched)?;
    let written = touched.len();
    for (target, mut sources) in touched {
        sources.sort_unstable_by(|(a, x, _), (b, y, _)| (a, x).cmp(&(b, y)));
        // One date's prefix may be the beginning of another's.
        sources.dedup_by(|(_, a, _), (_, b, _)| a == b);
        put(params, input, tree_path(&target)?, &sources, output, memo)?;
    }
    let lines = vec![format!("{written} outputs from {} changed files", changed.len())];
    let mut report = Report { lines, ..Report::default() };
    ignored.tell(changed.len(), &mut report);
    if let Some(first) = no_time.first() {
        report.warn(format!(
            "{} left out whose path names no time that exists, such as {first}",
            counted(no_time.len() as u64, "file")
        ));
    }
    Ok(report)
}

/// Adds the sources of touched outputs that did not change themselves: those under the same dates, or anywhere when an
/// output's path does not tell its date and minute.
fn add_unchanged(
    params: &Params,
    input: &Input<'_>,
    locals: &BTreeSet<NaiveDateTime>,
    changed: &BTreeSet<&TreePath>,
    touched: &mut BTreeMap<String, Sources>,
) -> Result<(), Error> {
    let mut prefixes: BTreeSet<String> = BTreeSet::new();
    if params.to.has_all("YmdHM") {
        let instants = locals.iter().flat_map(|local| params.tz.instants(*local));
        let shown = instants.filter_map(|instant| params.tz_in.local(instant));
        prefixes.extend(shown.map(|time| params.from.date_prefix(time)));
    } else if !locals.is_empty() {
        prefixes.insert(String::new());
    }
    for prefix in prefixes {
        input.now.scan(&prefix, &mut |path, entry| {
            if !changed.contains(path)
                && let Place::Output(target, instant, _) = place(params, path.as_str())
                && let Some(sources) = touched.get_mut(&target)
            {
                sources.push((instant, path.clone(), *entry));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn put(
    params: &Params,
    input: &Input<'_>,
    path: TreePath,
    sources: &[(i64, TreePath, Entry)],
    output: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<(), Error> {
    match sources {
        [] => output.remove(path),
        [(_, _, only)] => output.put_entry(path, Entry { kind: FileKind::File, ..*only }),
        _ => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"joined\0");
            for (_, _, entry) in sources {
                hasher.update(entry.blob.digest().as_bytes());
            }
            let of = Digest::from_bytes(*hasher.finalize().as_bytes());
            if let Some(bytes) = memo.find(&of)?.and_then(|mut files| files.remove(JOINED)) {
                return output.put_bytes(path, &bytes).map(|_| ());
            }
            let mut parts = Vec::new();
            for (_, source, entry) in sources {
                let format = &params.format;
                let bytes = input.now.read(entry)?;
                let Table { header, records } =
                    Table::read(&bytes, format.delimiter, format.header, format.decimal, &format.stamps);
                parts.push(Source { path: source.to_string(), header, records });
            }
            let files = BTreeMap::from([(JOINED.to_owned(), merge::concat(&parts)?)]);
            memo.keep(of, &files)?;
            files.values().try_for_each(|bytes| output.put_bytes(path.clone(), bytes).map(|_| ()))
        }
    }
}

/// The files that go to the output `path`.
pub(super) fn sources(params: &Params, now: &dyn Files, path: &str) -> Result<Vec<(TreePath, Entry)>, Error> {
    let shown = params.to.matches(path).filter(|_| params.to.has_all("YmdHM")).and_then(|shown| shown.time());
    let mut prefixes: BTreeSet<String> = BTreeSet::new();
    if let Some(shown) = shown {
        // A session may have begun the evening before.
        let locals = [Some(shown), shown.checked_sub_days(Days::new(1))].into_iter().flatten();
        let instants = locals.flat_map(|local| params.tz.instants(local));
        let times = instants.filter_map(|instant| params.tz_in.local(instant));
        prefixes.extend(times.map(|time| params.from.date_prefix(time)));
    } else {
        prefixes.insert(String::new());
    }
    let mut sources = Sources::new();
    for prefix in prefixes {
        now.scan(&prefix, &mut |source, entry| {
            if let Place::Output(target, instant, _) = place(params, source.as_str())
                && target == path
            {
                sources.push((instant, source.clone(), *entry));
            }
            Ok(())
        })?;
    }
    sources.sort_unstable_by(|(a, x, _), (b, y, _)| (a, x).cmp(&(b, y)));
    sources.dedup_by(|(_, a, _), (_, b, _)| a == b);
    Ok(sources.into_iter().map(|(_, source, entry)| (source, entry)).collect())
}
