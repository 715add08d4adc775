//! A new version of a file tree in the making.

use std::collections::{BTreeMap, HashSet};

use crate::object::{Entry, NodeId, ObjectWrite, TreePath};
use crate::tree::{self, Cursor};

/// Edits on top of a tree.
#[derive(Debug, Clone)]
pub struct Draft {
    base: NodeId,
    edits: BTreeMap<TreePath, Option<Entry>>,
}

/// How a new tree differs from the one it was made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were not there.
    pub added: u64,
    /// Files that were there with another content or kind.
    pub modified: u64,
    /// Files that are no longer there.
    pub deleted: u64,
}

impl Tally {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many paths differ.
    pub fn total(&self) -> u64 {
        self.added + self.modified + self.deleted
    }

    /// Counts one difference.
    pub fn count(&mut self, before: Option<&Entry>, after: Option<&Entry>) {
        match (before, after) {
            (None, Some(_)) => self.added += 1,
            (Some(_), None) => self.deleted += 1,
            (Some(before), Some(after)) if before != after => self.modified += 1,
            _ => {}
        }
    }
}

impl Draft {
    /// A draft without edits on top of the tree `base`.
    pub fn new(base: NodeId) -> Self {
        Self { base, edits: BTreeMap::new() }
    }

    /// Puts a file at `path`. A directory of that name, or a file where the path needs a directory, gives way.
    pub fn put(&mut self, path: TreePath, entry: Entry) {
        self.edits.insert(path, Some(entry));
    }

    /// Removes the file at `path`, if it is there.
    pub fn remove(&mut self, path: TreePath) {
        self.edits.insert(path, None);
    }

    /// The same edits on top of another tree.
    #[must_use]
    pub fn rebased(self, base: NodeId) -> Self {
        Self { base, ..self }
    }

    /// Whether this path was put or removed.
    pub fn touches(&self, path: &TreePath) -> bool {
        self.edits.contains_key(path)
    }

    /// Whether nothing was put or removed.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Writes the new tree and tells how it differs. Nothing is written when nothing differs.
    pub fn finish(mut self, sink: &dyn ObjectWrite) -> Result<(NodeId, Tally), tree::Error> {
        self.make_room(sink)?;
        let tally = self.tally(sink)?;
        if tally.is_empty() {
            return Ok((self.base, tally));
        }
        let edits = self.edits.into_iter().map(|(path, entry)| (String::from(path).into_bytes(), entry));
        Ok((tree::edit(sink, self.base, edits)?, tally))
    }

    /// No tree has a file and a directory of one name: what was put last stays, what was there goes.
    fn make_room(&mut self, sink: &dyn ObjectWrite) -> Result<(), tree::Error> {
        let mut removals = Vec::new();
        let mut files = Cursor::<Entry>::new(sink, self.base)?;
        let mut below = Cursor::<Entry>::new(sink, self.base)?;
        let mut ancestors: HashSet<&str> = HashSet::new();
        for path in self.edits.iter().filter(|(_, entry)| entry.is_some()).map(|(path, _)| path) {
            ancestors.extend(path.ancestors());
            if files.get(path.as_str().as_bytes())?.is_some() {
                continue;
            }
            let inside = format!("{path}/");
            below.seek(inside.as_bytes())?;
            while below.peek()?.is_some_and(|key| key.starts_with(inside.as_bytes())) {
                let next = below.next().transpose()?;
                let inner = next.and_then(|(key, _)| String::from_utf8(key).ok()?.parse::<TreePath>().ok());
                removals.extend(inner.filter(|inner| !self.edits.contains_key(inner)));
            }
        }
        let mut ancestors: Vec<&str> = ancestors.into_iter().collect();
        ancestors.sort_unstable();
        let mut files = Cursor::<Entry>::new(sink, self.base)?;
        for ancestor in ancestors {
            let Ok(ancestor) = ancestor.parse::<TreePath>() else { continue };
            let is_put = self.edits.get(&ancestor).is_some_and(Option::is_some);
            if files.get(ancestor.as_str().as_bytes())?.is_some() || is_put {
                removals.push(ancestor);
            }
        }
        for path in removals {
            // What is put at a path goes when something is put below it; what is there already goes anyway.
            self.edits.insert(path, None);
        }
        Ok(())
    }

    fn tally(&mut self, sink: &dyn ObjectWrite) -> Result<Tally, tree::Error> {
        let mut base = Cursor::<Entry>::new(sink, self.base)?;
        let mut tally = Tally::default();
        for (path, entry) in &self.edits {
            tally.count(base.get(path.as_str().as_bytes())?.as_ref(), entry.as_ref());
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::access::memory::Objects;
    use crate::object::{BlobId, FileKind};
    use crate::snapshot::Snapshot;

    fn entry(text: &str) -> Entry {
        Entry { kind: FileKind::File, blob: BlobId::of(text.as_bytes()), size: text.len() as u64 }
    }

    /// Reads `"a b/c | +b -a -> b"`: the paths of the base, the edits, and the paths that result.
    #[track_caller]
    fn check(case: &str, want: Tally) {
        let (before, rest) = case.split_once(" | ").unwrap();
        let (edits, after) = rest.split_once(" -> ").unwrap();
        let objects = Objects::default();
        let mut base = Draft::new(tree::empty(&objects).unwrap());
        before.split_whitespace().for_each(|path| base.put(path.parse().unwrap(), entry("old")));
        let mut draft = Draft::new(base.finish(&objects).unwrap().0);
        for edit in edits.split_whitespace() {
            let path = edit[1..].parse().unwrap();
            if edit.starts_with('+') { draft.put(path, entry("new")) } else { draft.remove(path) }
        }
        let (root, tally) = draft.finish(&objects).unwrap();
        let paths: Vec<_> =
            Snapshot::new(&objects, root).scan("").unwrap().map(|f| f.unwrap().0.to_string()).collect();
        assert_eq!(paths.join(" "), after, "{case}");
        assert_eq!(tally, want, "{case}");
    }

    #[test]
    fn files_and_directories_give_way_to_each_other() {
        let tally = |added, modified, deleted| Tally { added, modified, deleted };
        check("a b/c | +d -a -> b/c d", tally(1, 0, 1));
        check("a b/c | +a -x -> a b/c", tally(0, 1, 0));
        check("a b/c b/d/e b.x | +b -> a b b.x", tally(1, 0, 2));
        check("a b.x | +a/b/c -> a/b/c b.x", tally(1, 0, 1));
        check("x | +a +a/b -> a/b x", tally(1, 0, 0));
        check("a/b | +a/b/c +a/b/d -> a/b/c a/b/d", tally(2, 0, 1));
    }
}
