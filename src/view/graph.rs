//! History as a drawing: each commit a star, and lines from it to its parents, as git draws them.
//!
//! Lines run down in columns, two characters wide, and each waits for one commit. A commit takes the column that waits for it,
//! and its first parent goes on there. Each further parent of a merge opens a column to the right, by which those behind it are
//! shifted, or has its line join the column that waits for it. Below the commit all columns move to the left as far as they can.

use std::cmp::Ordering;

use crate::object::CommitId;

/// The columns, after the commits drawn so far.
#[derive(Debug, Default)]
pub struct Graph {
    columns: Vec<CommitId>,
    above: Above,
}

/// What the lines of the columns did in the row above.
#[derive(Debug, Default)]
enum Above {
    /// They ran straight down.
    #[default]
    Straight,
    /// Those behind this column were shifted to the right.
    Shifted(usize),
    /// They moved to the left, to where these columns were wanted, character by character.
    Moved(Cells),
}

/// For each character of a row the column to which the line there leads.
type Cells = Vec<Option<usize>>;

/// How the columns go on below a commit.
#[derive(Debug, Default)]
struct Fan {
    /// The column of the commit.
    at: usize,
    /// How many parents it has.
    parents: usize,
    /// The slope of the line to its first parent: 0 is `/`, 1 is `|`. `None` until that is known.
    slope: Option<usize>,
    /// By how many columns those behind it are shifted; -1 where two lines join at once.
    added: isize,
    /// How many characters a row has.
    width: usize,
    cells: Cells,
    columns: Vec<CommitId>,
}

impl Graph {
    /// Draws the next commit, with its text beside it. Parents that are not drawn are left out, and each commit comes before its
    /// parents.
    pub fn draw(&mut self, id: CommitId, parents: &[CommitId], text: &str) -> String {
        if !self.columns.contains(&id) {
            self.columns.push(id);
        }
        let fan = Fan::new(id, parents, &self.columns);
        let mut drawing = String::new();
        let mut put = |row: &str, text: &str| {
            drawing += format!("{row:<width$}{text}", width = fan.width).trim_end();
            drawing.push('\n');
        };
        for row in self.room(&fan) {
            put(&row, "");
        }
        let mut lines = text.lines();
        put(&self.star(&fan), lines.next().unwrap_or_default());
        self.above = Above::Straight;
        if fan.parents > 1 {
            put(&fan.forks(parents, &self.columns), lines.next().unwrap_or_default());
            if fan.added > 0 {
                self.above = Above::Shifted(fan.at);
            }
        }
        let mut cells = fan.cells.clone();
        while !is_settled(&cells) {
            let (row, moved) = step_left(&mut cells);
            put(&row, lines.next().unwrap_or_default());
            self.above = Above::Moved(moved);
        }
        for line in lines {
            put(&"| ".repeat(fan.columns.len()), line);
            self.above = Above::Straight;
        }
        self.columns = fan.columns;
        drawing
    }

    /// The rows that make room for a merge of many parents.
    fn room(&mut self, fan: &Fan) -> Vec<String> {
        let is_last = fan.at + 1 == self.columns.len();
        let count = if fan.parents < 3 || is_last { 0 } else { 2 * fan.dashes() };
        let mut rows = Vec::new();
        for number in 0..count {
            let mut row = String::new();
            for column in 0..self.columns.len() {
                let is_shifted = number > 0 || matches!(self.above, Above::Shifted(from) if from < column);
                row.push(if column > fan.at && is_shifted { '\\' } else { '|' });
                row += &" ".repeat(if column == fan.at { number + 1 } else { 1 });
            }
            rows.push(row);
            self.above = Above::Straight;
        }
        rows
    }

    /// The row of the commit.
    fn star(&self, fan: &Fan) -> String {
        let mut row = String::new();
        for column in 0..self.columns.len() {
            let sign = match &self.above {
                _ if column == fan.at => '*',
                _ if column > fan.at && fan.added > 1 => '\\',
                Above::Shifted(from) if column > fan.at && fan.added == 1 && *from < column => '\\',
                Above::Moved(cells)
                    if !(column > fan.at && fan.added == 1)
                        && cell(cells, 2 * column + 1) == Some(column)
                        && cell(&fan.cells, 2 * column).is_none_or(|to| to < column) =>
                {
                    '/'
                }
                _ => '|',
            };
            row.push(sign);
            if column == fan.at && fan.dashes() > 0 {
                row += &"-".repeat(2 * fan.dashes() - 1);
                row.push('.');
            }
            row.push(' ');
        }
        row
    }
}

impl Fan {
    fn new(id: CommitId, parents: &[CommitId], columns: &[CommitId]) -> Self {
        let mut fan = Self { parents: parents.len(), ..Self::default() };
        for (at, waited) in columns.iter().enumerate() {
            if *waited != id {
                fan.lead(*waited);
                continue;
            }
            fan.at = at;
            match parents {
                [] => fan.width += 2,
                [only] => fan.lead(*only),
                [first, rest @ ..] => {
                    fan.lead_first(*first);
                    rest.iter().for_each(|parent| fan.lead(*parent));
                }
            }
        }
        fan
    }

