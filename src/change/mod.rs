//! One change of branches: new trees become commits, the branches move, and what that triggers is queued, in one step.

mod branch;
mod error;
mod publish;

#[cfg(test)]
mod tests;

pub use branch::{Changed, move_branch, would_trigger};
pub use error::Error;
pub use publish::{
    Advanced, Base, Empty, Landed, Part, Published, Together, advance, check_message, open, open_all,
    publish, publish_all,
};
