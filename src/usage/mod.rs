//! What a store takes, and for whom.

mod error;
mod files;
mod growth;
mod survey;
mod unique;

pub use error::Error;
pub use files::{Files, Places};
pub use growth::Growth;
pub use survey::{Held, Usage, held, survey};
pub use unique::{Share, Subject, share};
