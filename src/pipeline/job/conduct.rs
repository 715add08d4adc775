//! How a job goes about its datums, as its record tells it.

use serde::{Deserialize, Serialize};

/// How a job goes about its datums. Nothing is known of the jobs of built-in stages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// How many datums it has to do with; all others are carried over.
    pub planned: Option<u64>,
    /// What its programs see of the file system, once it runs one.
    pub isolation: Option<Isolation>,
}

/// What programs see of the file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// A view of their own, in namespaces, with `/pfs`.
    Namespaces,
    /// What vds sees, because the stage says so.
    Unwanted,
    /// What vds sees, because they cannot have a view of their own here, for this reason.
    Impossible(String),
}

impl Isolation {
    /// Whether there is any, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Unwanted | Self::Impossible(_) => "none",
        }
    }

    /// Why there can be none.
    pub fn obstacle(&self) -> Option<&str> {
        match self {
            Self::Impossible(reason) => Some(reason),
            Self::Namespaces | Self::Unwanted => None,
        }
    }
}
