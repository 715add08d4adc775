//! A new version of a file tree in the making.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::object::{Entry, NodeId, ObjectRead, ObjectWrite, TreePath};
use crate::snapshot::{self, Change, Snapshot};
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

    /// Puts the same edits on top of another tree.
    pub fn rebase(&mut self, base: NodeId) {
        self.base = base;
    }

    /// Whether a change by others, which made `path` be `after`, cannot stand beside these edits. The same change twice can.
    fn meets(&self, path: &TreePath, after: Option<Entry>) -> bool {
        let differs = self.edits.get(path).is_some_and(|ours| *ours != after);
        differs || (after.is_some() && self.excludes(path))
    }

    /// The paths at which what others made of the tree below, which is `after` with them, cannot stand beside these edits, in order.
    pub fn meeting(&self, objects: &dyn ObjectRead, after: NodeId) -> Result<Vec<TreePath>, snapshot::Error> {
        let (before, after) = (Snapshot::new(objects, self.base), Snapshot::new(objects, after));
        let mut paths = Vec::new();
        for change in before.diff(&after, "") {
            let Change { path, after, .. } = change?;
            if self.meets(&path, after) {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// Whether a file at `path` and what was put cannot both be: one is a directory to the other.
    fn excludes(&self, path: &TreePath) -> bool {
        let put = |dir: &str| self.edit(dir).is_some_and(Option::is_some);
        let after = self.edits.range(path.clone()..);
        let mut near = after.take_while(|(other, _)| other.as_str().starts_with(path.as_str()));
        let below = |other: &TreePath| lies_below(other.as_str().as_bytes(), path.as_str().as_bytes());
        path.ancestors().any(put) || near.any(|(other, entry)| entry.is_some() && below(other))
    }

    /// How many paths were put or removed.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// Whether nothing was put or removed.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Writes the new tree and tells how it differs. Nothing is written when nothing differs. No tree has a file and a
    /// directory of one name: what is put below a file that is put wins, and what was there gives way to both.
    pub fn finish(&self, sink: &dyn ObjectWrite) -> Result<(NodeId, Tally), tree::Error> {
        let mut settled =
            Settled { sink, draft: self, tally: Tally::default(), edits: Vec::new(), room: Room::default() };
        settled.settle(&self.directories_put())?;
        let Settled { tally, mut edits, room, .. } = settled;
        if tally.is_empty() {
            return Ok((self.base, tally));
        }
        if !room.gone.is_empty() {
            edits.extend(room.gone.into_iter().map(|key| (key, None)));
            edits.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Ok((tree::edit(sink, self.base, edits)?, tally))
    }

    fn edit(&self, path: &str) -> Option<&Option<Entry>> {
        self.edits.get(&path.parse::<TreePath>().ok()?)
    }

    /// The paths that are put although others are put below them.
    fn directories_put(&self) -> HashSet<&str> {
        let mut found = HashSet::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut last = None;
        for (path, _) in self.edits.iter().filter(|(_, entry)| entry.is_some()) {
            let parent = path.as_str().rsplit_once('/').map(|(parent, _)| parent);
            // Most files lie in the directory of the file before.
            if parent == last {
                continue;
            }
            last = parent;
            let new = path.ancestors().filter(|ancestor| seen.insert(ancestor));
            found.extend(new.filter(|ancestor| self.edit(ancestor).is_some_and(Option::is_some)));
        }
        found
    }
}

/// Whether the path `key` lies below the directory `dir`.
fn lies_below(key: &[u8], dir: &[u8]) -> bool {
    key.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"))
}

/// A draft's edits as they turn out on the tree below, found in one pass over the places that they touch.
struct Settled<'a> {
    sink: &'a dyn ObjectWrite,
    draft: &'a Draft,
    tally: Tally,
    /// The edits that change something, in order of their keys.
    edits: Vec<(Vec<u8>, Option<Entry>)>,
    room: Room<'a>,
}

/// What must go because it is in the way of what is put.
#[derive(Default)]
struct Room<'a> {
    gone: BTreeSet<Vec<u8>>,
    /// Directories that were looked for among the files.
    asked: HashSet<&'a str>,
}

impl<'a> Settled<'a> {
    fn settle(&mut self, directories: &HashSet<&str>) -> Result<(), tree::Error> {
        let mut base = Cursor::<Entry>::new(self.sink, self.draft.base)?;
        for (path, entry) in &self.draft.edits {
            let key = path.as_str().as_bytes();
            let entry = entry.filter(|_| !directories.contains(path.as_str()));
            let before = base.get(key)?;
            if before == entry {
                continue;
            }
            if before.is_none() {
                self.clear_below(path, base.peek()?)?;
                let previous = base.before().map(<[u8]>::to_vec);
                self.clear_above(path, previous.as_deref(), base.peek()?)?;
            }
            self.tally.count(before.as_ref(), entry.as_ref());
            self.edits.push((key.to_vec(), entry));
        }
        Ok(())
    }

    fn drop_file(&mut self, key: Vec<u8>) {
        let edited = std::str::from_utf8(&key).is_ok_and(|path| self.draft.edit(path).is_some());
        if !edited && self.room.gone.insert(key) {
            self.tally.deleted += 1;
        }
    }

    /// Drops all files below the new file `path`, where `next` is the first key after it.
    fn clear_below(&mut self, path: &TreePath, next: Option<&[u8]>) -> Result<(), tree::Error> {
        // Keys below sort after those that go on with a smaller character, such as `path.csv`.
        let rest = next.and_then(|next| next.strip_prefix(path.as_str().as_bytes()));
        if rest.and_then(<[u8]>::first).is_none_or(|byte| *byte > b'/') {
            return Ok(());
        }
        let inside = format!("{path}/").into_bytes();
        let mut below = Cursor::<Entry>::new(self.sink, self.draft.base)?;
        below.seek(&inside)?;
        while below.peek()?.is_some_and(|key| key.starts_with(&inside)) {
            if let Some((key, _)) = below.next().transpose()? {
                self.drop_file(key);
            }
        }
        Ok(())
    }

    /// Drops the file that stands where the new file `path` needs a directory. All keys between such a file and `path`
    /// start with its name, so the keys `previous` and `next` to `path` mostly tell that there is none.
    fn clear_above(
        &mut self,
        path: &'a TreePath,
        previous: Option<&[u8]>,
        next: Option<&[u8]>,
    ) -> Result<(), tree::Error> {
        for dir in path.ancestors() {
            let below = |key: &[u8]| lies_below(key, dir.as_bytes());
            if previous.is_some_and(below) || next.is_some_and(below) {
                continue;
            }
            let Some(previous) = previous.filter(|key| key.starts_with(dir.as_bytes())) else { break };
            let is_file = previous == dir.as_bytes()
                || (self.room.asked.insert(dir)
                    && Cursor::<Entry>::new(self.sink, self.draft.base)?.get(dir.as_bytes())?.is_some());
            if is_file {
                self.drop_file(dir.as_bytes().to_vec());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

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

    /// What the edits should come to, worked out over all paths.
    fn model(
        base: &BTreeMap<String, Entry>,
        edits: &BTreeMap<String, Option<Entry>>,
    ) -> BTreeMap<String, Entry> {
        let inside = |path: &str, dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
        let is_put = |path: &&String| edits[*path].is_some();
        let all: Vec<&String> = edits.keys().filter(is_put).collect();
        let put: Vec<&String> =
            all.iter().copied().filter(|path| !all.iter().any(|other| inside(other, path))).collect();
        let mut after = base.clone();
        after.retain(|path, _| {
            !edits.contains_key(path) && !put.iter().any(|new| inside(path, new) || inside(new, path))
        });
        after.extend(put.into_iter().filter_map(|path| edits[path].map(|entry| (path.clone(), entry))));
        after
    }

    fn path() -> impl Strategy<Value = String> {
        vec(proptest::sample::select(vec!["a", "b", "a-", "a.x", "a0", "ab"]), 1..4)
            .prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #[test]
        fn any_edits_come_to_what_they_should(
            first in btree_map(path(), Just(true), 0..40),
            second in btree_map(path(), prop_oneof![2 => Just(true), 1 => Just(false)], 0..20),
        ) {
            let objects = Objects::default();
            let mut trees = vec![(tree::empty(&objects).unwrap(), BTreeMap::new())];
            for (round, text) in [(first, "old"), (second, "new")] {
                let edits: BTreeMap<String, Option<Entry>> =
                    round.into_iter().map(|(path, put)| (path, put.then(|| entry(text)))).collect();
                let (root, files) = trees.last().unwrap();
                let mut draft = Draft::new(*root);
                for (path, entry) in &edits {
                    let path = path.parse().unwrap();
                    match entry {
                        Some(entry) => draft.put(path, *entry),
                        None => draft.remove(path),
                    }
                }
                let (found, tally) = draft.finish(&objects).unwrap();
                let want = model(files, &edits);
                let snapshot = Snapshot::new(&objects, found);
                let got: BTreeMap<String, Entry> =
                    snapshot.scan("").unwrap().map(|file| file.map(|(path, e)| (path.to_string(), e)).unwrap()).collect();
                prop_assert_eq!(&got, &want);
                let mut counted = Tally::default();
                let paths: std::collections::BTreeSet<&String> = files.keys().chain(want.keys()).collect();
                paths.iter().for_each(|path| counted.count(files.get(*path), want.get(*path)));
                prop_assert_eq!(tally, counted);
                trees.push((found, want));
            }
        }
    }
}
