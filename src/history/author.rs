//! Who and when.

use chrono::Local;

use crate::ledger::{Origin, OriginKind};

/// Who makes a change, and with which command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The person, as `Name <address>` or any other text.
    pub name: String,
    /// The command line, for the record of operations.
    pub command: String,
}

impl Author {
    /// The origin of a change made now by this person.
    pub fn now(&self) -> Origin {
        self.origin(OriginKind::Operation)
    }

    /// The origin of a change made now by the machinery, while it worked for this person.
    pub fn housekeeping(&self) -> Origin {
        self.origin(OriginKind::Housekeeping)
    }

    fn origin(&self, kind: OriginKind) -> Origin {
        let now = Local::now();
        Origin {
            time: now.timestamp_millis(),
            offset: i16::try_from(now.offset().local_minus_utc() / 60).unwrap_or(0),
            author: self.name.clone(),
            command: self.command.clone(),
            kind,
        }
    }
}
