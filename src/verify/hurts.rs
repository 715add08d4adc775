//! Whom a loss hurts: the paths, commits and branches that lead to it, by name.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::Error;
use super::links::{self, Link, Links, Root};
use super::report::{Hurt, Thing};
use crate::object::{CommitId, Digest, Entry, shown};
use crate::tree::{Below, Opened};

/// So many places are gone through before the rest is not counted any more.
const MANY: u64 = 200_000;

/// A name that leads to something.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// How it is told: `REPO@BRANCH`, or what else leads there.
    pub(super) text: String,
    /// What it leads to.
    pub(super) to: Aim,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    /// A commit, by a name that moves or stays: what it holds is told, and that its past is hurt.
    Head(CommitId),
    /// A commit among others of a repo.
    Commit(CommitId),
    /// A tree.
    Tree(Root),
    /// A file.
    File(Entry),
}

/// What the loss of things hurts.
pub(super) struct Hurts<'a, 'l> {
    links: &'a mut Links<'l>,
    /// To what each lost object belongs.
    groups: &'a BTreeMap<Digest, Thing>,
    of: BTreeMap<Thing, Hurt>,
    /// What was last told of each.
    last: HashMap<Thing, String>,
    /// How many places were met.
    met: u64,
}

impl<'a, 'l> Hurts<'a, 'l> {
    /// Tells all that these names lead to that is lost, by the things that it was lost with. The first names are told first.
    pub(super) fn of(
        links: &'a mut Links<'l>,
        names: &[Name],
        groups: &'a BTreeMap<Digest, Thing>,
    ) -> Result<BTreeMap<Thing, Hurt>, Error> {
        let (of, last) = (BTreeMap::new(), HashMap::new());
        let mut hurts = Self { links, groups, of, last, met: 0 };
        for name in names {
            match name.to {
                Aim::Head(id) => {
                    hurts.commit(&name.text, id)?;
                    hurts.past(&name.text, id);
                }
                Aim::Commit(id) => hurts.commit(&name.text, id)?,
                Aim::Tree(root) => hurts.tree(&name.text, root, None)?,
                Aim::File(entry) => hurts.file(&name.text, &entry)?,
            }
            if hurts.met >= MANY {
                break;
            }
        }
        Ok(hurts.of)
    }

    fn add(&mut self, lost: Digest, place: impl FnOnce() -> String) {
        self.met += 1;
        let Some(thing) = self.groups.get(&lost) else { return };
        let place = place();
        // A file of which several chunks are lost is one.
        if self.last.get(thing) != Some(&place) {
            self.of.entry(thing.clone()).or_default().add(|| place.clone());
            self.last.insert(thing.clone(), place);
        }
    }

    fn commit(&mut self, name: &str, id: CommitId) -> Result<(), Error> {
        if self.links.lost.contains_key(id.digest()) {
            self.add(*id.digest(), || name.to_owned());
            return Ok(());
        }
        let Some(commit) = self.links.load(id)? else { return Ok(()) };
        if !self.links.has_files(id)? {
            return Ok(());
        }
        for root in self.links.roots(&commit)? {
            self.tree(name, root, None)?;
        }
        Ok(())
    }

    /// Tells which lost commits the commit comes from.
    fn past(&mut self, name: &str, head: CommitId) {
        let is_lost = |links: &Links<'_>, id: &CommitId| links.lost.contains_key(id.digest());
        if !self.links.commits.keys().any(|id| is_lost(self.links, id)) {
            return;
        }
        let (mut seen, mut waiting) = (HashSet::from([head]), vec![head]);
        while let Some(id) = waiting.pop() {
            if id != head && is_lost(self.links, &id) {
                self.add(*id.digest(), || format!("{name} (its past from {id:.12} on)"));
            }
            let parents: &[CommitId] = self.links.commits.get(&id).map_or(&[], Vec::as_slice);
            waiting.extend(parents.iter().copied().filter(|parent| seen.insert(*parent)));
        }
    }

    fn tree(&mut self, name: &str, root: Root, below: Option<&Below>) -> Result<(), Error> {
        let root = links::settled(self.links.shelf, root);
        if !self.links.is_hurt(&root) || self.met >= MANY {
            return Ok(());
        }
        match links::open(self.links.shelf, root, below)? {
            Err((lost, _)) => {
                self.add(lost, || match below {
                    None => format!("{name}, all of its tree"),
                    Some(below) => {
                        let last = shown(&String::from_utf8_lossy(below.last()));
                        format!("{name}:{last} and {} before it", below.count().saturating_sub(1))
                    }
                });
                Ok(())
            }
            Ok(Opened::Inner(children)) => {
                children.iter().try_for_each(|child| self.tree(name, (root.0, child.id()), Some(child)))
            }
            Ok(Opened::Leaf(entries)) => {
                for (key, value) in entries {
                    let place = || place(name, root, &key);
                    match links::links(root.0, &key, &value) {
                        Err(_) => self.add(*root.1.digest(), place),
                        Ok(all) => self.follow(&place(), all)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn follow(&mut self, place: &str, all: Vec<Link>) -> Result<(), Error> {
        for link in all {
            match link {
                Link::File(entry) => self.file(place, &entry)?,
                Link::Tree(root) => self.tree(place, root, None)?,
                // Told as a commit of its repo.
                Link::Commit(_) => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, place: &str, entry: &Entry) -> Result<(), Error> {
        let lost: HashMap<Digest, _> = links::losses(self.links.shelf, entry)?.into_iter().collect();
        for digest in lost.into_keys() {
            self.add(digest, || place.to_owned());
        }
        Ok(())
    }
}

/// How an entry of a tree is told.
fn place(name: &str, root: Root, key: &[u8]) -> String {
    use links::Sort;
    match root.0 {
        Sort::Files => format!("{name}:{}", shown(&String::from_utf8_lossy(key))),
        Sort::Kept => format!("{name}, {}", shown(&String::from_utf8_lossy(key))),
        Sort::State | Sort::Datums => format!("{name}, what its stage keeps"),
        Sort::Results => format!("{name}, a result"),
        Sort::Archive => format!("{name}, a job"),
        Sort::Conflicts | Sort::Choices | Sort::Plain => name.to_owned(),
    }
}
