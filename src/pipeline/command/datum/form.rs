//! How the sources of a stage are put together: which choices of units there are, and which of them a change concerns.

use std::collections::BTreeSet;

use super::choice::{self, Choice, Choices, Pick};
use super::side::Side;
use crate::pipeline::error::Error;
use crate::pipeline::spec::{Input, Leaf};

/// The sources of a stage by number, and how they are put together.
pub(super) enum Form {
    Leaf(usize),
    Cross(Vec<Form>),
    Union(Vec<Form>),
    Join(Vec<usize>),
    Group(Vec<usize>),
}

/// In the place of a choice of a join: whether a source has a unit in it.
const PRESENT: u8 = 1;
const ABSENT: u8 = 0;

impl Form {
    /// The form of an input whose first source has the number `next`.
    pub(super) fn of(input: &Input, next: &mut usize) -> Self {
        let mut many = |inputs: &[Input]| inputs.iter().map(|input| Self::of(input, next)).collect();
        match input {
            Input::Cross(inputs) => Self::Cross(many(inputs)),
            Input::Union(inputs) => Self::Union(many(inputs)),
            Input::One(_) => {
                *next += 1;
                Self::Leaf(*next - 1)
            }
            Input::Join(leaves) | Input::Group(leaves) => {
                let numbers = (*next..*next + leaves.len()).collect();
                *next += leaves.len();
                if matches!(input, Input::Join(_)) { Self::Join(numbers) } else { Self::Group(numbers) }
            }
        }
    }

    /// The choices that have to do with something that changed, as they are on this side.
    pub(super) fn touched(&self, side: &Side<'_>) -> Result<Choices, Error> {
        match self {
            Self::Leaf(at) => {
                let mut found = Choices::new();
                for unit in side.touched(*at) {
                    if side.has(*at, unit)? {
                        found.extend([choice::unit(*at, unit)]);
                    }
                }
                Ok(found)
            }
            Self::Union(forms) => choice::union(forms.iter().map(|form| form.touched(side))),
            Self::Cross(forms) => {
                let mut found = Choices::new();
                for (changed, form) in forms.iter().enumerate() {
                    let touched = form.touched(side)?;
                    if touched.is_empty() {
                        continue;
                    }
                    let mut combined = nothing();
                    for (at, form) in forms.iter().enumerate() {
                        let right = if at == changed { touched.clone() } else { form.all(side)? };
                        combined = choice::cross(&combined, &right)?;
                    }
                    found.extend(combined);
                }
                Ok(found)
            }
            Self::Join(sources) => with_keys(&touched_keys(side, sources), |key| join(side, sources, key)),
            Self::Group(sources) => with_keys(&touched_keys(side, sources), |key| group(side, sources, key)),
        }
    }

    /// All choices.
    fn all(&self, side: &Side<'_>) -> Result<Choices, Error> {
        match self {
            Self::Leaf(at) => Ok(side.units(*at)?.iter().map(|unit| choice::unit(*at, unit)).collect()),
            Self::Union(forms) => choice::union(forms.iter().map(|form| form.all(side))),
            Self::Cross(forms) => {
                let mut combined = nothing();
                for form in forms {
                    combined = choice::cross(&combined, &form.all(side)?)?;
                }
                Ok(combined)
            }
            Self::Join(sources) => with_keys(&all_keys(side, sources)?, |key| join(side, sources, key)),
            Self::Group(sources) => with_keys(&all_keys(side, sources)?, |key| group(side, sources, key)),
        }
    }

