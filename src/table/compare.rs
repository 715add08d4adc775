//! Two tables side by side, row by row under their keys.

use super::key::Key;
use super::record::Cell;
use super::rows::{Row, Table};

/// A table that has two versions. Columns are the same when they have one name; where several have it, in their order.
#[derive(Debug)]
pub struct Pair<'t, 'a> {
    before: &'t Table<'a>,
    after: &'t Table<'a>,
    /// The columns that both have: where they stand in each.
    common: Vec<(usize, usize)>,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// Its key.
    pub key: Key,
    /// What became of it.
    pub what: RowFate,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowFate {
    /// It came, with these values in the columns of the table after.
    Added(Vec<String>),
    /// It went away, with these values in the columns of the table before.
    Removed(Vec<String>),
    /// These of its cells have another value.
    Changed(Vec<CellChange>),
}

/// A cell that has another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    /// The name of its column.
    pub column: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl<'t, 'a> Pair<'t, 'a> {
    /// The two versions, both read under the same key.
    pub fn new(before: &'t Table<'a>, after: &'t Table<'a>) -> Self {
        let mut common: Vec<(usize, usize)> = Vec::new();
        for (at, name) in before.columns().iter().enumerate() {
            let taken = |to: usize| common.iter().any(|(_, taken)| *taken == to);
            let to = after.columns().iter().enumerate().find(|(to, other)| *other == name && !taken(*to));
            common.extend(to.map(|(to, _)| (at, to)));
        }
        // The columns of the key are the same whatever the case of their names.
        for pair in before.key_columns().iter().copied().zip(after.key_columns().iter().copied()) {
            if !common.contains(&pair) {
                common.retain(|(from, to)| *from != pair.0 && *to != pair.1);
                common.push(pair);
            }
        }
        Self { before, after, common }
    }

    /// The columns that only the table before has.
    pub fn columns_removed(&self) -> Vec<&'t str> {
        let kept = |at: usize| self.common.iter().any(|(from, _)| *from == at);
        let columns = self.before.columns().iter().enumerate().filter(|(at, _)| !kept(*at));
        columns.map(|(_, name)| name.as_str()).collect()
    }

    /// The columns that only the table after has.
    pub fn columns_added(&self) -> Vec<&'t str> {
        let known = |at: usize| self.common.iter().any(|(_, to)| *to == at);
        let columns = self.after.columns().iter().enumerate().filter(|(at, _)| !known(*at));
        columns.map(|(_, name)| name.as_str()).collect()
    }

    /// The rows that differ: those that changed or went away in the order of the table before, then those that came in the
    /// order of the table after. Cells are compared in the columns that both have, by what they say.
    pub fn changes(&self) -> impl Iterator<Item = RowChange> {
        let (mut after, mut before) = (Following::new(self.after), Following::new(self.before));
        let is_same = self.has_same_columns();
        let old = self.before.rows().filter_map(move |row| {
            if is_same && after.passes(&row) { None } else { self.fate(&row, &mut after) }
        });
        let new = self.after.rows().filter_map(move |row| {
            if is_same && before.passes(&row) {
                return None;
            }
            let key = row.key();
            let is_new = before.find(&key).is_none();
            is_new.then(|| RowChange { key, what: RowFate::Added(values(&row)) })
        });
        old.chain(new)
    }

    fn fate(&self, row: &Row<'_, 'a>, after: &mut Following<'t, 'a>) -> Option<RowChange> {
        let key = row.key();
        let Some(other) = after.find(&key) else {
            return Some(RowChange { key, what: RowFate::Removed(values(row)) });
        };
        if row.raw() == other.raw() && self.has_same_columns() {
            return None;
        }
        let (before, after) = (row.cells(), other.cells());
        let mut cells = Vec::new();
        for (from, to) in &self.common {
            if let (Some(before), Some(after)) = (before.get(*from), after.get(*to))
                && before != after
            {
                let column = self.before.columns().get(*from).cloned().unwrap_or_default();
                let text = |cell: &Cell<'_>| cell.value().into_owned();
                cells.push(CellChange { column, before: text(before), after: text(after) });
            }
        }
        (!cells.is_empty()).then_some(RowChange { key, what: RowFate::Changed(cells) })
    }

    fn has_same_columns(&self) -> bool {
        self.before.columns() == self.after.columns() && self.before.delimiter() == self.after.delimiter()
    }
}

