//! How a failure is classified, whichever room it comes from.
//!
//! Every room has its own error type that says what was being done, to what, and why it failed. This trait adds the
//! two things an outer edge needs to answer for it: what sort of failure it is, and what the person can do next.

use std::error::Error;
use std::fmt::Display;
use std::io;

/// What sort of failure it is. The command line turns it into an exit code, a server into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A "no" that is not a fault: a conflict, or changes in the way.
    Refused,
    /// The request makes no sense as given.
    Usage,
    /// Something that was named does not exist.
    NotFound,
    /// Somebody else holds it, or was faster.
    Busy,
    /// The store's own data is not what it should be.
    Damaged,
    /// A pipeline job failed.
    JobFailed,
    /// Reading or writing failed for a reason outside the store.
    Io,
}

impl Kind {
    /// The kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Damaged => "damaged",
            Self::JobFailed => "job_failed",
            Self::Io => "io",
        }
    }
}

/// So many things of a list are named in a message.
const NAMED: usize = 5;

/// The first of these things, and how many more there are.
pub fn some<T: Display>(things: &[T]) -> String {
    let rest = things.len().saturating_sub(NAMED);
    let first = things.iter().take(NAMED).map(T::to_string).collect::<Vec<_>>().join(", ");
    if rest == 0 { first } else { format!("{first} and {rest} more") }
}

/// A failure that knows its kind and, where there is one, the way out.
pub trait Fault: Error + Send + Sync + 'static {
    /// What sort of failure this is.
    fn kind(&self) -> Kind;

    /// What the person can do about it, as one sentence without a final stop.
    fn hint(&self) -> Option<String>;
}

/// Implements [`Fault`] for an error enum some of whose variants only pass on a failure from below. Those answer as the
/// failure that they carry; the arms are for the rest, and must name every one of them.
macro_rules! fault {
    (
        $error:ident passes on $($variant:ident),+;
        kind { $($kind_arms:tt)* }
        hint { $($hint_arms:tt)* }
    ) => {
        impl $crate::fault::Fault for $error {
            fn kind(&self) -> $crate::fault::Kind {
                match self {
                    $(Self::$variant(below) => $crate::fault::Fault::kind(below),)+
                    $($kind_arms)*
                }
            }

            fn hint(&self) -> Option<String> {
                match self {
                    $(Self::$variant(below) => $crate::fault::Fault::hint(below),)+
                    $($hint_arms)*
                }
            }
        }
    };
}
pub(crate) use fault;

/// Whether the system said that a disk, or the part of it that is ours, is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether this is how a place answers that can be read and not written: by leave, or because it is full.
pub fn prevents_writing(error: &io::Error) -> bool {
    is_full(error)
        || matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Any failure of a room that the holder need not know by type.
#[derive(Debug)]
pub struct Cause(Box<dyn Fault>);

impl<F: Fault> From<F> for Cause {
    fn from(fault: F) -> Self {
        Self(Box::new(fault))
    }
}

impl Cause {
    /// What sort of failure this is.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// What the person can do about it.
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The failure as a plain error, to be a `source`.
    pub fn as_error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
