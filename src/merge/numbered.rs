//! The rows of three tables, told apart by numbers instead of their keys.
//!
//! A key is looked up and forgotten: large tables have many, and each is a list of texts.

use crate::table::{Row, Table};

/// The rows of one key.
#[derive(Clone, Copy)]
pub(super) struct Rows<'t, 'a> {
    pub(super) base: Option<Row<'t, 'a>>,
    pub(super) ours: Option<Row<'t, 'a>>,
    pub(super) theirs: Option<Row<'t, 'a>>,
}

/// The rows of all versions, each key once, and the order in which each version has them.
pub(super) struct Numbered<'t, 'a> {
    pub(super) rows: Vec<Rows<'t, 'a>>,
    pub(super) base: Vec<usize>,
    pub(super) ours: Vec<usize>,
    pub(super) theirs: Vec<usize>,
}

impl<'t, 'a> Numbered<'t, 'a> {
    pub(super) fn new(base: Option<&'t Table<'a>>, ours: &'t Table<'a>, theirs: &'t Table<'a>) -> Self {
        let none = Rows { base: None, ours: None, theirs: None };
        let of_base = base.into_iter().flat_map(Table::rows).map(|row| Rows { base: Some(row), ..none });
        let mut numbered =
            Self { rows: of_base.collect(), base: Vec::new(), ours: Vec::new(), theirs: Vec::new() };
        numbered.base = (0..numbered.rows.len()).collect();
        for row in ours.rows() {
            let known = base.and_then(|base| base.find(&row.key())).map(|row| row.number());
            let number = numbered.place(known);
            numbered.rows.get_mut(number).into_iter().for_each(|rows| rows.ours = Some(row));
            numbered.ours.push(number);
        }
        for row in theirs.rows() {
            let key = row.key();
            let known = base.and_then(|base| base.find(&key)).map(|row| row.number());
            let of_ours = || numbered.ours.get(ours.find(&key)?.number()).copied();
            let number = numbered.place(known.or_else(of_ours));
            numbered.rows.get_mut(number).into_iter().for_each(|rows| rows.theirs = Some(row));
            numbered.theirs.push(number);
        }
        numbered
    }

    /// The number of a key, which is a new one if it is not known.
    fn place(&mut self, known: Option<usize>) -> usize {
        known.unwrap_or_else(|| {
            self.rows.push(Rows { base: None, ours: None, theirs: None });
            self.rows.len() - 1
        })
    }
}