    /// The column that waits for a commit from here on.
    fn column(&mut self, id: CommitId) -> usize {
        self.columns.iter().position(|waited| *waited == id).unwrap_or_else(|| {
            self.columns.push(id);
            self.columns.len() - 1
        })
    }

    /// Leads the first line of a merge to its parent, which may be waited for left of it.
    fn lead_first(&mut self, parent: CommitId) {
        let to = self.column(parent);
        let far = self.at.saturating_sub(to);
        let slope = usize::from(far == 0);
        let left = if far > 1 { 2 * far - 3 } else { 1 };
        self.slope = Some(slope);
        self.added = (self.parents + slope).cast_signed() - 2;
        self.set(if slope == 0 { self.width.saturating_sub(left) } else { self.width }, to);
        self.width += 2 * slope;
    }

    /// Leads the next line to the commit that it waits for.
    fn lead(&mut self, id: CommitId) {
        let to = self.column(id);
        let last = self.width.saturating_sub(2);
        if self.added > 0 && cell(&self.cells, last) == Some(to) {
            // It joins the line beside it at once.
            self.added = -1;
            return;
        }
        self.set(self.width, to);
        self.width += 2;
    }

    fn set(&mut self, at: usize, to: usize) {
        put_cell(&mut self.cells, at, Some(to));
    }

    /// How many parents are beyond those that have their lines directly below the star.
    fn dashes(&self) -> usize {
        (self.parents + self.slope.unwrap_or(0)).saturating_sub(3)
    }

    /// The row below a merge, in which its lines part.
    fn forks(&self, parents: &[CommitId], columns: &[CommitId]) -> String {
        let slope = self.slope.unwrap_or(1);
        let first = columns.iter().position(|waited| Some(waited) == parents.first());
        let mut row = String::new();
        for column in 0..columns.len() {
            match column.cmp(&self.at) {
                Ordering::Less => {
                    row.push('|');
                    if slope != 0 || column + 1 != self.at {
                        row.push(if first.is_some_and(|first| first < column) { '_' } else { ' ' });
                    }
                }
                Ordering::Equal => {
                    for number in 0..self.parents {
                        let sign = ['/', '|'].get(slope + number).copied().unwrap_or('\\');
                        row.push(sign);
                        if sign == '\\' && (self.added > 0 || number + 1 < self.parents) {
                            row.push(' ');
                        }
                    }
                    if self.added == 0 {
                        row.push(' ');
                    }
                }
                Ordering::Greater => row += if self.added > 0 { "\\ " } else { "| " },
            }
        }
        row
    }
}

fn cell(cells: &[Option<usize>], at: usize) -> Option<usize> {
    cells.get(at).copied().flatten()
}

fn put_cell(cells: &mut Cells, at: usize, to: Option<usize>) {
    if cells.len() <= at {
        cells.resize(at + 1, None);
    }
    if let Some(cell) = cells.get_mut(at) {
        *cell = to;
    }
}

fn is_settled(cells: &[Option<usize>]) -> bool {
    cells.iter().enumerate().all(|(at, to)| to.is_none_or(|to| to == at / 2))
}

/// Moves the lines one step to the left, each to its column; only one of them may do so all at once. What was drawn, and where
/// the lines lead in that row.
fn step_left(cells: &mut Cells) -> (String, Cells) {
    let mut moved: Cells = vec![None; cells.len()];
    // The line that goes far, by the character that it comes from, and where it goes.
    let mut far: Option<(usize, usize)> = None;
    for (at, to) in cells.iter().enumerate() {
        let Some(to) = *to else { continue };
        if 2 * to >= at {
            put_cell(&mut moved, at, Some(to));
            continue;
        }
        let (next, from) = match cell(&moved, at - 1) {
            None => (at - 1, at),
            Some(beside) if beside == to => continue,
            // It crosses the line beside it.
            Some(_) => (at.saturating_sub(2), at - 1),
        };
        put_cell(&mut moved, next, Some(to));
        if far.is_none() {
            far = Some((from, to));
            (2 * to + 3..at.saturating_sub(2))
                .step_by(2)
                .for_each(|over| put_cell(&mut moved, over, Some(to)));
        }
    }
    while moved.last().is_some_and(Option::is_none) {
        moved.pop();
    }
    let (mut row, mut next, mut is_over) = (String::new(), moved.clone(), false);
    for (at, to) in moved.iter().enumerate() {
        let sign = match (*to, far) {
            (None, _) => ' ',
            (Some(to), _) if 2 * to == at => '|',
            (Some(to), Some((from, goal))) if to == goal && at + 1 != from => {
                if at != 2 * to + 3 {
                    put_cell(&mut next, at, None);
                }
                is_over = true;
                '_'
            }
            (Some(_), far) => {
                if is_over && far.is_some_and(|(from, _)| at < from) {
                    put_cell(&mut next, at, None);
                }
                '/'
            }
        };
        row.push(sign);
    }
    *cells = next;
    (row, moved)
}

#[cfg(test)]
mod tests;
