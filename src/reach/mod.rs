//! What is reachable: what the facts name (`root`), and all that this leads to (`walk`).
//!
//! Whoever collects, measures or checks a store asks here, so that there is one answer to what must be kept.

mod error;
mod marks;
mod root;
mod walk;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use marks::{Bits, Marks, kind_of_later};
pub use root::{Holder, Named, Root, named, named_by};
pub use walk::{Held, Met, Visit, held, visit};
