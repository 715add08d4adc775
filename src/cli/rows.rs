//! How the rows that differ between two versions of a table are shown.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::answer::Listing;
use super::changes::status_line;
use super::complaint::usage;
use super::context::{Answer, Context};
use super::ink::{Ink, Tone};
use crate::compare::Difference;
use crate::fault::{Cause, Fault};
use crate::object::ObjectRead;
use crate::patch::{self, Counts, Part, Values};
use crate::progress::Amount;
use crate::table::{self, KeyColumns, encode};
use crate::view;

/// One thing that is said of a file.
struct Item<'a> {
    table: &'a Difference,
    place: Place,
    said: Said,
}

enum Said {
    /// A part of what differs in it as a table.
    Part(Part),
    /// That it differs, and is no table with these columns.
    Whole,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Later,
}

/// What is told of the files, one after the other.
struct Telling<'a, 'p> {
    put: &'p mut dyn FnMut(&Item<'a>) -> ControlFlow<()>,
    /// The files without the columns of the key, until another file turns up; should there be none, the key is at fault.
    held: Option<Vec<(&'a Difference, table::Error)>>,
    cx: &'p Context,
}

/// Shows what differs in these files, row by row. What cannot be compared so is shown as a whole, with the reason; it is an
/// error when no file has the columns of the key.
pub(super) fn show(
    objects: &dyn ObjectRead,
    differences: &[Difference],
    key: &KeyColumns,
    cx: &Context,
) -> Answer {
    let text = |item: &Item<'_>| {
        let Said::Part(part) = &item.said else { return status_line(item.table, cx.ink) };
        let head = if item.place == Place::First { head(item.table, key, cx.ink) } else { String::new() };
        head + &line(part, cx.ink)
    };
    let listing = Listing {
        name: "rows",
        document: &document,
        text: &text,
        quiet: &|item| match item.said {
            Said::Part(Part::Total(_)) | Said::Whole => format!("{}\n", view::path(item.table.path.as_str())),
            Said::Part(_) => String::new(),
        },
    };
    cx.feed(&listing, |put| {
        let mut telling = Telling { put, held: Some(Vec::new()), cx };
        for table in differences {
            if telling.file(objects, table, key)?.is_break() {
                break;
            }
        }
        telling.end()
    })
}

