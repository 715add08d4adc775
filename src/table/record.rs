//! One record of a CSV text (RFC 4180): where its cells lie, what they say, and how it is written.

use std::borrow::Cow;
use std::ops::Range;

/// The delimiters that are recognised, in order of preference.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A cell as it was written, with its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a>(&'a str);

/// A record that was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned {
    /// How many cells it has.
    pub(super) cells: usize,
    /// Its length in bytes without its line end.
    pub(super) len: usize,
}

impl<'a> Cell<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// As it was written.
    pub fn raw(&self) -> &'a str {
        self.0
    }

    /// What it says: without the quotes around it, and with one for two within.
    pub fn value(&self) -> Cow<'a, str> {
        let Some(mut rest) = self.0.strip_prefix('"') else { return Cow::Borrowed(self.0) };
        if let Some(inner) = rest.strip_suffix('"').filter(|inner| !inner.contains('"')) {
            return Cow::Borrowed(inner);
        }
        let mut value = String::new();
        while let Some((before, after)) = rest.split_once('"') {
            value += before;
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => {
                    value.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        // What follows the closing quote is kept as it is.
        Cow::Owned(value + rest)
    }
}

impl PartialEq for Cell<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

/// Passes over the record at the start of `text` and names the place of each cell. `None` if a quote is never closed.
pub(super) fn scan(text: &str, delimiter: u8, mut cell: impl FnMut(Range<usize>)) -> Option<Scanned> {
    let bytes = text.as_bytes();
    let quote = |from| find(bytes, from, |byte| byte == b'"');
    let (mut start, mut cells) = (0, 0);
    loop {
        let mut at = start;
        if bytes.get(at) == Some(&b'"') {
            at = quote(at + 1)? + 1;
            while bytes.get(at) == Some(&b'"') {
                at = quote(at + 1)? + 1;
            }
        }
        let ends = |byte| byte == delimiter || byte == b'\n' || byte == b'\r';
        let end = find(bytes, at, ends).unwrap_or(bytes.len());
        cells += 1;
        cell(start..end);
        if bytes.get(end) != Some(&delimiter) {
            return Some(Scanned { cells, len: end });
        }
        start = end + 1;
    }
}

/// Where the first byte from `from` on is at which `stop` says so.
fn find(bytes: &[u8], from: usize, stop: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.iter().position(|byte| stop(*byte)).map(|at| from + at)
}

/// How long the line ends at the start of `text` are: that of a record, and any blank lines after it.
pub(super) fn line_ends(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// A record of these values without a line end. What needs quotes has them.
pub fn encode<'a>(values: impl IntoIterator<Item = &'a str>, delimiter: u8) -> String {
    let special = |c: char| matches!(c, '"' | '\n' | '\r') || u32::from(c) == u32::from(delimiter);
    let mut record = String::new();
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            record.push(char::from(delimiter));
        }
        if value.contains(special) {
            record += &format!("\"{}\"", value.replace('"', "\"\""));
        } else {
            record += value;
        }
    }
    record
}

/// The delimiter that occurs most often in `line`, outside quotes.
pub fn guess_delimiter(line: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; DELIMITERS.len()];
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
            *count += usize::from(!quoted && byte == delimiter);
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    DELIMITERS.iter().zip(counts).find(|(_, count)| *count == most).map_or(b',', |(delimiter, _)| *delimiter)
}
