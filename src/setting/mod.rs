//! What can be set of a store and of its repos, and what is.
//!
//! A setting is a fact, so it is changed by an operation and undone like anything else. Its value is kept as the text that a
//! person would write.

mod error;
mod fact;
mod key;
mod reserve;
mod retain;

pub use error::Error;
pub use fact::{Subject, Whose, auto_gc, find, put, quota, reserve, retain, subject, value};
pub use key::{Key, Scope};
pub use reserve::Reserve;
pub use retain::{Branches, Keep, Rule, Rules};