impl<'a> Telling<'a, '_> {
    fn file(
        &mut self,
        objects: &dyn ObjectRead,
        table: &'a Difference,
        key: &KeyColumns,
    ) -> Result<ControlFlow<()>, Cause> {
        let progress = self.cx.progress();
        let (mut place, mut flow) = (Place::First, ControlFlow::Continue(()));
        progress.begin(&format!("comparing {}", view::path(table.path.as_str())), Amount::Steps(None));
        let compared = patch::rows(objects, table, key, &mut |part| {
            if place == Place::First {
                progress.end();
            }
            flow = self.let_go();
            if flow.is_continue() {
                flow = (self.put)(&Item { table, place, said: Said::Part(part) });
            }
            place = Place::Later;
            flow
        });
        progress.end();
        match (compared, &mut self.held) {
            (Ok(()), _) => Ok(flow),
            (Err(patch::Error::NoKey { source, .. }), Some(held)) => {
                held.push((table, source));
                Ok(flow)
            }
            (Err(patch::Error::NoKey { source, .. } | patch::Error::Table { source, .. }), _) => {
                let flow = self.let_go();
                Ok(if flow.is_continue() { self.whole(table, &source) } else { flow })
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn let_go(&mut self) -> ControlFlow<()> {
        self.held.take().into_iter().flatten().try_for_each(|(table, reason)| self.whole(table, &reason))
    }

    fn whole(&mut self, table: &'a Difference, reason: &table::Error) -> ControlFlow<()> {
        self.cx.note(&format!("{} is shown as a whole: {reason}", view::path(table.path.as_str())));
        (self.put)(&Item { table, place: Place::First, said: Said::Whole })
    }

    fn end(self) -> Result<(), Cause> {
        let held = self.held.unwrap_or_default();
        let count = held.len();
        let Some((Difference { path, .. }, source)) = held.into_iter().next() else { return Ok(()) };
        if count == 1 {
            return Err(patch::Error::NoKey { path: path.clone(), source }.into());
        }
        let hint = source.hint().unwrap_or_default();
        let path = view::path(path.as_str());
        Err(usage(format!("cannot compare any of the {count} files by row, such as {path}: {source}"), hint))
    }
}

/// The head above what is said of a table.
fn head(difference: &Difference, key: &KeyColumns, ink: Ink) -> String {
    let head = format!("{} by {}", view::path(difference.path.as_str()), view::line(&key.to_string()));
    format!("{}\n", ink.paint(Tone::Head, &head))
}

fn line(part: &Part, ink: Ink) -> String {
    let record = |values: &Values| view::line(&encode(values.iter().map(|(_, value)| value.as_str()), b','));
    let (tone, line) = match part {
        Part::ColumnRemoved(name) => (Tone::Gone, format!("- column {}", view::line(name))),
        Part::ColumnAdded(name) => (Tone::New, format!("+ column {}", view::line(name))),
        Part::Removed(_, values) => (Tone::Gone, format!("- {}", record(values))),
        Part::Added(_, values) => (Tone::New, format!("+ {}", record(values))),
        Part::Changed(key, cells) => {
            let shown = |value: &str| if value.is_empty() { "\"\"".to_owned() } else { view::line(value) };
            let cell = |cell: &crate::table::CellChange| {
                format!("{} {} -> {}", view::line(&cell.column), shown(&cell.before), shown(&cell.after))
            };
            let cells: Vec<String> = cells.iter().map(cell).collect();
            (Tone::Changed, format!("~ {}: {}", record(key), cells.join(", ")))
        }
        Part::Total(counts) => return format!("{}\n", total(counts)),
    };
    format!("{}\n", ink.paint(tone, &line))
}

fn total(counts: &Counts) -> String {
    let Counts { added, removed, changed, cells } = *counts;
    if added + removed + changed == 0 {
        return "no row differs, only their order or how they are written".to_owned();
    }
    let cells = view::count(cells, "cell");
    format!("{} added, {removed} removed, {changed} changed ({cells})", view::count(added, "row"))
}

fn document(Item { table, said, .. }: &Item<'_>) -> Value {
    let Said::Part(part) = said else {
        let mut document = json!(view::Change::from(*table));
        if let Some(fields) = document.as_object_mut() {
            fields.insert("change".to_owned(), json!("whole"));
        }
        return document;
    };
    let object = |values: &Values| {
        let fields = values.iter().map(|(column, value)| (column.clone(), json!(value)));
        Value::Object(fields.collect::<Map<String, Value>>())
    };
    let (change, rest) = match part {
        Part::ColumnRemoved(name) => ("column_removed", json!({ "column": name })),
        Part::ColumnAdded(name) => ("column_added", json!({ "column": name })),
        Part::Removed(key, row) => ("removed", json!({ "key": object(key), "row": object(row) })),
        Part::Added(key, row) => ("added", json!({ "key": object(key), "row": object(row) })),
        Part::Changed(key, cells) => {
            let cells: Vec<Value> = cells
                .iter()
                .map(|cell| json!({ "column": cell.column, "before": cell.before, "after": cell.after }))
                .collect();
            ("changed", json!({ "key": object(key), "cells": cells }))
        }
        Part::Total(counts) => (
            "total",
            json!({
                "added": counts.added, "removed": counts.removed,
                "changed": counts.changed, "cells": counts.cells,
            }),
        ),
    };
    let mut document = json!({ "path": table.path.as_str(), "change": change });
    if let (Some(fields), Value::Object(more)) = (document.as_object_mut(), rest) {
        fields.extend(more);
    }
    document
}