    /// The choice at a place in the order; `rest` is what of the place is still to be read.
    pub(super) fn at(&self, side: &Side<'_>, rest: &mut &[u8]) -> Result<Option<Choice>, Error> {
        match self {
            Self::Leaf(at) => Ok(text(rest).map(|unit| choice::unit(*at, &unit).1)),
            Self::Cross(forms) => {
                let mut all = Choice::new();
                for form in forms {
                    let Some(choice) = form.at(side, rest)? else { return Ok(None) };
                    all.extend(choice);
                }
                Ok(Some(all))
            }
            Self::Union(forms) => {
                let Some((number, after)) = rest.split_first_chunk::<4>() else { return Ok(None) };
                *rest = after;
                let form = usize::try_from(u32::from_be_bytes(*number)).ok().and_then(|at| forms.get(at));
                form.map_or(Ok(None), |form| form.at(side, rest))
            }
            Self::Join(sources) => {
                let Some(key) = text(rest) else { return Ok(None) };
                let mut all = Choice::new();
                for source in sources {
                    let Some((flag, after)) = rest.split_first() else { return Ok(None) };
                    *rest = after;
                    let units = if *flag == PRESENT { text(rest).into_iter().collect() } else { Vec::new() };
                    all.push(Pick { source: *source, units, key: Some(key.clone()) });
                }
                Ok(Some(all))
            }
            Self::Group(sources) => {
                let Some(key) = text(rest) else { return Ok(None) };
                Ok(group(side, sources, &key)?.into_values().next())
            }
        }
    }
}

/// The choice of nothing, to begin combinations with.
fn nothing() -> Choices {
    Choices::from([(Vec::new(), Choice::new())])
}

/// The text up to the next NUL, which is taken too.
fn text(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8(rest.get(..end)?.to_vec()).ok()?;
    *rest = rest.get(end + 1..)?;
    Some(text)
}

fn with_keys(
    keys: &BTreeSet<String>,
    choices: impl Fn(&str) -> Result<Choices, Error>,
) -> Result<Choices, Error> {
    let mut all = Choices::new();
    for key in keys {
        all.extend(choices(key)?);
        choice::check(all.len())?;
    }
    Ok(all)
}

/// The keys of all units in which something changed, on either side.
fn touched_keys(side: &Side<'_>, sources: &[usize]) -> BTreeSet<String> {
    let keys = |at: &usize| {
        let leaf = side.leaf(*at);
        side.touched(*at).filter_map(move |unit| Some(leaf?.key_of(unit)))
    };
    sources.iter().flat_map(keys).collect()
}

fn all_keys(side: &Side<'_>, sources: &[usize]) -> Result<BTreeSet<String>, Error> {
    let mut keys = BTreeSet::new();
    for at in sources {
        keys.extend(side.by_key(*at)?.keys().cloned());
    }
    Ok(keys)
}

/// The combinations of units with this key. Where a source has none, only those stay that need no partner.
fn join(side: &Side<'_>, sources: &[usize], key: &str) -> Result<Choices, Error> {
    let mut found = Vec::new();
    for at in sources {
        found.push(side.by_key(*at)?.get(key).cloned().unwrap_or_default());
    }
    let is_whole = found.iter().all(|units| !units.is_empty());
    let is_alone = |at: usize| side.leaf(at).is_some_and(Leaf::needs_no_partner);
    let mut combined = Choices::from([([key.as_bytes(), b"\0"].concat(), Choice::new())]);
    let mut has_units = false;
    for (at, units) in sources.iter().zip(found) {
        let pick = |units: Vec<String>| vec![Pick { source: *at, units, key: Some(key.to_owned()) }];
        let right = if (is_whole || is_alone(*at)) && !units.is_empty() {
            has_units = true;
            let place = |unit: &String| [&[PRESENT], unit.as_bytes(), b"\0"].concat();
            units.into_iter().map(|unit| (place(&unit), pick(vec![unit]))).collect()
        } else {
            Choices::from([(vec![ABSENT], pick(Vec::new()))])
        };
        combined = choice::cross(&combined, &right)?;
    }
    Ok(if has_units { combined } else { Choices::new() })
}

/// All units with this key as one choice, if there are any.
fn group(side: &Side<'_>, sources: &[usize], key: &str) -> Result<Choices, Error> {
    let mut choice = Choice::new();
    for at in sources {
        let units = side.by_key(*at)?.get(key).cloned().unwrap_or_default();
        choice.push(Pick { source: *at, units, key: Some(key.to_owned()) });
    }
    let place = [key.as_bytes(), b"\0"].concat();
    Ok(choice.iter().any(|pick| !pick.units.is_empty()).then_some((place, choice)).into_iter().collect())
}
