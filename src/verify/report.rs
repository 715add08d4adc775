//! What a verification found.

use std::fmt;

use crate::object::Digest;

/// What a verification found, and how much it looked at.
#[derive(Debug, Default)]
pub struct Report {
    /// How many packs there are.
    pub packs: u64,
    /// How many of them were read whole, now or before an interruption.
    pub packs_read: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many bytes were read now.
    pub bytes_read: u64,
    /// How many objects the packs hold, one in two packs twice.
    pub objects: u64,
    /// How many tables the index has.
    pub tables: u64,
    /// How many operations the journal has.
    pub operations: u64,
    /// How many facts there are.
    pub facts: u64,
    /// How many commits were followed.
    pub commits: u64,
    /// How many tree nodes were followed.
    pub nodes: u64,
    /// What is damaged.
    pub findings: Vec<Finding>,
    /// How many more objects are missing than are told.
    pub more: u64,
    /// What is not as it should be, and is mended by the next command that meets it.
    pub notes: Vec<Note>,
}

/// Something damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub thing: Thing,
    /// What is wrong with it.
    pub reason: String,
    /// How many objects are lost with it, of which no other pack has an intact copy.
    pub lost: u64,
    /// What is hurt by that.
    pub hurt: Hurt,
}

/// What a damaged thing hurts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hurt {
    /// The first of them: `REPO@BRANCH:PATH`, `REPO@COMMIT:PATH`, and what else has a name.
    pub places: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

/// Something that the next command mends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub thing: Thing,
    /// What there is to say.
    pub text: String,
}

/// A part of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A pack.
    Pack(Digest),
    /// A file of the index, by its name.
    Index(String),
    /// The journal.
    Journal,
    /// The facts.
    Facts,
    /// An object that lies in no pack as it should.
    Object(Digest),
}

impl Thing {
    /// The kind of thing, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pack(_) => "pack",
            Self::Index(_) => "index",
            Self::Journal => "journal",
            Self::Facts => "facts",
            Self::Object(_) => "object",
        }
    }

    /// Its name, where there are several of its kind.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Pack(digest) | Self::Object(digest) => Some(digest.to_string()),
            Self::Index(name) => Some(name.clone()),
            Self::Journal | Self::Facts => None,
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

/// So many of the places that something hurts are told.
pub(super) const TOLD: usize = 10;

impl Hurt {
    /// Adds a place.
    pub(super) fn add(&mut self, place: impl FnOnce() -> String) {
        if self.places.len() < TOLD {
            self.places.push(place());
            return;
        }
        self.more += 1;
        // A branch or tag of which nothing is told yet takes the place of one more file of another.
        let place = place();
        let name = |place: &str| place.split([':', ',']).next().unwrap_or_default().to_owned();
        let names: Vec<String> = self.places.iter().map(|place| name(place)).collect();
        if names.contains(&name(&place)) {
            return;
        }
        let again = (0..names.len())
            .rev()
            .find(|at| names.iter().take(*at).any(|other| names.get(*at) == Some(other)));
        if let Some(told) = again.and_then(|at| self.places.get_mut(at)) {
            *told = place;
        }
    }
}
