//! The entries of a node at the bottom, with their keys in one buffer: leaves are read and written by the thousand.

/// Entries in order of their keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf<V> {
    /// All keys, one after another.
    keys: Vec<u8>,
    /// Where each key ends, and its value.
    entries: Vec<(usize, V)>,
}

impl<V> Default for Leaf<V> {
    fn default() -> Self {
        Self { keys: Vec::new(), entries: Vec::new() }
    }
}

impl<V> Leaf<V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the key number `at` starts, which is where the one before it ends.
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |(end, _)| *end)
    }

    /// The entry number `at`.
    pub(super) fn get(&self, at: usize) -> Option<(&[u8], &V)> {
        let (end, value) = self.entries.get(at)?;
        Some((self.keys.get(self.start(at)..*end)?, value))
    }

    pub(super) fn key(&self, at: usize) -> Option<&[u8]> {
        self.get(at).map(|(key, _)| key)
    }

    pub(super) fn last_key(&self) -> Option<&[u8]> {
        self.key(self.len().checked_sub(1)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The first entry from number `from` on whose key is at least `key`.
    pub(super) fn seek(&self, from: usize, key: &[u8]) -> usize {
        let (mut low, mut high) = (from, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle).is_some_and(|at| at < key) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Adds an entry at the end.
    pub(super) fn push(&mut self, key: &[u8], value: V) {
        self.keys.extend_from_slice(key);
        self.entries.push((self.keys.len(), value));
    }

    /// Adds an entry at the end, whose key begins with the first `common` bytes of the last one and goes on with `suffix`;
    /// `None` if the last one is not so long.
    pub(super) fn push_after(&mut self, common: usize, suffix: &[u8], value: V) -> Option<()> {
        let start = self.start(self.len().saturating_sub(1));
        let end = start.checked_add(common).filter(|end| *end <= self.keys.len())?;
        self.keys.extend_from_within(start..end);
        self.push(suffix, value);
        Some(())
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.entries.clear();
    }
}
