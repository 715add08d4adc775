//! What differs in a table, row by row.

use std::ops::ControlFlow;

use super::error::Error;
use crate::compare::Difference;
use crate::content;
use crate::object::{Entry, ObjectRead, TreePath};
use crate::table::{self, CellChange, KeyColumns, MAX_BYTES, Pair, RowChange, RowFate, Table};

/// Values, each with the name of its column.
pub type Values = Vec<(String, String)>;

/// One thing that is said of a table with two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A column that went away.
    ColumnRemoved(String),
    /// A column that came.
    ColumnAdded(String),
    /// A row that came: its key, and all its values.
    Added(Values, Values),
    /// A row that went away: its key, and all its values.
    Removed(Values, Values),
    /// A row some of whose cells have other values: its key, and those cells.
    Changed(Values, Vec<CellChange>),
    /// The sums, at the end.
    Total(Counts),
}

/// How much differs in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that came.
    pub added: u64,
    /// Rows that went away.
    pub removed: u64,
    /// Rows that have other values.
    pub changed: u64,
    /// How many values those are.
    pub cells: u64,
}

/// Tells what differs in a table, until `tell` has had enough. A table that came or went away has no rows on the other side.
pub fn rows(
    objects: &dyn ObjectRead,
    difference: &Difference,
    key: &KeyColumns,
    tell: &mut dyn FnMut(Part) -> ControlFlow<()>,
) -> Result<(), Error> {
    let Difference { path, before, after, renamed_from } = difference;
    if renamed_from.is_some() {
        // It has the same content.
        let _ = tell(Part::Total(Counts::default()));
        return Ok(());
    }
    let (old, new) =
        (load(objects, path, "before", before.as_ref())?, load(objects, path, "after", after.as_ref())?);
    let old = old.as_deref().map(|bytes| read(path, "before", bytes, key));
    let new = new.as_deref().map(|bytes| read(path, "after", bytes, key));
    let (old, new) = match (old, new) {
        (Some(Err(error)), None) | (None, Some(Err(error))) => return Err(error.of_all_versions()),
        (Some(Err(old)), Some(Err(new))) if new.is_about_columns() => return Err(old.of_all_versions()),
        (old, new) => (old.transpose()?, new.transpose()?),
    };
    let _ = match (&old, &new) {
        (Some(old), Some(new)) => both(&Pair::new(old, new), key, [old.columns(), new.columns()], tell),
        (None, Some(new)) => one(new, key, Way::Came, tell),
        (Some(old), None) => one(old, key, Way::Went, tell),
        (None, None) => ControlFlow::Continue(()),
    };
    Ok(())
}

fn load(
    objects: &dyn ObjectRead,
    path: &TreePath,
    side: &'static str,
    entry: Option<&Entry>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(entry) = entry else { return Ok(None) };
    if entry.size > MAX_BYTES {
        let source = table::Error::TooLarge { bytes: entry.size };
        return Err(Error::Table { path: path.clone(), side, source });
    }
    let bytes = content::load(objects, entry.blob);
    bytes.map(Some).map_err(|source| Error::Content { path: path.clone(), source })
}

fn read<'a>(
    path: &TreePath,
    side: &'static str,
    bytes: &'a [u8],
    key: &KeyColumns,
) -> Result<Table<'a>, Error> {
    Table::parse(bytes, key).map_err(|source| Error::Table { path: path.clone(), side, source })
}

fn both(
    pair: &Pair<'_, '_>,
    key: &KeyColumns,
    columns: [&[String]; 2],
    tell: &mut dyn FnMut(Part) -> ControlFlow<()>,
) -> ControlFlow<()> {
    pair.columns_removed().into_iter().try_for_each(|name| tell(Part::ColumnRemoved(name.to_owned())))?;
    pair.columns_added().into_iter().try_for_each(|name| tell(Part::ColumnAdded(name.to_owned())))?;
    let [old, new] = columns;
    let mut counts = Counts::default();
    for RowChange { key: values, what } in pair.changes() {
        let key = named(key.names(), values.values());
        tell(match what {
            RowFate::Added(values) => {
                counts.added += 1;
                Part::Added(key, named(new, &values))
            }
            RowFate::Removed(values) => {
                counts.removed += 1;
                Part::Removed(key, named(old, &values))
            }
            RowFate::Changed(cells) => {
                counts.changed += 1;
                counts.cells += cells.len() as u64;
                Part::Changed(key, cells)
            }
        })?;
    }
    tell(Part::Total(counts))
}

/// Whether a table came or went away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Came,
    Went,
}

/// A table that has one side only.
fn one(
    table: &Table<'_>,
    key: &KeyColumns,
    way: Way,
    tell: &mut dyn FnMut(Part) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for name in table.columns() {
        let name = name.clone();
        tell(if way == Way::Came { Part::ColumnAdded(name) } else { Part::ColumnRemoved(name) })?;
    }
    for row in table.rows() {
        let values: Vec<String> = row.cells().iter().map(|cell| cell.value().into_owned()).collect();
        let (key, values) = (named(key.names(), row.key().values()), named(table.columns(), &values));
        tell(if way == Way::Came { Part::Added(key, values) } else { Part::Removed(key, values) })?;
    }
    let count = table.rows().len() as u64;
    let (added, removed) = if way == Way::Came { (count, 0) } else { (0, count) };
    tell(Part::Total(Counts { added, removed, ..Counts::default() }))
}

fn named(columns: &[String], values: &[String]) -> Values {
    columns.iter().cloned().zip(values.iter().cloned()).collect()
}
