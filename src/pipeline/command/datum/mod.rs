//! Cutting inputs into datums, as far as they have changed.
//!
//! Every datum has a place in the order of all datums of its stage: a text of bytes that follows from the names of its units
//! alone (`place`). So an order need not be made by listing all datums. Which combinations of units there are is asked of the trees
//! (`side`), as far as the change concerns them (`plan`).

mod choice;
mod form;
mod plan;
mod side;
mod value;

#[cfg(test)]
mod tests;

pub(in crate::pipeline) use plan::{Plan, again, plan, read};
pub(in crate::pipeline) use value::Datum;
pub(super) use value::{Part, Previous};
