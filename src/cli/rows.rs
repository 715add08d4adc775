//! How the rows that differ between two versions of a table are shown.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::answer::Listing;
use super::context::{Answer, Context};
use super::ink::{Ink, Tone};
use crate::compare::Difference;
use crate::fault::Cause;
use crate::object::ObjectRead;
use crate::patch::{self, Counts, Part, Values};
use crate::table::{KeyColumns, encode};
use crate::view;

/// One thing that is said of a table, and whether it is the first.
struct Item<'a> {
    table: &'a Difference,
    place: Place,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Later,
}

/// Shows what differs in these files, which must be tables, row by row.
pub(super) fn show(
    objects: &dyn ObjectRead,
    differences: &[Difference],
    key: &KeyColumns,
    cx: &Context,
) -> Answer {
    let text = |item: &Item<'_>| {
        let head = if item.place == Place::First { head(item.table, key, cx.ink) } else { String::new() };
        head + &line(&item.part, cx.ink)
    };
    let listing = Listing {
        name: "rows",
        document: &document,
        text: &text,
        quiet: &|item| match item.part {
            Part::Total(_) => format!("{}\n", view::path(item.table.path.as_str())),
            _ => String::new(),
        },
    };
    cx.feed(&listing, |put| {
        for table in differences {
            let (mut place, mut flow) = (Place::First, ControlFlow::Continue(()));
            patch::rows(objects, table, key, &mut |part| {
                flow = put(&Item { table, place, part });
                place = Place::Later;
                flow
            })?;
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

fn document(Item { table, part, .. }: &Item<'_>) -> Value {
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
