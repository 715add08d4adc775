//! What a stage reads, as values: sources, and how they are put together.

use std::fmt;
use std::str::FromStr;

use crate::pipeline::condition::{Condition, Schedule};
use crate::pipeline::pattern::Source;

/// What a stage reads.
#[derive(Debug, Clone)]
pub enum Input {
    /// One source.
    One(Box<Leaf>),
    /// Every combination of units of several inputs.
    Cross(Vec<Input>),
    /// The units of several inputs, one after another.
    Union(Vec<Input>),
    /// The combinations of units of several sources that have the same key.
    Join(Vec<Leaf>),
    /// All units of several sources that have the same key, as one datum.
    Group(Vec<Leaf>),
}

/// One source of a stage.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its name in the stage.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// By what its units find those of others.
    pub role: Role,
    /// How a program finds the files.
    pub contents: Contents,
    /// When what has come to its branch is read; at once, if nothing is said.
    pub trigger: Option<Condition>,
    /// What puts files there, if it is a clock.
    pub clock: Option<Clock>,
}

/// A clock: a source to which a file comes at moments that come again and again. The file has the moment's name.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The moments.
    pub schedule: Schedule,
    /// The first moment that counts is after this, in milliseconds since 1970; after the pipeline came to be, if nothing is said.
    pub start: Option<i64>,
    /// What becomes of the files of earlier moments.
    pub earlier: Earlier,
}

/// What becomes of the files of earlier moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They stay.
    Kept,
    /// They make room for the newest.
    Replaced,
}

/// By what the units of a source find those of others. The texts are the keys of units, made of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// By nothing.
    Plain,
    /// In a join, by this.
    Join {
        /// The key.
        on: Template,
        /// Whether a unit needs others.
        partner: Partner,
    },
    /// In a group, by this.
    Group {
        /// The key.
        by: Template,
    },
}

/// Whether a unit of a join needs units of the other sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partner {
    /// Without them it is in no datum.
    Needed,
    /// It is in a datum in any case.
    Optional,
}

/// How a program finds the files of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// As they are.
    Whole,
    /// As named pipes, which are filled when it opens them.
    Lazy,
    /// By their names, without what is in them.
    Empty,
}

/// A text made of what the groups of a glob captured: `$1`, `${2}-x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What the group of this number captured, counted from 1.
    Group(usize),
}

impl Input {
    /// The sources, in the order they were written.
    pub fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::One(leaf) => vec![leaf],
            Self::Cross(inputs) | Self::Union(inputs) => inputs.iter().flat_map(Self::leaves).collect(),
            Self::Join(leaves) | Self::Group(leaves) => leaves.iter().collect(),
        }
    }

    /// The sources with their names, in the order they were written.
    pub fn sources(&self) -> Vec<(&str, &Source)> {
        self.leaves().into_iter().map(|leaf| (leaf.name.as_str(), &leaf.source)).collect()
    }

    /// How it cuts and combines, as text that is the same for the same meaning. Repos and branches are not part of it.
    pub(super) fn cut_text(&self) -> String {
        let all = |inputs: &[Self]| inputs.iter().map(Self::cut_text).collect::<Vec<_>>().join(" ");
        let leaves = |leaves: &[Leaf]| leaves.iter().map(Leaf::cut_text).collect::<Vec<_>>().join(" ");
        match self {
            Self::One(leaf) => leaf.cut_text(),
            Self::Cross(inputs) => format!("cross({})", all(inputs)),
            Self::Union(inputs) => format!("union({})", all(inputs)),
            Self::Join(sources) => format!("join({})", leaves(sources)),
            Self::Group(sources) => format!("group({})", leaves(sources)),
        }
    }
}

impl Role {
    /// How the environment of a program speaks of the key, if units have one.
    pub fn variable(&self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Join { .. } => Some("VDS_JOIN_ON"),
            Self::Group { .. } => Some("VDS_GROUP_BY"),
        }
    }
}

impl Leaf {
    /// A source under the name `name`, whose files a program finds as they are.
    pub fn new(name: String, source: Source) -> Self {
        Self { name, source, role: Role::Plain, contents: Contents::Whole, trigger: None, clock: None }
    }

    /// The key of a unit; empty for a source that needs none.
    pub fn key_of(&self, unit: &str) -> String {
        match &self.role {
            Role::Plain => String::new(),
            Role::Join { on: key, .. } | Role::Group { by: key } => {
                key.fill(&self.source.glob.captures(unit))
            }
        }
    }

    /// Whether its units are in datums of a join that found no partner for them.
    pub fn needs_no_partner(&self) -> bool {
        matches!(self.role, Role::Join { partner: Partner::Optional, .. })
    }

    fn cut_text(&self) -> String {
        let mut text = format!("{}={:?}", self.name, self.source.glob.to_string());
        match &self.role {
            Role::Plain => {}
            Role::Join { on, partner: Partner::Needed } => text += &format!(" on {:?}", on.text),
            Role::Join { on, partner: Partner::Optional } => text += &format!(" on {:?} outer", on.text),
            Role::Group { by } => text += &format!(" by {:?}", by.text),
        }
        if self.contents == Contents::Empty {
            text += " empty";
        }
        text
    }
}

impl Template {
    /// The text for what the groups of a glob captured.
    pub fn fill(&self, captures: &[&str]) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(number) => (*captures.get(number - 1).unwrap_or(&"")).to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// The highest number of a group that it names; 0 if it names none.
    pub fn highest(&self) -> usize {
        let number = |piece: &Piece| if let Piece::Group(number) = piece { *number } else { 0 };
        self.pieces.iter().map(number).max().unwrap_or(0)
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} does not say which groups of the glob are meant; expected such as \"$1\" or \"$1-${{2}}\""
            )
        };
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (digits, behind) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').ok_or_else(wrong)?,
                None => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            };
            let number = digits.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
            pieces.push(Piece::Group(number));
            rest = behind;
        }
        if pieces.is_empty() {
            return Err(wrong());
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_of_what_was_captured() {
        let fill = |template: &str| template.parse::<Template>().unwrap().fill(&["a", "bc"]);
        assert_eq!(
            (fill("$1"), fill("$2$1"), fill("x-${1}0.$2")),
            ("a".into(), "bca".into(), "x-a0.bc".into())
        );
        assert_eq!("$1-$12".parse::<Template>().unwrap().highest(), 12);
        for wrong in ["", "x", "$", "$x", "$0", "${1", "${}", "$1$"] {
            assert!(wrong.parse::<Template>().is_err(), "{wrong}");
        }
    }
}
