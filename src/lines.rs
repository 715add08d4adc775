//! Two texts side by side, line by line.
//!
//! A line is what ends with a line feed, which belongs to it; the last one may lack it. Nothing here knows what the lines mean.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, sources};

/// The largest text that is compared by line, in bytes.
pub const MAX_BYTES: u64 = 32 << 20;

/// How much of a content is looked at to tell whether it is text, as git does.
const SAMPLE: usize = 8000;

/// Lines of one text that stand where others stand in the other, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Those that went away.
    pub before: Range<usize>,
    /// Those that came.
    pub after: Range<usize>,
}

/// Whether these bytes are text, as far as one can tell: none of the first is zero.
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().take(SAMPLE).any(|byte| *byte == 0)
}

/// The lines of a text, each with its line feed.
pub fn split(text: &[u8]) -> Vec<&[u8]> {
    sources::byte_lines(text).collect()
}

/// Where two texts differ, in order. Neither is larger than [`MAX_BYTES`].
pub fn hunks(before: &[u8], after: &[u8]) -> Vec<Hunk> {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let range = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| Hunk { before: range(hunk.before), after: range(hunk.after) }).collect()
}

/// Where two texts differ in the unified form, with so many lines of context around; nothing if they do not.
pub fn unified(before: &[u8], after: &[u8], context: usize) -> Vec<u8> {
    let hunks = hunks(before, after);
    let (before, after) = (split(before), split(after));
    let mut out = Vec::new();
    // Hunks whose contexts touch are one.
    let far = |a: &Hunk, b: &Hunk| b.before.start - a.before.end > 2 * context;
    for group in hunks.chunk_by(|a, b| !far(a, b)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let start = first.before.start.min(context);
        let end = (before.len() - last.before.end).min(context);
        let olds = first.before.start - start..last.before.end + end;
        let news = first.after.start - start..last.after.end + end;
        out.extend(format!("@@ -{} +{} @@\n", place(&olds), place(&news)).bytes());
        let mut at = olds.start;
        for hunk in group {
            push(&mut out, b' ', &before, at..hunk.before.start);
            push(&mut out, b'-', &before, hunk.before.clone());
            push(&mut out, b'+', &after, hunk.after.clone());
            at = hunk.before.end;
        }
        push(&mut out, b' ', &before, at..olds.end);
    }
    out
}

/// Lines as the head of a hunk names them: the first, counted from 1, and how many unless it is one.
fn place(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn push(out: &mut Vec<u8>, sign: u8, lines: &[&[u8]], range: Range<usize>) {
    for line in lines.get(range).unwrap_or_default() {
        out.push(sign);
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts have a line for each letter; the hunks come with `/` for a line end.
    #[track_caller]
    fn check(before: &str, after: &str, context: usize, want: &str) {
        let text = |letters: &str| letters.chars().map(|c| format!("{c}\n")).collect::<String>();
        let out = unified(text(before).as_bytes(), text(after).as_bytes(), context);
        assert_eq!(String::from_utf8(out).unwrap().trim_end().replace('\n', "/"), want, "{before} {after}");
    }

    #[test]
    fn hunks_are_written_as_diff_does() {
        check("abc", "abc", 3, "");
        check("abc", "axc", 3, "@@ -1,3 +1,3 @@/ a/-b/+x/ c");
        check("abcdefgh", "abcdXfgh", 1, "@@ -4,3 +4,3 @@/ d/-e/+X/ f");
        check("", "ab", 3, "@@ -0,0 +1,2 @@/+a/+b");
        check("a", "", 3, "@@ -1 +0,0 @@/-a");
        check("abcdefgh", "XbcdefgY", 3, "@@ -1,8 +1,8 @@/-a/+X/ b/ c/ d/ e/ f/ g/-h/+Y");
        check("abcdefghi", "XbcdefghY", 3, "@@ -1,4 +1,4 @@/-a/+X/ b/ c/ d/@@ -6,4 +6,4 @@/ f/ g/ h/-i/+Y");
        check("abc", "abXc", 0, "@@ -2,0 +3 @@/+X");
    }

    #[test]
    fn a_missing_line_end_is_said() {
        let out = unified(b"a\nb", b"a\nb\n", 1);
        let want = "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
        assert!(is_text(b"") && is_text("ä\n".as_bytes()) && !is_text(b"a\0b"));
    }

    proptest! {
        #[test]
        fn hunks_lead_from_one_text_to_the_other(before in "[abc\n]{0,40}", after in "[abc\n]{0,40}") {
            let (before, after) = (before.as_bytes(), after.as_bytes());
            let (old, new) = (split(before), split(after));
            let (mut at, mut made) = (0, Vec::new());
            for hunk in hunks(before, after) {
                made.extend_from_slice(&old[at..hunk.before.start]);
                made.extend_from_slice(&new[hunk.after]);
                at = hunk.before.end;
            }
            made.extend_from_slice(&old[at..]);
            prop_assert_eq!(made, new);
        }
    }
}
