//! How the rows that differ between two versions of a table are shown.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::answer::Listing;
use super::changes::status_line;
use super::context::{Answer, Context};
use super::ink::{Ink, Tone};
use crate::compare::Difference;
use crate::fault::Cause;
use crate::object::ObjectRead;
use crate::patch::{self, Counts, Part, Values};
use crate::progress::Amount;
use crate::table::{KeyColumns, encode};
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

/// Shows what differs in these files, row by row. What is no table with the key is shown as a whole, unless it is all there is.
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
        for table in differences {
            let (mut place, mut flow) = (Place::First, ControlFlow::Continue(()));
            cx.progress()
                .begin(&format!("comparing {}", view::path(table.path.as_str())), Amount::Steps(None));
            let compared = patch::rows(objects, table, key, &mut |part| {
                if place == Place::First {
                    cx.progress().end();
                }
                flow = put(&Item { table, place, said: Said::Part(part) });
                place = Place::Later;
                flow
            });
            cx.progress().end();
            match compared {
                Err(patch::Error::Table { source, .. }) if differences.len() > 1 => {
                    let path = view::path(table.path.as_str());
                    cx.note(&format!("{path} is shown as a whole: {source}"));
                    flow = put(&Item { table, place, said: Said::Whole });
                }
                compared => compared?,
            }
            if flow.is_break() {
                break;
            }
        }
        Ok::<(), Cause>(())
    })
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
