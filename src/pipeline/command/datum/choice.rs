//! Choices of units, each of which is a datum, by their places in the order of all.

use std::collections::BTreeMap;

use crate::pipeline::error::Error;

/// The most datums that one job may have to look at. More are a mistake in a `cross`, and would not fit into memory.
const MOST: usize = 2_000_000;

/// Units of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    /// The number of the source.
    pub(super) source: usize,
    /// The units. A join may have found none; a group may have found several.
    pub(super) units: Vec<String>,
    /// The key that a join or a group found them by.
    pub(super) key: Option<String>,
}

/// What a datum reads: units of several sources, in the order of the sources.
pub(super) type Choice = Vec<Pick>;

/// Choices by their place.
pub(super) type Choices = BTreeMap<Vec<u8>, Choice>;

/// A unit with its place.
///
/// No path holds a NUL, so the places of combinations order as their units do, one after another.
pub(super) fn unit(source: usize, unit: &str) -> (Vec<u8>, Choice) {
    ([unit.as_bytes(), b"\0"].concat(), vec![Pick { source, units: vec![unit.to_owned()], key: None }])
}

/// The choices of several inputs, one after another.
pub(super) fn union(choices: impl Iterator<Item = Result<Choices, Error>>) -> Result<Choices, Error> {
    let mut all = Choices::new();
    for (number, found) in (0_u32..).zip(choices) {
        let place = |order: Vec<u8>| [number.to_be_bytes().as_slice(), order.as_slice()].concat();
        all.extend(found?.into_iter().map(|(order, choice)| (place(order), choice)));
    }
    Ok(all)
}

/// Every combination of two choices.
pub(super) fn cross(left: &Choices, right: &Choices) -> Result<Choices, Error> {
    check(left.len().saturating_mul(right.len()))?;
    let mut all = Choices::new();
    for (place, choice) in left {
        for (next, more) in right {
            all.insert([place.as_slice(), next].concat(), [choice.as_slice(), more].concat());
        }
    }
    Ok(all)
}

/// An error if there are too many.
pub(super) fn check(count: usize) -> Result<(), Error> {
    if count <= MOST {
        return Ok(());
    }
    let reason = format!("the inputs make {count} combinations, and a job has at most {MOST} datums");
    let hint =
        "let the globs of the `cross` or `join` cut less, or put a stage between that puts units together";
    Err(Error::Failed { reason, hint: Some(hint.to_owned()) })
}
