//! How far a job is, in words.

/// How far a job is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are those of `State`")]
pub enum Phase {
    Queued,
    Running,
    Succeeded,
    Failed,
    Skipped,
    Cancelled,
    Superseded,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
        Self::Superseded,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// Whether the job may still do something.
    pub fn may_go_on(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// Its number, in the archive of jobs as in their records.
    pub(super) fn number(self) -> u8 {
        self as u8
    }

    /// How it stands, in a sentence about the job.
    pub fn told(self) -> &'static str {
        match self {
            Self::Queued => "is queued",
            Self::Running => "is running",
            Self::Succeeded => "has succeeded",
            Self::Failed => "has failed",
            Self::Skipped => "was skipped",
            Self::Cancelled => "was cancelled",
            Self::Superseded => "was superseded",
        }
    }
}