/// A table whose rows are looked for. Most of them follow each other as in the other table, so the one behind the last that was
/// found is tried first: large tables are looked through from their beginning to their end, and not here and there.
struct Following<'t, 'a> {
    table: &'t Table<'a>,
    next: Option<Row<'t, 'a>>,
}

impl<'t, 'a> Following<'t, 'a> {
    fn new(table: &'t Table<'a>) -> Self {
        Self { table, next: table.header().next() }
    }

    /// Whether the next row is written like this one, and goes on behind it if so.
    fn passes(&mut self, row: &Row<'_, '_>) -> bool {
        let Some(next) = self.next.filter(|next| next.raw() == row.raw()) else { return false };
        self.next = next.next();
        true
    }

    /// The row with this key.
    fn find(&mut self, key: &Key) -> Option<Row<'t, 'a>> {
        let found = self.next.filter(|next| next.key() == *key).or_else(|| self.table.find(key))?;
        self.next = found.next();
        Some(found)
    }
}

fn values(row: &Row<'_, '_>) -> Vec<String> {
    row.cells().iter().map(|cell| cell.value().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables have `/` for line ends and the key `k`; changes come as `+key`, `-key`, `key column before>after`.
    #[track_caller]
    fn check(before: &str, after: &str, want: &str) {
        let (before, after) = (before.replace('/', "\n"), after.replace('/', "\n"));
        let key = "k".parse().unwrap();
        let before = Table::parse(before.as_bytes(), &key).unwrap();
        let after = Table::parse(after.as_bytes(), &key).unwrap();
        let pair = Pair::new(&before, &after);
        let mut got: Vec<String> = pair.columns_removed().iter().map(|name| format!("--{name}")).collect();
        got.extend(pair.columns_added().iter().map(|name| format!("++{name}")));
        got.extend(pair.changes().map(|RowChange { key, what }| match what {
            RowFate::Added(values) => format!("+{key}={}", values.join("~")),
            RowFate::Removed(values) => format!("-{key}={}", values.join("~")),
            RowFate::Changed(cells) => {
                let cells = cells.iter().map(|c| format!(" {} {}>{}", c.column, c.before, c.after));
                format!("{key}{}", cells.collect::<String>())
            }
        }));
        assert_eq!(got.join(", "), want);
    }

    #[test]
    fn rows_are_compared_under_their_keys() {
        check("k,a/1,x/2,y", "k,a/2,y/1,x/", "");
        check("k,a/1,x/2,y/3,z", "k,a/3,z/2,Y/4,w", "-1=1~x, 2 a y>Y, +4=4~w");
        check("k,a,b/1,x,y", "k,a,b/1,X,Y", "1 a x>X b y>Y");
        check("k,a/1,\"x\"", "k,a/1,x", "");
        check("k;a/1;x", "k,a/1,x", "");
        check("k/1", "k/1\r/2", "+2=2");
        check("k,a/1,x/2,y/3,z/4,w", "k,a/0,n/1,x/3,z/2,Y/4,w/5,m", "2 a y>Y, +0=0~n, +5=5~m");
        check("k,a/1,x/2,y/3,z", "k,a/3,z/1,x", "-2=2~y");
    }

    #[test]
    fn columns_may_come_and_go_and_change_places() {
        check("k,a,b/1,x,y", "b,k/y,1", "--a");
        check("k,a/1,x", "k,b/1,x", "--a, ++b");
        check("k,a/1,x", "a,new,k/x,?,1/z,!,2", "++new, +2=z~!~2");
        check("k,a,a/1,x,y", "k,a,a/1,x,z", "1 a y>z");
        check("k,a,a/1,x,y", "k,a/1,x", "--a");
        check("K,a/1,x", "k,a/1,y", "1 a x>y");
    }
}
