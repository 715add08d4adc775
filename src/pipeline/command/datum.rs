//! Cutting inputs into datums, as far as they have changed.
//!
//! Every datum has a place in the order of all datums of its stage: a text of bytes that follows from the names of its units
//! alone. So an order need not be made by listing all datums.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::object::{Digest, Entry, NodeId, ObjectRead, TreePath};
use crate::pipeline::base;
use crate::pipeline::error::Error;
use crate::pipeline::pattern::PathPattern;
use crate::pipeline::spec::Input;
use crate::snapshot::Snapshot;
use crate::tree::Cursor;

/// The most datums that one job may have to look at. More are a mistake in a `cross`, and would not fit into memory.
const MOST: usize = 2_000_000;

/// Files of an input.
pub(in crate::pipeline) type Files = Vec<(TreePath, Entry)>;

/// The part of one input that a datum sees.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The input's name in the stage.
    pub(super) input: String,
    /// What the pattern cut: a path, or nothing for the whole tree.
    pub(super) unit: String,
    pub(super) files: Files,
}

/// One datum: what a process sees.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Datum {
    /// Its place among all datums of the stage.
    pub(super) order: Vec<u8>,
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
}

/// What is to be done after a change of the inputs.
#[derive(Debug)]
pub(in crate::pipeline) struct Plan {
    /// The datums that are new or read something else than before, in order.
    pub(in crate::pipeline) datums: Vec<Datum>,
    /// The places of datums that were there before and are gone or changed.
    pub(super) gone: BTreeSet<Vec<u8>>,
}

/// The sources of a stage by number, and how they are put together.
enum Form {
    Leaf(usize),
    Cross(Vec<Form>),
    Union(Vec<Form>),
}

/// One unit of each source that a datum reads, by the number of the source.
type Units = Vec<(usize, String)>;

/// Datums by their place.
type Combinations = BTreeMap<Vec<u8>, Units>;

/// One version of all inputs.
struct Side<'a> {
    objects: &'a dyn ObjectRead,
    globs: &'a [&'a PathPattern],
    roots: &'a [NodeId],
    /// The units of each source in which something changed.
    touched: &'a [BTreeSet<String>],
    /// The units of the sources that had to be listed.
    listed: RefCell<HashMap<usize, Rc<Vec<String>>>>,
}

/// Finds what the change of the inputs from `then` to `now`, each in the order of the stage's sources, leaves to be done. Reads
/// what has changed; an input is listed only when a change in another makes new combinations with all of its units.
pub(in crate::pipeline) fn plan(
    objects: &dyn ObjectRead,
    input: &Input,
    then: &[NodeId],
    now: &[NodeId],
) -> Result<Plan, Error> {
    let sources = input.sources();
    let globs: Vec<&PathPattern> = sources.iter().map(|(_, source)| &source.glob).collect();
    let mut touched = Vec::new();
    for ((glob, then), now) in globs.iter().zip(then).zip(now) {
        let changes = base::changes(objects, *then, *now, glob)?;
        let units = changes.iter().filter_map(|change| glob.unit(change.path.as_str()).map(str::to_owned));
        touched.push(units.collect::<BTreeSet<String>>());
    }
    let form = Form::of(input, &mut 0);
    let side = |roots| Side { objects, globs: &globs, roots, touched: &touched, listed: RefCell::default() };
    let gone = side(then).touched(&form)?.into_keys().collect();
    let side = side(now);
    let mut datums = Vec::new();
    for (order, units) in side.touched(&form)? {
        let mut parts = Vec::new();
        for (at, unit) in units {
            let Some((name, _)) = sources.get(at) else { continue };
            let files = side.files(at, &unit)?;
            parts.push(Part { input: (*name).to_owned(), unit, files });
        }
        datums.push(Datum { order, name: name(&parts, sources.len()), parts });
    }
    Ok(Plan { datums, gone })
}

/// What a datum read: its name, and its parts. `roots` are the trees of the stage's sources, `order` its place.
pub(in crate::pipeline) fn read(
    objects: &dyn ObjectRead,
    input: &Input,
    roots: &[NodeId],
    order: &[u8],
) -> Result<Vec<(String, Files)>, Error> {
    let sources = input.sources();
    let globs: Vec<&PathPattern> = sources.iter().map(|(_, source)| &source.glob).collect();
    let side = Side { objects, globs: &globs, roots, touched: &[], listed: RefCell::default() };
    let mut rest = order;
    let units = Form::of(input, &mut 0).units(&mut rest).unwrap_or_default();
    let part = |(at, unit): (usize, String)| {
        let name = sources.get(at).map_or("", |(name, _)| name);
        Ok((name.to_owned(), side.files(at, &unit)?))
    };
    units.into_iter().map(part).collect()
}

