//! Lines of three versions of a text, brought together as git does it.
//!
//! Two line diffs from the common ancestor are laid over each other. Changes that touch neither overlap nor meet; where they do,
//! it is a conflict, unless both sides came to the same lines. (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007;
//! like git, and unlike diff3, adjacent changes conflict.)

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::three::Three;
use crate::lines::{self, Hunk};

/// How the two sides are called in the marks of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// The side that is merged into.
    pub ours: String,
    /// The side that is merged.
    pub theirs: String,
}

/// What becomes of lines that both sides changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Both<'a> {
    /// They are marked.
    Mark(&'a Labels),
    /// They all stay, ours first.
    Keep,
}

/// A merged text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// The lines of the result, counted from one, at which a conflict begins.
    pub(super) conflicts: Vec<usize>,
}

/// One side: its lines, what it changed, and how far that has been used.
struct Side<'a> {
    lines: Vec<&'a [u8]>,
    hunks: Vec<Hunk>,
    next: usize,
}

impl<'a> Side<'a> {
    fn new(base: &[u8], text: &'a [u8]) -> Self {
        Self { lines: lines::split(text), hunks: lines::hunks(base, text), next: 0 }
    }

    fn start(&self) -> Option<usize> {
        self.hunks.get(self.next).map(|hunk| hunk.before.start)
    }

    /// Takes the changes that begin at or before `end`, and returns how far they reach.
    fn reach(&mut self, end: usize) -> usize {
        let mut end = end;
        while let Some(hunk) = self.hunks.get(self.next).filter(|hunk| hunk.before.start <= end) {
            end = end.max(hunk.before.end);
            self.next += 1;
        }
        end
    }

    /// The lines that stand here for the common ancestor's lines `range`, to whose ends no change of `first..` is near.
    fn lines_for(&self, range: &Range<usize>, first: usize) -> &[&'a [u8]] {
        // How far the lines before the range have been moved by earlier changes.
        let shift = |at: usize, until: usize| {
            let last = self.hunks.get(..until).and_then(<[Hunk]>::last);
            last.map_or(at, |hunk| hunk.after.end + (at - hunk.before.end))
        };
        self.lines.get(shift(range.start, first)..shift(range.end, self.next)).unwrap_or_default()
    }
}

/// The three versions as one.
pub(super) fn merge(three: Three<'_>, both: Both<'_>) -> Text {
    let base = lines::split(three.base);
    let (mut ours, mut theirs) = (Side::new(three.base, three.ours), Side::new(three.base, three.theirs));
    let mut out = Output { bytes: Vec::with_capacity(three.ours.len()), line: 1, conflicts: Vec::new() };
    let mut at = 0;
    loop {
        let start = match (ours.start(), theirs.start()) {
            (None, None) => break,
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
        };
        out.put(base.get(at..start).unwrap_or_default());
        let first = (ours.next, theirs.next);
        let mut end = start;
        loop {
            let reached = theirs.reach(ours.reach(end));
            if reached == end
                && ours.start().is_none_or(|s| s > end)
                && theirs.start().is_none_or(|s| s > end)
            {
                break;
            }
            end = reached;
        }
        let range = start..end;
        let (a, b) = (ours.lines_for(&range, first.0), theirs.lines_for(&range, first.1));
        match (ours.next > first.0, theirs.next > first.1) {
            (true, false) => out.put(a),
            (false, true) => out.put(b),
            _ if a == b => out.put(a),
            _ => out.conflict(a, b, both),
        }
        at = end;
    }
    out.put(base.get(at..).unwrap_or_default());
    Text { bytes: out.bytes, conflicts: out.conflicts }
}

struct Output {
    bytes: Vec<u8>,
    line: usize,
    conflicts: Vec<usize>,
}

impl Output {
    fn put(&mut self, lines: &[&[u8]]) {
        for line in lines {
            self.bytes.extend_from_slice(line);
            self.line += 1;
        }
    }

    /// Lets the next line begin on its own, after lines that may have no end.
    fn end_line(&mut self) {
        if self.bytes.last().is_some_and(|byte| *byte != b'\n') {
            self.bytes.push(b'\n');
        }
    }

