//! What is due by the clock: moments that clocks have reached, and triggers that let something through because of the time.
//!
//! Nobody waits for the time here. Whoever is about to run jobs asks what has become due since somebody asked last.

mod act;
mod list;
mod standing;

pub use act::{Aim, Due, due, fire};
pub use list::{Trigger, What, triggers};