impl Form {
    /// The units that a place in the order is made of; `rest` is what of it is still to be read.
    fn units(&self, rest: &mut &[u8]) -> Option<Units> {
        match self {
            Self::Leaf(at) => {
                let end = rest.iter().position(|byte| *byte == 0)?;
                let unit = String::from_utf8(rest.get(..end)?.to_vec()).ok()?;
                *rest = rest.get(end + 1..)?;
                Some(vec![(*at, unit)])
            }
            Self::Cross(forms) => {
                let units: Option<Vec<Units>> = forms.iter().map(|form| form.units(rest)).collect();
                Some(units?.concat())
            }
            Self::Union(forms) => {
                let (number, after) = rest.split_first_chunk::<4>()?;
                *rest = after;
                forms.get(usize::try_from(u32::from_be_bytes(*number)).ok()?)?.units(rest)
            }
        }
    }

    fn of(input: &Input, next: &mut usize) -> Self {
        let mut many = |inputs: &[Input]| inputs.iter().map(|input| Self::of(input, next)).collect();
        match input {
            Input::Cross(inputs) => Self::Cross(many(inputs)),
            Input::Union(inputs) => Self::Union(many(inputs)),
            Input::One(..) => {
                *next += 1;
                Self::Leaf(*next - 1)
            }
        }
    }
}

