//! Three versions of a CSV, brought together row by row and cell by cell.
//!
//! Rows are told apart by their keys. A row that one side changed, added or removed goes as that side has it, to the byte; of a row
//! that both changed, each cell goes its own way. Columns are merged by name. The order is ours, unless only the other side changed
//! it; what is new stands after what it stood after.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::numbered::{Numbered, Rows};
use super::order::{order, order_names};
use super::three::{Joined, Three, Unreadable};
use super::trees::Side;
use super::versions::changed;
use crate::table::{Cell, KeyColumns, Row, Table, encode};

/// The three versions as one. An empty common ancestor has the columns that both sides have, and no rows.
pub(super) fn merge(three: Three<'_>, key: &KeyColumns) -> Result<Joined, Unreadable> {
    let read = |version, bytes| {
        Table::parse(bytes, key).map_err(|error| Unreadable { version, reason: error.to_string() })
    };
    let base = if three.base.is_empty() { None } else { Some(read("base", three.base)?) };
    let (ours, theirs) = (read("ours", three.ours)?, read("theirs", three.theirs)?);
    let merge = Merge::new(base.as_ref(), &ours, &theirs)?;
    Ok(merge.run())
}

/// Where each column of the result stands in each version.
struct Column {
    name: String,
    base: Option<usize>,
    ours: Option<usize>,
    theirs: Option<usize>,
}

impl Column {
    fn of(&self, side: Side) -> Option<usize> {
        match side {
            Side::Ours => self.ours,
            Side::Theirs => self.theirs,
        }
    }
}

struct Merge<'t, 'a> {
    base: Option<&'t Table<'a>>,
    ours: &'t Table<'a>,
    theirs: &'t Table<'a>,
    columns: Vec<Column>,
    /// Whether our rows, and theirs, have just the columns of the result, in its order.
    fit: [bool; 2],
    conflicts: Vec<String>,
}

/// The columns by name. Two of one name cannot be told apart.
fn places(version: &'static str, table: &Table<'_>) -> Result<HashMap<String, usize>, Unreadable> {
    let mut places = HashMap::new();
    for (at, name) in table.columns().iter().enumerate() {
        if places.insert(name.clone(), at).is_some() {
            return Err(Unreadable { version, reason: format!("it has several columns {name:?}") });
        }
    }
    Ok(places)
}

