//! How text for people looks: in colours on a terminal, without a byte too much anywhere else.

use std::env;
use std::io::{self, IsTerminal};

use crate::view;

/// What standard output takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// It is no terminal: bytes as they are.
    Raw,
    /// A terminal on which colours are not wanted.
    Plain,
    /// A terminal.
    Colours,
}

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A commit's id.
    Id,
    /// What came.
    New,
    /// What went away.
    Gone,
    /// What has changed.
    Changed,
    /// A place, or what only leads to something.
    Place,
    /// The name of what follows.
    Head,
}

impl Ink {
    /// What standard output takes, as this process found it.
    pub(super) fn of_output() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match (io::stdout().is_terminal(), unwanted) {
            (false, _) => Self::Raw,
            (true, true) => Self::Plain,
            (true, false) => Self::Colours,
        }
    }

    /// The text in its colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if self != Self::Colours {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Id | Tone::Changed => "33",
            Tone::New => "32",
            Tone::Gone => "31",
            Tone::Place => "36",
            Tone::Head => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[m")
    }

    /// A patch, each line in its colour. A terminal gets nothing that commands it.
    pub(super) fn patch(self, patch: Vec<u8>) -> Vec<u8> {
        if self == Self::Raw {
            return patch;
        }
        let mut within = false;
        let mut painted = String::new();
        for line in view::text(&String::from_utf8_lossy(&patch)).lines() {
            within = (within || line.starts_with("@@ ")) && !line.starts_with("diff ");
            let tone = match line.chars().next() {
                Some('@') if within => Some(Tone::Place),
                Some('+') if within => Some(Tone::New),
                Some('-') if within => Some(Tone::Gone),
                _ if within => None,
                _ => Some(Tone::Head),
            };
            painted += &tone.map_or_else(|| line.to_owned(), |tone| self.paint(tone, line));
            painted.push('\n');
        }
        painted.into_bytes()
    }
}