    fn mark(&mut self, text: &str) {
        self.end_line();
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(b'\n');
        self.line += 1;
    }

    /// Both sides changed the same lines. What they have in common at the ends is no part of the conflict.
    fn conflict(&mut self, ours: &[&[u8]], theirs: &[&[u8]], both: Both<'_>) {
        let before = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let (head, ours) = ours.split_at(before);
        let theirs = theirs.get(before..).unwrap_or_default();
        let after = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(a, b)| a == b).count();
        let (ours, tail) = ours.split_at(ours.len() - after);
        let theirs = theirs.get(..theirs.len() - after).unwrap_or_default();
        self.put(head);
        match both {
            Both::Keep => {
                self.put(ours);
                if !theirs.is_empty() {
                    self.end_line();
                }
                self.put(theirs);
            }
            Both::Mark(labels) => {
                self.conflicts.push(self.line);
                self.mark(&format!("<<<<<<< {}", labels.ours));
                self.put(ours);
                self.mark("=======");
                self.put(theirs);
                self.mark(&format!(">>>>>>> {}", labels.theirs));
            }
        }
        self.put(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(letters: &str) -> String {
        letters.chars().filter(|c| *c != '-').map(|c| format!("{c}\n")).collect()
    }

    /// Reads `"abc Abc abC -> AbC"`: one letter a line, `-` for none; a conflict is `[ours|theirs]`.
    #[track_caller]
    fn check(case: &str) {
        let (versions, want) = case.split_once(" -> ").unwrap();
        let [base, ours, theirs] = versions.split(' ').map(text).collect::<Vec<_>>().try_into().unwrap();
        let labels = Labels { ours: "ours".to_owned(), theirs: "theirs".to_owned() };
        let three = Three { base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
        let merged = merge(three, Both::Mark(&labels));
        let got = String::from_utf8(merged.bytes).unwrap();
        for at in &merged.conflicts {
            assert_eq!(got.lines().nth(at - 1), Some("<<<<<<< ours"), "{case}");
        }
        let got = got.replace("<<<<<<< ours", "[").replace("=======", "|").replace(">>>>>>> theirs", "]");
        assert_eq!(got.replace('\n', ""), want.replace('-', ""), "{case}");
    }

    #[test]
    fn lines_go_together_where_they_do_not_meet() {
        check("abc Abc abC -> AbC");
        check("abc abc abC -> abC");
        check("abc xabc abcy -> xabcy");
        check("abcde acde abce -> ace");
        check("abc ABC ABC -> ABC");
        check("- ab - -> ab");
        check("- ab ab -> ab");
        check("abc - abc -> -");
    }

    #[test]
    fn lines_that_meet_are_a_conflict() {
        check("abc aXc aYc -> a[X|Y]c");
        check("abcd aXcd abYd -> a[Xc|bY]d");
        check("abc aXbc aYbc -> a[X|Y]bc");
        check("- ab cd -> [ab|cd]");
        check("- xaby xcdy -> x[ab|cd]y");
        check("abc - aXc -> [|aXc]");
        check("abcdefg aXcdeYg aZcdeWg -> a[X|Z]cde[Y|W]g");
    }

    fn merged(base: &str, ours: &str, theirs: &str, both: Both<'_>) -> String {
        let three = Three { base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
        String::from_utf8(merge(three, both).bytes).unwrap()
    }

    #[test]
    fn union_keeps_the_lines_of_both() {
        assert_eq!(merged("a\nz\n", "a\nb\nz\n", "a\nc\nz\n", Both::Keep), "a\nb\nc\nz\n");
        assert_eq!(merged("", "a", "b", Both::Keep), "a\nb");
        assert_eq!(merged("x\n", "y\n", "", Both::Keep), "y\n");
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        assert_eq!(merged("a\r\nb\r\nc", "A\r\nb\r\nc", "a\r\nb\r\nC", Both::Keep), "A\r\nb\r\nC");
        let labels = Labels { ours: "main".to_owned(), theirs: "bbg".to_owned() };
        let got = merged("a", "b", "c", Both::Mark(&labels));
        assert_eq!(got, "<<<<<<< main\nb\n=======\nc\n>>>>>>> bbg\n");
    }
}
