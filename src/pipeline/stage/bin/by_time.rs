//! Regrouping rows by their own stamps.
//!
//! The private state holds, for each source, the list of outputs it has a part in (`sources/PATH`), and for each of these
//! its part (`parts/OUTPUT/=/PATH`): the header, and the rows with their stamps and numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::listing::{list, load, tree_path};
use super::super::{Change, Earlier, Error, Files, Input, Memo, Output, Report, counted};
use super::by_path::{Ignored, is_input};
use super::merge::{Source, header_of};
use super::params::Params;
use super::template::{Captures, Matched};
use crate::object::{Digest, Entry, TreePath};
use crate::tick::{Table, write_record};

const SECOND: i64 = 1_000_000_000;

/// One row's part in an output: its stamp, its number in the source, its fields.
struct Row {
    stamp: i64,
    number: u64,
    fields: csv::StringRecord,
}

/// One source's part in an output.
#[derive(Default)]
struct Part {
    header: Option<csv::StringRecord>,
    rows: Vec<Row>,
}

fn part_path(output: &str, source: &str) -> String {
    format!("parts/{output}/=/{source}")
}

pub(super) fn run(
    params: &Params,
    input: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<Report, Error> {
    let mut touched: BTreeSet<String> = BTreeSet::new();
    let mut fresh: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    let (mut ignored, mut rejected, mut no_date) = (Ignored::default(), 0_u64, Vec::new());
    for change in input.changes {
        let source = change.path.as_str();
        let matched = params.from.matches(source).filter(|_| is_input(source));
        let Some(matched) = matched else {
            ignored.count(change);
            continue;
        };
        if matched.date().is_none() {
            no_date.extend(change.after.map(|_| source));
            continue;
        }
        changed.insert(source);
        for old in old_outputs(change, earlier)? {
            state.remove(tree_path(&part_path(&old, source))?)?;
            touched.insert(old);
        }
        let Some(entry) = change.after else {
            state.remove(tree_path(&format!("sources/{source}"))?)?;
            continue;
        };
        let parts = parts_of(params, input, source, &entry, &matched, memo)?;
        rejected += parts
            .iter()
            .filter(|(to, _)| to.starts_with("_rejects/"))
            .map(|(_, part)| decode(part).rows.len() as u64)
            .sum::<u64>();
        let list: String = parts.keys().map(|to| format!("{to}\n")).collect();
        state.put_bytes(tree_path(&format!("sources/{source}"))?, list.as_bytes())?;
        for (to, bytes) in parts {
            state.put_bytes(tree_path(&part_path(&to, source))?, &bytes)?;
            fresh.insert((to.clone(), source.to_owned()), bytes);
            touched.insert(to);
        }
    }
    for to in &touched {
        rebuild(to, earlier, &changed, &fresh, output, memo)?;
    }
    let lines = vec![format!("{} outputs from {} changed files", touched.len(), changed.len())];
    let mut report = Report { lines, ..Report::default() };
    ignored.tell(changed.len(), &mut report);
    if rejected > 0 {
        report.warn(format!("{} rejected; _rejects/ says which and why", counted(rejected, "row")));
    }
    if let Some(first) = no_date.first() {
        report.warn(format!(
            "{} left out whose path names no date that exists, such as {first}",
            counted(no_date.len() as u64, "file")
        ));
    }
    Ok(report)
}

/// The outputs that the source had a part in before.
fn old_outputs(change: &Change, earlier: Option<Earlier<'_>>) -> Result<Vec<String>, Error> {
    let (Some(earlier), Some(_)) = (earlier, change.before) else { return Ok(Vec::new()) };
    let Some(bytes) = load(earlier.state, &format!("sources/{}", change.path))? else {
        return Ok(Vec::new());
    };
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(str::to_owned).collect())
}

/// A source's parts in outputs, dealt out by somebody before or by this run.
fn parts_of(
    params: &Params,
    input: &Input<'_>,
    source: &str,
    entry: &Entry,
    matched: &Matched,
    memo: &mut dyn Memo,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"parts\0").update(source.as_bytes()).update(b"\0");
    hasher.update(entry.blob.digest().as_bytes());
    let of = Digest::from_bytes(*hasher.finalize().as_bytes());
    if let Some(parts) = memo.find(&of)? {
        return Ok(parts);
    }
    let parts = split(params, source, matched, &input.now.read(entry)?);
    let parts = parts.iter().map(|(to, part)| (to.clone(), encode(part))).collect();
    memo.keep(of, &parts)?;
    Ok(parts)
}

/// Deals a source's rows out to outputs; what cannot go anywhere goes to the rejects.
fn split(params: &Params, source: &str, matched: &Matched, bytes: &[u8]) -> BTreeMap<String, Part> {
    let format = &params.format;
    let table = Table::read(bytes, format.delimiter, format.header, format.decimal, &format.stamps);
    let stamps = table.stamps(format);
    let date = matched.date().map(|date| date.to_string()).unwrap_or_default();
    let rejects = format!("_rejects/{date}.csv");
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for (at, (record, stamp)) in table.records.iter().zip(stamps).enumerate() {
        let number = at as u64 + 1;
        let target = if table.is_complete(record) {
            stamp.ok_or_else(|| "bad time".to_owned()).and_then(|stamp| {
                let captures = captures(params, &table, record, matched)?;
                target(params, stamp, &captures).map(|to| (to, stamp))
            })
        } else {
            Err("field count".to_owned())
        };
        match target {
            Ok((to, stamp)) => {
                let part = parts.entry(to).or_default();
                part.header.clone_from(&table.header);
                part.rows.push(Row { stamp, number, fields: record.clone() });
            }
            Err(reason) => {
                let fields = csv::StringRecord::from(vec![source, &number.to_string(), &reason]);
                parts.entry(rejects.clone()).or_default().rows.push(Row { stamp: 0, number, fields });
            }
        }
    }
    parts
}

