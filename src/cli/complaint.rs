//! Failures as a person meets them: one line that says what failed and why, one that says what to do, an exit code.

use std::io::{self, Write};

use serde_json::Value;

use crate::fault::{Cause, Fault, Kind};
use crate::view;

/// The exit code when a job failed.
pub(super) const JOB_FAILED: u8 = 6;

/// The longest line of a complaint, in characters; what was given may be very long.
const LONGEST: usize = 2000;

/// What to do when a failure has no advice of its own.
const NO_HINT: &str =
    "`vds VERB --help` explains the verb; docs/operations.md tells what to do about disks and damage";

/// A failure of the command line itself.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: String,
    pub(super) kind: Kind,
}

impl Fault for Complaint {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

pub(super) fn complaint(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Cause {
    Complaint { message: message.into(), hint: hint.into(), kind }.into()
}

pub(super) fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Cause {
    complaint(Kind::NotFound, message, hint)
}

pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Cause {
    complaint(Kind::Usage, message, hint)
}

/// A failed reading or writing: not found when that is the reason, else I/O.
pub(super) fn io_error(what: &str, error: &io::Error, hint: &str) -> Cause {
    let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Io };
    complaint(kind, format!("{what}: {error}"), hint)
}

/// The exit code of a kind of failure.
pub(super) fn code_of(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 1,
        Kind::Usage => 2,
        Kind::NotFound => 3,
        Kind::Busy => 4,
        Kind::Damaged => 5,
        Kind::JobFailed => JOB_FAILED,
        Kind::Io => 7,
    }
}

/// The failure and all that caused it, in one line.
fn message(cause: &Cause) -> String {
    let mut line = cause.to_string();
    let mut source = cause.as_error().source();
    while let Some(error) = source {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = error.source();
    }
    one_line(&line)
}

fn hint(cause: &Cause) -> String {
    one_line(&cause.hint().unwrap_or_else(|| NO_HINT.to_owned()))
}

/// A text as one line that no terminal takes for a command.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = view::line(&words.join(" "));
    // What is in the middle is mostly a long path; the reason is at the end.
    let cut = |at: usize| line.char_indices().nth(at).map(|(at, _)| at);
    let count = line.chars().count();
    if count > LONGEST
        && let (Some(from), Some(to)) = (cut(LONGEST / 2), cut(count - LONGEST / 2))
    {
        line.replace_range(from..to, "...");
    }
    line
}

/// What a document says of a failure.
pub(super) fn failure(cause: &Cause) -> Value {
    let kind = cause.kind();
    let failure = view::Failure {
        message: message(cause),
        hint: hint(cause),
        kind: kind.word(),
        exit_code: code_of(kind),
    };
    serde_json::to_value(failure).unwrap_or_default()
}

/// Says the two lines on standard error.
pub(super) fn complain(cause: &Cause) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "error: {}\nhint: {}", message(cause), hint(cause));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_end() {
        assert_eq!(one_line("cannot read a\u{1b}:\n no such file"), "cannot read a\\u{1b}: no such file");
        let line = one_line(&format!("cannot read {}: too long", "\u{e4}".repeat(3 * LONGEST)));
        assert_eq!(line.chars().count(), LONGEST + 3);
        assert!(line.starts_with("cannot read \u{e4}") && line.ends_with("\u{e4}: too long"), "{line}");
    }
}
