//! History as a drawing: each commit a star, and lines from it to its parents.
//!
//! Lines run down in lanes, two characters wide. Each lane waits for one commit. A commit takes the lane that waits for it; its
//! first new parent goes on in that lane, and further new ones get lanes to the right of it. The line to a parent that is waited
//! for already joins the lane that waits. A line that has to change lanes goes through one lane a row, and over those in between.

use crate::object::CommitId;

/// The lanes, after the commits drawn so far.
#[derive(Debug, Default)]
pub struct Graph {
    lanes: Vec<Option<CommitId>>,
}

/// What stands left of a commit's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Left of the first line.
    pub star: String,
    /// Left of the lines after it; when there are fewer, they stand alone.
    pub turns: Vec<String>,
    /// Left of all further lines.
    pub rest: String,
}

/// A line that changes from one lane to another.
#[derive(Debug, Clone, Copy)]
struct Turn {
    from: usize,
    to: usize,
}

impl Graph {
    /// Draws the next commit. Parents that are not drawn are left out, and each commit comes before its parents.
    pub fn draw(&mut self, id: CommitId, parents: &[CommitId]) -> Row {
        let at = match self.waiting(id) {
            Some(at) => at,
            None => self.take_free(0, id),
        };
        let mut star = self.plain();
        set(&mut star, 2 * at, '*');
        let straight = parents.iter().position(|parent| self.waiting(*parent).is_none());
        let sideways: Vec<CommitId> =
            (0..).zip(parents).filter(|(n, _)| Some(*n) != straight).map(|(_, parent)| *parent).collect();
        // While lines still leave it, the lane goes on.
        let below = straight.and_then(|n| parents.get(n).copied());
        self.put(at, below.or(Some(id).filter(|_| sideways.len() > 1)));
        let mut steps = Vec::new();
        for (number, parent) in sideways.iter().enumerate() {
            let is_last = number + 1 == sideways.len();
            let waiting = self.waiting(*parent);
            if is_last && below.is_none() {
                self.put(at, None);
            }
            match waiting {
                // The line that waits already comes over, which leaves its lane free.
                Some(other) if sideways.len() == 1 && below.is_none() && other > at => {
                    self.put(other, None);
                    self.put(at, Some(*parent));
                    steps.extend(self.turn(Turn { from: other, to: at }));
                }
                Some(other) => steps.extend(self.turn(Turn { from: at, to: other })),
                None => {
                    let to = self.free(at + 1);
                    steps.extend(self.turn(Turn { from: at, to }));
                    self.put(to, Some(*parent));
                }
            }
        }
        let width = steps.iter().chain([&star, &self.plain()]).map(Vec::len).max().unwrap_or(0);
        let text = |cells: Vec<char>| format!("{:<width$}", String::from_iter(cells));
        let rest = text(self.plain());
        while self.lanes.last().is_some_and(Option::is_none) {
            self.lanes.pop();
        }
        Row { star: text(star), turns: steps.into_iter().map(text).collect(), rest }
    }

    fn waiting(&self, id: CommitId) -> Option<usize> {
        self.lanes.iter().position(|lane| *lane == Some(id))
    }

    /// The first free lane from `from` on.
    fn free(&self, from: usize) -> usize {
        let end = from.max(self.lanes.len());
        (from..end).find(|at| self.lanes.get(*at).is_some_and(Option::is_none)).unwrap_or(end)
    }

    fn take_free(&mut self, from: usize, id: CommitId) -> usize {
        let at = self.free(from);
        self.put(at, Some(id));
        at
    }

    fn put(&mut self, at: usize, id: Option<CommitId>) {
        if self.lanes.len() <= at {
            self.lanes.resize(at + 1, None);
        }
        if let Some(lane) = self.lanes.get_mut(at) {
            *lane = id;
        }
    }

    /// The lanes, each straight down.
    fn plain(&self) -> Vec<char> {
        self.lanes.iter().flat_map(|lane| [if lane.is_some() { '|' } else { ' ' }, ' ']).collect()
    }

    /// The rows in which a line changes lanes, while the others go straight down.
    fn turn(&self, Turn { from, to }: Turn) -> Vec<Vec<char>> {
        let mut rows = Vec::new();
        let mut at = from;
        while at != to {
            let (next, sign) = if to < at { (at - 1, '/') } else { (at + 1, '\\') };
            let mut row = self.plain();
            set(&mut row, 2 * at.min(next) + 1, sign);
            rows.push(row);
            at = next;
        }
        rows
    }
}

fn set(row: &mut Vec<char>, at: usize, sign: char) {
    if row.len() <= at {
        row.resize(at + 1, ' ');
    }
    if let Some(cell) = row.get_mut(at) {
        *cell = sign;
    }
}

impl Row {
    /// The text with the drawing on its left.
    pub fn beside(&self, text: &str) -> String {
        let mut left = std::iter::once(&self.star).chain(&self.turns);
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let left = left.next().unwrap_or(&self.rest);
            lines.push(format!("{left}{line}").trim_end().to_owned());
        }
        lines.extend(left.map(|left| left.trim_end().to_owned()));
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"m<a,b a<r b<r r"`, and compares the drawing whole.
    #[track_caller]
    fn check(history: &str, want: &str) {
        let id = |name: &str| CommitId::of(name.as_bytes());
        let mut graph = Graph::default();
        let mut drawing = String::new();
        for commit in history.split_whitespace() {
            let (name, parents) = commit.split_once('<').unwrap_or((commit, ""));
            let parents: Vec<CommitId> = parents.split(',').filter(|name| !name.is_empty()).map(id).collect();
            drawing += &graph.draw(id(name), &parents).beside(&format!("{name}\n"));
        }
        assert_eq!(drawing, want.trim_start_matches('\n'), "{history}");
    }

    #[test]
    fn lines_fork_and_join() {
        check(
            "m<a,b b<r a<r r",
            r"
*   m
|\
| * b
* | a
|/
* r
",
        );
        check(
            "o<a,b,c c<r b<r a<r r x",
            r"
*     o
|\
|\|
| |\
| | * c
| * | b
| |/
* | a
|/
* r
* x
",
        );
        check(
            "m<a,b b<r,a a<r r",
            r"
*   m
|\
| * b
|/|
* | a
|/
* r
",
        );
    }
}