impl<'t, 'a> Merge<'t, 'a> {
    fn new(
        base: Option<&'t Table<'a>>,
        ours: &'t Table<'a>,
        theirs: &'t Table<'a>,
    ) -> Result<Self, Unreadable> {
        let (o, t) = (places("ours", ours)?, places("theirs", theirs)?);
        let shared = |()| {
            o.keys().filter(|name| t.contains_key(*name)).map(|name| (name.clone(), usize::MAX)).collect()
        };
        let b = base.map_or_else(|| Ok(shared(())), |base| places("base", base))?;
        let kept = |name: &String| match (b.contains_key(name), o.contains_key(name), t.contains_key(name)) {
            (true, ours, theirs) => ours && theirs,
            (false, ours, theirs) => ours || theirs,
        };
        let of_base = base.map(Table::columns).unwrap_or_default();
        let names = order_names(of_base, ours.columns(), theirs.columns()).into_iter().filter(kept);
        let place = |places: &HashMap<String, usize>, name: &String| {
            places.get(name).copied().filter(|at| *at != usize::MAX)
        };
        let columns = names.map(|name| Column {
            base: place(&b, &name),
            ours: place(&o, &name),
            theirs: place(&t, &name),
            name,
        });
        let columns: Vec<Column> = columns.collect();
        let fits = |table: &Table<'_>| {
            table.delimiter() == ours.delimiter()
                && table.columns().iter().eq(columns.iter().map(|column| &column.name))
        };
        let fit = [fits(ours), fits(theirs)];
        Ok(Self { base, ours, theirs, columns, fit, conflicts: Vec::new() })
    }

    fn run(mut self) -> Joined {
        self.check_dropped_columns();
        let numbered = Numbered::new(self.base, self.ours, self.theirs);
        let order = order(numbered.rows.len(), &numbered.base, &numbered.ours, &numbered.theirs);
        let end = self.line_end();
        // A row ends as it does in ours, with the blank lines after it; what is last, as our last line does.
        let last = self.ours.rows().last();
        let at_end = last.unwrap_or(self.ours.header()).line_end();
        let mut out = self.ours.preamble().to_owned();
        self.put_header(&mut out, end);
        for number in order {
            let Some(rows) = numbered.rows.get(number) else { continue };
            if let Some(text) = self.row(rows) {
                out += &text;
                let is_last = rows.ours.map(|row| row.number()) == last.map(|row| row.number());
                let own = rows.ours.filter(|_| !is_last).map(|row| row.line_end());
                out += own.filter(|own| !own.is_empty()).unwrap_or(end);
            }
        }
        out.truncate(out.trim_end_matches(['\n', '\r']).len());
        out += at_end;
        Joined { bytes: out.into_bytes(), conflicts: self.conflicts }
    }

    /// How our lines end.
    fn line_end(&self) -> &'static str {
        if self.ours.header().line_end().starts_with("\r\n") { "\r\n" } else { "\n" }
    }

    fn put_header(&self, out: &mut String, end: &str) {
        let tables = [self.ours, self.theirs].into_iter().zip(self.fit);
        let as_written = tables.into_iter().find(|(_, fits)| *fits).map(|(table, _)| table);
        match as_written {
            Some(table) => *out += table.header().raw(),
            None => {
                *out +=
                    &encode(self.columns.iter().map(|column| column.name.as_str()), self.ours.delimiter());
            }
        }
        let written = self.ours.header().line_end();
        *out += if written.is_empty() { end } else { written };
    }

    /// Values that one side changed in a column that the other dropped would be lost.
    fn check_dropped_columns(&mut self) {
        let Some(base) = self.base else { return };
        let kept: HashSet<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        for (at, name) in base.columns().iter().enumerate().filter(|(_, name)| !kept.contains(name.as_str()))
        {
            for (side, table) in [("ours", self.ours), ("theirs", self.theirs)] {
                let Some(here) = table.columns().iter().position(|column| column == name) else { continue };
                let other = if side == "ours" { "theirs" } else { "ours" };
                let lost = table.rows().filter(|row| {
                    let value = row
                        .cells()
                        .get(here)
                        .map(Cell::value)
                        .map(std::borrow::Cow::into_owned)
                        .unwrap_or_default();
                    let before = base.find(&row.key());
                    let before =
                        before.and_then(|row| row.cells().get(at).map(|cell| cell.value().into_owned()));
                    before.map_or(!value.is_empty(), |before| before != value)
                });
                let count = lost.count();
                if count > 0 {
                    let values = if count == 1 { "value" } else { "values" };
                    self.conflicts.push(format!(
                        "column {name}: dropped by {other}, and {side} has {count} new {values} in it"
                    ));
                }
            }
        }
    }

    /// The row of a key, without its line end; `None` if it goes.
    fn row(&mut self, rows: &Rows<'_, 'a>) -> Option<Cow<'a, str>> {
        let (row, side) = match (rows.ours, rows.theirs) {
            (None, None) => return None,
            (Some(ours), Some(theirs)) => return Some(self.both(rows.base, ours, theirs)),
            (Some(row), None) => (row, Side::Ours),
            (None, Some(row)) => (row, Side::Theirs),
        };
        match rows.base {
            // It is new.
            None => Some(self.take(row, side)),
            // The other side removed it.
            Some(base) if self.same(base, row, side) => None,
            Some(_) => {
                let (one, other) = if side == Side::Ours { ("ours", "theirs") } else { ("theirs", "ours") };
                self.conflicts.push(format!("row {}: changed by {one}, removed by {other}", row.key()));
                (side == Side::Ours).then(|| self.take(row, side))
            }
        }
    }

    /// Whether a side's row says what the common ancestor's does, in the columns that both have.
    fn same(&self, base: Row<'_, '_>, row: Row<'_, '_>, side: Side) -> bool {
        let (before, now) = (base.cells(), row.cells());
        self.columns.iter().all(|column| {
            let at = column.of(side);
            match (column.base.and_then(|at| before.get(at)), at.and_then(|at| now.get(at))) {
                (Some(before), Some(now)) => before == now,
                // A column that only this side has was filled in.
                (None, Some(now)) => now.value().is_empty(),
                _ => true,
            }
        })
    }

    /// Whether the rows of a side can stand as they were written.
    fn fits(&self, side: Side) -> bool {
        let [ours, theirs] = self.fit;
        if side == Side::Ours { ours } else { theirs }
    }

    fn take(&self, row: Row<'_, 'a>, side: Side) -> Cow<'a, str> {
        if self.fits(side) {
            return Cow::Borrowed(row.raw());
        }
        let cells = row.cells();
        let values = self.columns.iter().map(|column| {
            column
                .of(side)
                .and_then(|at| cells.get(at))
                .map(|cell| cell.value().into_owned())
                .unwrap_or_default()
        });
        Cow::Owned(self.write(values))
    }

    fn write(&self, values: impl Iterator<Item = String>) -> String {
        let values: Vec<String> = values.collect();
        encode(values.iter().map(String::as_str), self.ours.delimiter())
    }

    fn both(&mut self, base: Option<Row<'_, 'a>>, ours: Row<'_, 'a>, theirs: Row<'_, 'a>) -> Cow<'a, str> {
        let same_as = |row: Row<'_, 'a>| base.is_some_and(|base| base.raw() == row.raw());
        if self.fit == [true, true] {
            if ours.raw() == theirs.raw() || same_as(theirs) {
                return Cow::Borrowed(ours.raw());
            }
            if same_as(ours) {
                return Cow::Borrowed(theirs.raw());
            }
        }
        let (b, o, t) = (base.map(|row| row.cells()), ours.cells(), theirs.cells());
        let value = |cells: &[Cell<'a>], at: Option<usize>| {
            at.and_then(|at| cells.get(at)).map(|cell| cell.value().into_owned())
        };
        let mut values = Vec::with_capacity(self.columns.len());
        let mut at_odds = Vec::new();
        for column in &self.columns {
            let before = b.as_ref().and_then(|cells| value(cells, column.base));
            let merged = match (value(&o, column.ours), value(&t, column.theirs)) {
                (Some(ours), Some(theirs)) => {
                    if let Some(value) = changed(before.as_ref(), &ours, &theirs) {
                        value.clone()
                    } else {
                        at_odds.push((column.name.clone(), before, ours.clone(), theirs));
                        ours
                    }
                }
                (one, other) => one.or(other).unwrap_or_default(),
            };
            values.push(merged);
        }
        for (name, before, here, there) in at_odds {
            let mut line = format!("row {}, column {name}: ", ours.key());
            let _ = write!(
                line,
                "base {}, ours {here:?}, theirs {there:?}",
                before.map_or("absent".to_owned(), |b| format!("{b:?}"))
            );
            self.conflicts.push(line);
        }
        let as_ours =
            self.columns.iter().zip(&values).all(|(column, v)| value(&o, column.ours).as_ref() == Some(v));
        if as_ours && self.fits(Side::Ours) {
            return Cow::Borrowed(ours.raw());
        }
        Cow::Owned(self.write(values.into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are separated by blanks. Conflicts are compared by their beginnings.
    #[track_caller]
    fn check(base: &str, ours: &str, theirs: &str, want: &str, conflicts: &[&str]) {
        let text = |rows: &str| rows.split(' ').map(|row| format!("{row}\n")).collect::<String>();
        let [b, o, t] = [base, ours, theirs].map(text);
        let base = if base.is_empty() { "" } else { &b };
        let three = Three { base: base.as_bytes(), ours: o.as_bytes(), theirs: t.as_bytes() };
        let merged = merge(three, &"k".parse().unwrap()).unwrap();
        assert_eq!(String::from_utf8(merged.bytes).unwrap(), text(want));
        assert_eq!(merged.conflicts.len(), conflicts.len(), "{:?}", merged.conflicts);
        for (got, want) in merged.conflicts.iter().zip(conflicts) {
            assert!(got.starts_with(want), "{got}");
        }
    }

    #[test]
    fn rows_go_together_by_their_keys() {
        check("k,v a,1 b,2", "k,v a,1 b,5", "k,v a,7 b,2", "k,v a,7 b,5", &[]);
        check("k,v a,1", "k,v a,1 c,3", "k,v b,2 a,1 d,4", "k,v b,2 a,1 c,3 d,4", &[]);
        check("k,v a,1 b,2 c,3", "k,v a,1 c,3", "k,v b,2 c,3", "k,v c,3", &[]);
        check("k,v a,1 b,2", "k,v b,2 a,1", "k,v a,9 b,2", "k,v b,2 a,9", &[]);
        check("k,v a,1 b,2", "k,v a,9 b,2", "k,v b,2 a,1", "k,v b,2 a,9", &[]);
        check("", "k,v a,1", "k,v a,1 b,2", "k,v a,1 b,2", &[]);
    }

    #[test]
    fn cells_go_their_own_ways() {
        check("k,v,w a,1,1", "k,v,w a,2,1", "k,v,w a,1,3", "k,v,w a,2,3", &[]);
        check(
            "k,v,w a,1,1",
            "k,v,w a,2,4",
            "k,v,w a,3,1",
            "k,v,w a,2,4",
            &[r#"row a, column v: base "1", ours "2", theirs "3""#],
        );
        check(
            "",
            "k,v a,1",
            "k,v a,2",
            "k,v a,1",
            &[r#"row a, column v: base absent, ours "1", theirs "2""#],
        );
        check("k,v a,1", "k,v", "k,v a,2", "k,v", &["row a: changed by theirs, removed by ours"]);
        check("k,v a,1", "k,v a,2", "k,v", "k,v a,2", &["row a: changed by ours, removed by theirs"]);
    }

    #[test]
    fn columns_come_and_go_by_name() {
        check("k,v a,1 b,2", "k,v,x a,1,9 b,2,8", "k,v a,5 b,2", "k,v,x a,5,9 b,2,8", &[]);
        check("k,v a,1", "k,v a,5", "k,x,v a,9,1", "k,x,v a,9,5", &[]);
        check("k,v,w a,1,2", "k,w a,2", "k,v,w a,1,3", "k,w a,3", &[]);
        check("k,v a,1", "k,v,x a,1,7", "k,y,v a,8,1", "k,y,v,x a,8,1,7", &[]);
        check("k,v a,1", "v,k 1,a", "k,v a,2", "v,k 2,a", &[]);
        check("k,v a,1", "k,v a,1 b,2", "k,v,x a,1,9", "k,v,x a,1,9 b,2,", &[]);
        check(
            "k,v,w a,1,2",
            "k,w a,2",
            "k,v,w a,7,2",
            "k,w a,2",
            &["column v: dropped by ours, and theirs has 1 new value in it"],
        );
    }

    #[test]
    fn what_nobody_changed_stays_to_the_byte() {
        let (base, ours) = ("\u{feff}k;v\r\n\"a\";1\r\nb;2", "\u{feff}k;v\r\n\"a\";1\r\nb;3");
        let three =
            Three { base: base.as_bytes(), ours: ours.as_bytes(), theirs: b"k;v\n\"a\";1\nb;2\nc;4\n" };
        let merged = merge(three, &"k".parse().unwrap()).unwrap();
        let want = "\u{feff}k;v\r\n\"a\";1\r\nb;3\r\nc;4";
        assert_eq!(String::from_utf8(merged.bytes).unwrap(), want);
    }

    #[test]
    fn blank_lines_stay_where_we_have_them() {
        let merged = |base: &str, ours: &str, theirs: &str| {
            let three = Three { base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
            String::from_utf8(merge(three, &"k".parse().unwrap()).unwrap().bytes).unwrap()
        };
        let base = "k,v\na,1\nb,2\n";
        assert_eq!(merged(base, "k,v\na,1\n\nb,2\n\n", "k,v\na,7\nb,8\n"), "k,v\na,7\n\nb,8\n\n");
        assert_eq!(merged(base, "k,v\na,1\nb,2\n\n", "k,v\na,1\nb,2\nc,3\n"), "k,v\na,1\nb,2\nc,3\n\n");
        assert_eq!(merged(base, "k,v\na,1\nb,3\n\n", "k,v\nb,2\n"), "k,v\nb,3\n\n");
        assert_eq!(merged(base, "k,v\n\na,1\nb,2", "k,v\nc,3\na,1\nb,2\n"), "k,v\n\nc,3\na,1\nb,2");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let refused = |ours: &[u8], key: &str| {
            let three = Three { base: b"", ours, theirs: b"k,v\n" };
            let Unreadable { version, reason } = merge(three, &key.parse().unwrap()).unwrap_err();
            format!("{version}: {reason}")
        };
        assert!(refused(b"k,v\n", "date").starts_with(r#"ours: it has no column "date""#));
        assert!(refused(b"k,v\na,1\na,2\n", "k").starts_with("ours: 2 rows have the key a"));
        assert!(refused(b"k,v,v\n", "k").starts_with(r#"ours: it has several columns "v""#));
        assert!(refused(b"k,v\n\xff,1\n", "k").starts_with("ours: line 2 is not UTF-8"));
    }
}