/// What the names in `to` stand for in this row: a capture of the path, else a column.
fn captures(
    params: &Params,
    table: &Table,
    record: &csv::StringRecord,
    matched: &Matched,
) -> Result<Captures, String> {
    let mut captures = Captures::new();
    for name in params.to.captures() {
        let value = match matched.captures.get(name) {
            Some(value) => value.as_str(),
            None => table.column(name).and_then(|at| record.get(at)).unwrap_or("").trim(),
        };
        let unsafe_name = value.is_empty()
            || value.starts_with(['.', '_'])
            || value.contains(['/', '\\'])
            || value.chars().any(char::is_control);
        if unsafe_name {
            return Err(format!("bad {name}"));
        }
        captures.insert(name.to_owned(), value.to_owned());
    }
    Ok(captures)
}

fn target(params: &Params, stamp: i64, captures: &Captures) -> Result<String, String> {
    let local = params.tz.local(stamp.div_euclid(SECOND)).and_then(|local| params.session(local));
    let to = local.and_then(|local| params.to.render(local, captures)).ok_or("bad time")?;
    // A part of it may be too long for a path.
    if to.parse::<TreePath>().is_ok() { Ok(to) } else { Err("bad path".to_owned()) }
}

/// A part as a file: a line that says whether there is a header, the header, and the rows led by stamp and number.
fn encode(part: &Part) -> Vec<u8> {
    let mut out = Vec::new();
    match &part.header {
        Some(header) => write_record(&mut out, std::iter::once("header").chain(header.iter())),
        None => write_record(&mut out, ["none"]),
    }
    for row in &part.rows {
        let (stamp, number) = (row.stamp.to_string(), row.number.to_string());
        write_record(&mut out, [stamp.as_str(), &number].into_iter().chain(row.fields.iter()));
    }
    out
}

fn decode(bytes: &[u8]) -> Part {
    let mut part = Part::default();
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let rest =
        |record: &csv::StringRecord, from: usize| record.iter().skip(from).collect::<csv::StringRecord>();
    for (at, record) in reader.into_records().filter_map(Result::ok).enumerate() {
        if at == 0 {
            part.header = (record.get(0) == Some("header")).then(|| rest(&record, 1));
            continue;
        }
        let number = |at: usize| record.get(at).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let row = Row { stamp: number(0), number: number(1).unsigned_abs(), fields: rest(&record, 2) };
        part.rows.push(row);
    }
    part
}

/// Makes an output from the parts of all its sources.
fn rebuild(
    to: &str,
    earlier: Option<Earlier<'_>>,
    changed: &BTreeSet<&str>,
    fresh: &BTreeMap<(String, String), Vec<u8>>,
    output: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<(), Error> {
    let mut parts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    if let Some(earlier) = earlier {
        let prefix = part_path(to, "");
        for (path, entry) in list(earlier.state, &prefix)? {
            let source = path.as_str().strip_prefix(&prefix).unwrap_or_default();
            if !changed.contains(source) {
                parts.insert(source.to_owned(), earlier.state.read(&entry)?);
            }
        }
    }
    let new = fresh.range((to.to_owned(), String::new())..).take_while(|((output, _), _)| output == to);
    parts.extend(new.map(|((_, source), bytes)| (source.clone(), bytes.clone())));
    let target = tree_path(to)?;
    if parts.is_empty() {
        return output.remove(target);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"output\0").update(to.as_bytes());
    for (source, part) in &parts {
        hasher.update(b"\0").update(source.as_bytes()).update(b"\0").update(blake3::hash(part).as_bytes());
    }
    let of = Digest::from_bytes(*hasher.finalize().as_bytes());
    if let Some(bytes) = memo.find(&of)?.and_then(|mut files| files.remove(to)) {
        return output.put_bytes(target, &bytes).map(|_| ());
    }
    let bytes = put_together(to, parts)?;
    memo.keep(of, &BTreeMap::from([(to.to_owned(), bytes.clone())]))?;
    output.put_bytes(target, &bytes).map(|_| ())
}

/// The file of an output with these parts.
fn put_together(to: &str, parts: BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, Error> {
    let mut sources = Vec::new();
    let mut rows: Vec<(i64, usize, u64, csv::StringRecord)> = Vec::new();
    for (at, (source, bytes)) in parts.into_iter().enumerate() {
        let part = decode(&bytes);
        rows.extend(part.rows.into_iter().map(|row| (row.stamp, at, row.number, row.fields)));
        sources.push(Source { path: source, header: part.header, records: Vec::new() });
    }
    rows.sort_by_key(|(stamp, source, number, _)| (*stamp, *source, *number));
    let mut out = Vec::new();
    if to.starts_with("_rejects/") {
        write_record(&mut out, ["source", "record", "reason"]);
    } else if let Some(header) = header_of(&sources)? {
        write_record(&mut out, header.iter());
    }
    rows.iter().for_each(|(.., fields)| write_record(&mut out, fields.iter()));
    Ok(out)
}

/// The files that have a part in the output `path`.
pub(super) fn sources(
    now: &dyn Files,
    state: &dyn Files,
    path: &str,
) -> Result<Vec<(TreePath, Entry)>, Error> {
    let prefix = part_path(path, "");
    let mut sources = Vec::new();
    for (part, _) in list(state, &prefix)? {
        let source = part.as_str().strip_prefix(&prefix).unwrap_or_default();
        sources
            .extend(now.find(source)?.map(|entry| Ok::<_, Error>((tree_path(source)?, entry))).transpose()?);
    }
    Ok(sources)
}
