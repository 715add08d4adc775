//! A directory whose files are committed as they arrive.
//!
//! What the system tells of changes only says when to look; what there is to commit is found by looking. So nothing that it
//! forgets to tell is lost, and a process that is killed goes on where it was: a file is remembered only once its commit
//! is made, and one that is committed already differs in nothing, which is no commit.

mod choice;
mod discard;
mod error;
mod notice;
mod pace;
mod round;
mod run;
mod writers;

pub use error::Error;
pub use notice::Noticing;
pub use pace::Pace;
pub use run::{After, Arrived, Deletions, Options, Until, Watch};
