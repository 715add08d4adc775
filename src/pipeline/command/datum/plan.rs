//! What a change of the inputs leaves to be done.

use std::collections::BTreeSet;

use super::choice::{Choice, Pick};
use super::form::Form;
use super::side::Side;
use super::value::{Datum, Files, Part};
use crate::object::{self, NodeId, ObjectRead};
use crate::pipeline::base;
use crate::pipeline::error::Error;
use crate::pipeline::spec::{Input, Leaf};

/// What is to be done after a change of the inputs.
#[derive(Debug)]
pub(in crate::pipeline) struct Plan {
    /// The datums that are new or may read something else than before, in order.
    pub(in crate::pipeline) datums: Vec<Datum>,
    /// The places of datums that were there before and are gone or may have changed.
    pub(in crate::pipeline::command) gone: BTreeSet<Vec<u8>>,
}

/// Finds what the change of the inputs from `then` to `now`, each in the order of the stage's sources, leaves to be done. Reads
/// what has changed; an input is listed only when a change in another makes new combinations with its units.
pub(in crate::pipeline) fn plan(
    objects: &dyn ObjectRead,
    input: &Input,
    then: &[NodeId],
    now: &[NodeId],
) -> Result<Plan, Error> {
    let leaves = input.leaves();
    let mut touched = Vec::new();
    for ((leaf, then), now) in leaves.iter().zip(then).zip(now) {
        let glob = &leaf.source.glob;
        let changes = base::changes(objects, *then, *now, glob)?;
        let units = changes.iter().filter_map(|change| glob.unit(change.path.as_str()).map(str::to_owned));
        touched.push(units.collect::<BTreeSet<String>>());
    }
    let form = Form::of(input, &mut 0);
    let gone = form.touched(&Side::new(objects, &leaves, then, &touched))?.into_keys().collect();
    let side = Side::new(objects, &leaves, now, &touched);
    let mut datums = Vec::new();
    for (order, choice) in form.touched(&side)? {
        datums.push(datum(&side, &form, &leaves, order, choice)?);
    }
    Ok(Plan { datums, gone })
}

/// Adds to the plan that the datums at these places run again, as far as they are still there and not planned yet.
pub(in crate::pipeline) fn again(
    objects: &dyn ObjectRead,
    input: &Input,
    now: &[NodeId],
    places: Vec<Vec<u8>>,
    plan: &mut Plan,
) -> Result<(), Error> {
    let leaves = input.leaves();
    let (form, side) = (Form::of(input, &mut 0), Side::new(objects, &leaves, now, &[]));
    for order in places {
        if !plan.gone.insert(order.clone()) {
            continue;
        }
        let Some(choice) = form.at(&side, &mut order.as_slice())? else { continue };
        plan.datums.push(datum(&side, &form, &leaves, order, choice)?);
    }
    plan.datums.sort_by(|a, b| a.order.cmp(&b.order));
    Ok(())
}

/// The datum at the place `order`. `roots` are the trees of the stage's sources.
pub(in crate::pipeline) fn read(
    objects: &dyn ObjectRead,
    input: &Input,
    roots: &[NodeId],
    order: &[u8],
) -> Result<Datum, Error> {
    let leaves = input.leaves();
    let side = Side::new(objects, &leaves, roots, &[]);
    let form = Form::of(input, &mut 0);
    let mut rest = order;
    let choice = form.at(&side, &mut rest)?.unwrap_or_default();
    datum(&side, &form, &leaves, order.to_vec(), choice)
}

/// The datum that reads this choice of units.
fn datum(
    side: &Side<'_>,
    form: &Form,
    leaves: &[&Leaf],
    order: Vec<u8>,
    choice: Choice,
) -> Result<Datum, Error> {
    let name = name(&choice, form, leaves);
    Ok(Datum { order, name, parts: parts(side, choice)?, previous: None })
}

fn parts(side: &Side<'_>, choice: Choice) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    for Pick { source, units, key } in choice {
        let Some(leaf) = side.leaf(source) else { continue };
        let mut files = Files::new();
        for unit in &units {
            files.extend(side.files(source, unit)?);
        }
        parts.push(Part { source, input: leaf.name.clone(), units, key, files, contents: leaf.contents });
    }
    Ok(parts)
}

/// How people speak of a datum: by its unit, or its key in a group, if that is all there is to say.
fn name(choice: &Choice, form: &Form, leaves: &[&Leaf]) -> String {
    // Names are for people, who type them as they read them.
    let shown = |text: &str| if text.is_empty() { "all".to_owned() } else { object::shown(text) };
    match (form, choice.as_slice()) {
        (Form::Group(_), [Pick { key: Some(key), .. }, ..]) => shown(key),
        (_, [Pick { units, .. }]) if leaves.len() == 1 => shown(units.first().map_or("", String::as_str)),
        (_, picks) => {
            let piece = |pick: &Pick| {
                let input = label(leaves, pick.source)?;
                match (pick.units.as_slice(), &pick.key) {
                    ([], _) => None,
                    ([unit], None) => Some(format!("{input}={}", shown(unit))),
                    ([unit], Some(_)) if leaves.len() > 1 => Some(format!("{input}={}", shown(unit))),
                    (_, key) => Some(format!("{input}={}", shown(key.as_deref().unwrap_or_default()))),
                }
            };
            picks.iter().filter_map(piece).collect::<Vec<_>>().join(",")
        }
    }
}

/// How people tell a source from others: by its name, with a number from the second on that has it.
fn label(leaves: &[&Leaf], source: usize) -> Option<String> {
    let name = &leaves.get(source)?.name;
    let before = leaves.iter().take(source).filter(|leaf| leaf.name == *name).count();
    Some(if before == 0 { name.clone() } else { format!("{name}.{}", before + 1) })
}
