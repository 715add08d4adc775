//! The journal and the small facts together: the way every change of refs goes.
//!
//! A change is checked against the facts, then appended to the journal and fsynced, which makes it; then the facts
//! follow. So the facts can always be caught up or rebuilt from the journal, and a session does so when it opens. Where
//! they cannot be written, they are made in memory, and the store can be read all the same.
//!
//! The facts remember which operation they follow, by number and checksum. So a journal that lacks what they have, because
//! an older one was put in its place or its end was lost, is noticed; nothing is then written to either.

mod error;
mod inspect;
mod made;
mod operation;
mod refound;
mod session;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use inspect::{Fault, Inspected};
pub use operation::{KeyChange, Operation, Origin, OriginKind};
pub use session::{Ledger, Outcome, Session};