impl Side<'_> {
    /// The datums that read something that changed.
    fn touched(&self, form: &Form) -> Result<Combinations, Error> {
        match form {
            Form::Leaf(at) => {
                let mut found = Combinations::new();
                for unit in self.touched.get(*at).into_iter().flatten() {
                    if self.has(*at, unit)? {
                        found.extend([leaf(*at, unit)]);
                    }
                }
                Ok(found)
            }
            Form::Union(forms) => union(forms, |form| self.touched(form)),
            Form::Cross(forms) => {
                let mut found = Combinations::new();
                for (changed, form) in forms.iter().enumerate() {
                    let touched = self.touched(form)?;
                    if touched.is_empty() {
                        continue;
                    }
                    let mut combined = Combinations::from([(Vec::new(), Units::new())]);
                    for (at, form) in forms.iter().enumerate() {
                        let right = if at == changed { touched.clone() } else { self.all(form)? };
                        combined = cross(&combined, &right)?;
                    }
                    found.extend(combined);
                }
                Ok(found)
            }
        }
    }

    fn all(&self, form: &Form) -> Result<Combinations, Error> {
        match form {
            Form::Leaf(at) => Ok(self.units(*at)?.iter().map(|unit| leaf(*at, unit)).collect()),
            Form::Union(forms) => union(forms, |form| self.all(form)),
            Form::Cross(forms) => {
                let mut combined = Combinations::from([(Vec::new(), Units::new())]);
                for form in forms {
                    combined = cross(&combined, &self.all(form)?)?;
                }
                Ok(combined)
            }
        }
    }

    fn source(&self, at: usize) -> Option<(&PathPattern, Snapshot<'_>)> {
        let root = self.roots.get(at)?;
        Some((self.globs.get(at)?, Snapshot::new(self.objects, *root)))
    }

    /// All units of a source. What lies below a unit is passed over, not read.
    fn units(&self, at: usize) -> Result<Rc<Vec<String>>, Error> {
        if let Some(units) = self.listed.borrow().get(&at) {
            return Ok(Rc::clone(units));
        }
        let mut units = Vec::new();
        if let Some((glob, tree)) = self.source(at) {
            let prefix = glob.prefix().as_bytes();
            let mut cursor = Cursor::<Entry>::new(tree.objects(), tree.root())?;
            cursor.seek(prefix)?;
            while let Some(key) = cursor.peek()?.filter(|key| key.starts_with(prefix)) {
                let path = String::from_utf8_lossy(key).into_owned();
                match glob.unit(&path) {
                    Some("") => {
                        units.push(String::new());
                        break;
                    }
                    Some(unit) => {
                        units.push(unit.to_owned());
                        // '0' follows '/': the first key that cannot lie in the directory.
                        let past = if unit == path { format!("{path}\0") } else { format!("{unit}0") };
                        cursor.seek(past.as_bytes())?;
                    }
                    None => {
                        cursor.next().transpose()?;
                    }
                }
            }
        }
        // The order of paths is not that of units: `a.b` lies before `a/b`.
        units.sort();
        units.dedup();
        let units = Rc::new(units);
        self.listed.borrow_mut().insert(at, Rc::clone(&units));
        Ok(units)
    }

    fn has(&self, at: usize, unit: &str) -> Result<bool, Error> {
        let Some((glob, tree)) = self.source(at) else { return Ok(false) };
        if unit.is_empty() {
            return Ok(tree.scan(glob.prefix())?.next().transpose()?.is_some());
        }
        if tree.find(unit)?.is_some() {
            return Ok(glob.unit(unit) == Some(unit));
        }
        for file in tree.scan(&format!("{unit}/"))? {
            if glob.unit(file?.0.as_str()) == Some(unit) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn files(&self, at: usize, unit: &str) -> Result<Files, Error> {
        let Some((glob, tree)) = self.source(at) else { return Ok(Vec::new()) };
        if let Some(entry) = tree.find(unit)? {
            return Ok(unit.parse().ok().map(|path| (path, entry)).into_iter().collect());
        }
        let prefix = if unit.is_empty() { glob.prefix().to_owned() } else { format!("{unit}/") };
        let mut files = Vec::new();
        for file in tree.scan(&prefix)? {
            let (path, entry) = file?;
            if glob.unit(path.as_str()) == Some(unit) {
                files.push((path, entry));
            }
        }
        Ok(files)
    }
}

fn leaf(at: usize, unit: &str) -> (Vec<u8>, Units) {
    // No path holds a NUL, so the places of combinations order as their units do, one after another.
    ([unit.as_bytes(), b"\0"].concat(), vec![(at, unit.to_owned())])
}

fn union(forms: &[Form], find: impl Fn(&Form) -> Result<Combinations, Error>) -> Result<Combinations, Error> {
    let mut all = Combinations::new();
    for (number, form) in (0_u32..).zip(forms) {
        let place = |order: Vec<u8>| [number.to_be_bytes().as_slice(), order.as_slice()].concat();
        all.extend(find(form)?.into_iter().map(|(order, units)| (place(order), units)));
    }
    Ok(all)
}

fn cross(left: &Combinations, right: &Combinations) -> Result<Combinations, Error> {
    let count = left.len().saturating_mul(right.len());
    if count > MOST {
        let reason = format!("the inputs make {count} combinations, and a job has at most {MOST} datums");
        let hint = Some(
            "let the globs of the `cross` cut less, or put a stage between that puts units together"
                .to_owned(),
        );
        return Err(Error::Failed { reason, hint });
    }
    let mut all = Combinations::new();
    for (place, units) in left {
        for (next, more) in right {
            all.insert([place.as_slice(), next].concat(), [units.as_slice(), more].concat());
        }
    }
    Ok(all)
}

fn name(parts: &[Part], sources: usize) -> String {
    let unit = |part: &Part| match part.unit.as_str() {
        "" => "all".to_owned(),
        // Names are for people: no file name may act on their terminal.
        unit if unit.contains(char::is_control) => unit.escape_debug().to_string(),
        unit => unit.to_owned(),
    };
    match parts {
        [only] if sources == 1 => unit(only),
        several => {
            several.iter().map(|part| format!("{}={}", part.input, unit(part))).collect::<Vec<_>>().join(",")
        }
    }
}

impl Datum {
    /// The hash of what the stage does and of all that the datum sees: names, paths and contents.
    pub(in crate::pipeline) fn key(&self, code: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds datum 1\0").update(code.as_bytes());
        let mut text = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        for part in &self.parts {
            text(&part.input);
            text(&part.unit);
            text(&part.files.len().to_string());
            for (path, entry) in &part.files {
                text(path.as_str());
                text(&format!("{} {}", entry.kind as u8, entry.blob));
            }
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// What it reads, for people.
    pub(super) fn reads(&self) -> String {
        let inputs = self.parts.iter().map(|part| match part.files.as_slice() {
            [(path, _)] => path.to_string(),
            [(path, _), ..] => format!("{path} and {} more", part.files.len() - 1),
            [] => "nothing".to_owned(),
        });
        inputs.collect::<Vec<_>>().join(", ")
    }
}
