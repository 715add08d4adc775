//! One version of all inputs, asked which units there are and which files they hold.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::value::Files;
use crate::object::{Entry, NodeId, ObjectRead, TreePath};
use crate::pipeline::error::Error;
use crate::pipeline::pattern::PathPattern;
use crate::pipeline::spec::Leaf;
use crate::snapshot::{self, Snapshot};
use crate::tree::Cursor;

/// The units of a source by their key.
pub(super) type ByKey = BTreeMap<String, Vec<String>>;

/// One version of all inputs.
pub(super) struct Side<'a> {
    objects: &'a dyn ObjectRead,
    leaves: &'a [&'a Leaf],
    roots: &'a [NodeId],
    /// The units of each source in which something changed.
    touched: &'a [BTreeSet<String>],
    /// The units of the sources that had to be listed.
    listed: RefCell<HashMap<usize, Rc<Vec<String>>>>,
    keyed: RefCell<HashMap<usize, Rc<ByKey>>>,
    /// Where each source was looked at last. Units are mostly asked for in their order, and nodes are read once then.
    looked: RefCell<HashMap<usize, Cursor<'a, Entry>>>,
}

impl<'a> Side<'a> {
    /// The version whose trees have these roots, in the order of the sources.
    pub(super) fn new(
        objects: &'a dyn ObjectRead,
        leaves: &'a [&'a Leaf],
        roots: &'a [NodeId],
        touched: &'a [BTreeSet<String>],
    ) -> Self {
        let (listed, keyed, looked) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { objects, leaves, roots, touched, listed, keyed, looked }
    }

    /// The units of a source in which something changed, whether or not they are there.
    pub(super) fn touched(&self, at: usize) -> impl Iterator<Item = &'a String> {
        self.touched.get(at).into_iter().flatten()
    }

    /// A source.
    pub(super) fn leaf(&self, at: usize) -> Option<&'a Leaf> {
        self.leaves.get(at).copied()
    }

    fn source(&self, at: usize) -> Option<(&'a PathPattern, Snapshot<'a>)> {
        let root = self.roots.get(at)?;
        Some((&self.leaf(at)?.source.glob, Snapshot::new(self.objects, *root)))
    }

    /// All units of a source. What lies below a unit is passed over, not read.
    pub(super) fn units(&self, at: usize) -> Result<Rc<Vec<String>>, Error> {
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

    /// All units of a source by their keys.
    pub(super) fn by_key(&self, at: usize) -> Result<Rc<ByKey>, Error> {
        if let Some(keyed) = self.keyed.borrow().get(&at) {
            return Ok(Rc::clone(keyed));
        }
        let mut keyed = ByKey::new();
        if let Some(leaf) = self.leaf(at) {
            for unit in self.units(at)?.iter() {
                keyed.entry(leaf.key_of(unit)).or_default().push(unit.clone());
            }
        }
        let keyed = Rc::new(keyed);
        self.keyed.borrow_mut().insert(at, Rc::clone(&keyed));
        Ok(keyed)
    }

    /// Whether the source has this unit.
    pub(super) fn has(&self, at: usize, unit: &str) -> Result<bool, Error> {
        let mut has = false;
        self.look(at, unit, |_, _| {
            has = true;
            Ok(Look::Enough)
        })?;
        Ok(has)
    }

    /// The files of a unit.
    pub(super) fn files(&self, at: usize, unit: &str) -> Result<Files, Error> {
        let mut files = Files::new();
        self.look(at, unit, |path, entry| {
            files.push((path, entry));
            Ok(Look::On)
        })?;
        Ok(files)
    }

    /// Shows the files of a unit in order, for as long as that is wanted.
    fn look(
        &self,
        at: usize,
        unit: &str,
        mut show: impl FnMut(TreePath, Entry) -> Result<Look, Error>,
    ) -> Result<(), Error> {
        let Some((glob, tree)) = self.source(at) else { return Ok(()) };
        let mut looked = self.looked.borrow_mut();
        let known =
            looked.remove(&at).filter(|cursor| cursor.before().is_none_or(|key| key < unit.as_bytes()));
        let mut cursor = match known {
            Some(cursor) => cursor,
            None => Cursor::new(tree.objects(), tree.root())?,
        };
        if let Some(entry) = cursor.get(unit.as_bytes())? {
            // What is there as a file is no unit of a glob that cuts elsewhere.
            if glob.unit(unit) == Some(unit)
                && let Ok(path) = unit.parse()
            {
                show(path, entry)?;
            }
        } else {
            let below = below(glob, unit);
            cursor.seek(below.as_bytes())?;
            while cursor.peek()?.is_some_and(|key| key.starts_with(below.as_bytes())) {
                let Some((key, entry)) = cursor.next().transpose()? else { break };
                let path = snapshot::path_of(key)?;
                if glob.unit(path.as_str()) == Some(unit) && matches!(show(path, entry)?, Look::Enough) {
                    break;
                }
            }
        }
        looked.insert(at, cursor);
        Ok(())
    }
}

/// Whether more is to be shown.
enum Look {
    On,
    Enough,
}

/// With what the paths in a unit begin that is no file.
fn below(glob: &PathPattern, unit: &str) -> String {
    if unit.is_empty() { glob.prefix().to_owned() } else { format!("{unit}/") }
}
