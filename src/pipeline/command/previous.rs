//! What a datum finds of its previous run, where the stage is incremental.

use std::collections::BTreeMap;

use super::datum::{Datum, Plan, Previous, read};
use super::merge;
use crate::object::{Entry, ObjectRead};
use crate::pipeline::base::Base;
use crate::pipeline::error::Error;
use crate::pipeline::spec::Input;

/// Gives each datum of the plan its output of the last job, and what has changed since in what it reads.
pub(super) fn add(
    objects: &dyn ObjectRead,
    input: &Input,
    last: &Base,
    plan: &mut Plan,
) -> Result<(), Error> {
    plan.datums.iter_mut().try_for_each(|datum| give(objects, input, Some(last), datum))
}

/// The same for one datum. Where there was no job before, it has no output and all is new to it.
pub(super) fn give(
    objects: &dyn ObjectRead,
    input: &Input,
    last: Option<&Base>,
    datum: &mut Datum,
) -> Result<(), Error> {
    let record = |last: &Base| merge::record(objects, last.state, &datum.order);
    let known = last.map_or(Ok(None), record)?;
    let then = match last.filter(|_| known.is_some()) {
        Some(last) => Some(read(objects, input, &last.inputs, &datum.order)?),
        None => None,
    };
    let mut before: BTreeMap<(&str, &str), &Entry> = BTreeMap::new();
    for (name, files) in then.iter().flat_map(Datum::files) {
        before.extend(files.iter().map(|(path, entry)| ((name, path.as_str()), entry)));
    }
    let changes = changes(datum, before);
    datum.previous = Some(Previous { output: known.map(|record| record.output), changes });
    Ok(())
}

/// A line for each file that differs: a letter, the input and the path, with tabs between.
fn changes<'a>(datum: &'a Datum, mut before: BTreeMap<(&'a str, &'a str), &'a Entry>) -> String {
    let mut lines = BTreeMap::new();
    for part in &datum.parts {
        for (path, entry) in &part.files {
            let place = (part.input.as_str(), path.as_str());
            match before.remove(&place) {
                None => drop(lines.insert(place, 'A')),
                Some(old) if old != entry => drop(lines.insert(place, 'M')),
                Some(_) => {}
            }
        }
    }
    lines.extend(before.into_keys().map(|place| (place, 'D')));
    lines.into_iter().map(|((input, path), letter)| format!("{letter}\t{input}\t{path}\n")).collect()
}
