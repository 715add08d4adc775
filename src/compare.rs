//! What differs between two versions, with renames found by identical content.

use std::collections::BTreeMap;

use crate::draft::Tally;
use crate::object::{BlobId, Entry, TreePath};
use crate::scope::Scope;
use crate::snapshot::{self, Change, Snapshot};

/// A path whose file differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: TreePath,
    /// The file before.
    pub before: Option<Entry>,
    /// The file after.
    pub after: Option<Entry>,
    /// For a new path: the path that went away with the same content.
    pub renamed_from: Option<TreePath>,
}

impl Difference {
    /// `A` added, `M` modified, `D` deleted, `R` renamed.
    pub fn letter(&self) -> char {
        match (&self.before, &self.after, &self.renamed_from) {
            (_, _, Some(_)) => 'R',
            (None, _, None) => 'A',
            (_, None, None) => 'D',
            _ => 'M',
        }
    }
}

/// What differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The differences, by path. What was renamed stands once, at its new path.
    pub differences: Vec<Difference>,
    /// How many paths differ, without those of renames.
    pub tally: Tally,
    /// How many files were renamed.
    pub renamed: u64,
}

/// What differs from `before` to `after`, among the paths that `scope` means.
pub fn changes(
    before: &Snapshot<'_>,
    after: &Snapshot<'_>,
    scope: &Scope,
) -> Result<Vec<Change>, snapshot::Error> {
    let mut changes = Vec::new();
    for start in scope.starts() {
        for change in before.diff(after, start) {
            let change = change?;
            if scope.holds(change.path.as_str()) {
                changes.push(change);
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes.dedup();
    Ok(changes)
}

/// Whether anything differs among the paths that `scope` means. Reads no further than the first difference.
pub fn differs(before: &Snapshot<'_>, after: &Snapshot<'_>, scope: &Scope) -> Result<bool, snapshot::Error> {
    for start in scope.starts() {
        for change in before.diff(after, start) {
            if scope.holds(change?.path.as_str()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Tells renames from additions and deletions.
pub fn compare(changes: Vec<Change>) -> Comparison {
    let mut tally = Tally::default();
    let mut renames = renames(&changes);
    let gone: std::collections::BTreeSet<TreePath> = renames.values().cloned().collect();
    let mut differences = Vec::new();
    for Change { path, before, after } in changes {
        if after.is_some() || !gone.contains(&path) {
            let renamed_from = renames.remove(&path);
            if renamed_from.is_none() {
                tally.count(before.as_ref(), after.as_ref());
            }
            differences.push(Difference { path, before, after, renamed_from });
        }
    }
    Comparison { differences, tally, renamed: gone.len() as u64 }
}

/// New paths whose content one that went away had, each with that old path. Each old path is used once, and a path of the
/// same file name is preferred. Empty files are all alike, so nothing is said of them.
fn renames(changes: &[Change]) -> BTreeMap<TreePath, TreePath> {
    let mut gone: BTreeMap<BlobId, Vec<&TreePath>> = BTreeMap::new();
    for change in changes.iter().rev() {
        if let (Some(before), None) = (&change.before, &change.after)
            && before.size > 0
        {
            gone.entry(before.blob).or_default().push(&change.path);
        }
    }
    let mut renames = BTreeMap::new();
    let new = changes.iter().filter(|change| change.before.is_none());
    let new: Vec<(&TreePath, BlobId)> = new.filter_map(|c| Some((&c.path, c.after?.blob))).collect();
    for same_name in [true, false] {
        for (path, blob) in &new {
            let Some(candidates) = gone.get_mut(blob).filter(|_| !renames.contains_key(*path)) else {
                continue;
            };
            let at = candidates.iter().rposition(|old| !same_name || old.file_name() == path.file_name());
            if let Some(at) = at {
                renames.insert((*path).clone(), candidates.remove(at).clone());
            }
        }
    }
    renames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::object::FileKind;
    use crate::object::access::memory::Objects;
    use crate::tree;

    /// Reads `"-a=1 +b=1 ~c=1>2 -> R a b, M c"`.
    #[track_caller]
    fn check(case: &str) {
        let (changes, want) = case.split_once(" -> ").unwrap();
        let entry = |text: &str| Entry {
            kind: FileKind::File,
            blob: BlobId::of(text.as_bytes()),
            size: text.len() as u64,
        };
        let mut all: Vec<Change> = changes
            .split_whitespace()
            .map(|change| {
                let (path, content) = change[1..].split_once('=').unwrap();
                let path = path.parse().unwrap();
                match (&change[..1], content.split_once('>')) {
                    ("-", _) => Change { path, before: Some(entry(content)), after: None },
                    ("+", _) => Change { path, before: None, after: Some(entry(content)) },
                    (_, Some((a, b))) => Change { path, before: Some(entry(a)), after: Some(entry(b)) },
                    _ => panic!("{change}"),
                }
            })
            .collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        let got: Vec<String> = compare(all)
            .differences
            .iter()
            .map(|d| match &d.renamed_from {
                Some(from) => format!("R {from} {}", d.path),
                None => format!("{} {}", d.letter(), d.path),
            })
            .collect();
        assert_eq!(got.join(", "), want, "{case}");
    }

    #[test]
    fn renames_are_found_by_content() {
        check("-a=1 +b=1 ~c=1>2 -> R a b, M c");
        check("-a=1 +b=2 -> D a, A b");
        check("-a=1 +b=1 +c=1 -> R a b, A c");
        check("-a=1 -b=1 +c=1 -> D b, R a c");
        check("-p/x=1 -p/y=1 +q/x=1 +q/y=1 -> R p/x q/x, R p/y q/y");
        check("-p/y=1 -p/x=1 +a/y=1 +b/x=1 -> R p/y a/y, R p/x b/x");
        check("-a= +b= -> D a, A b");
    }

    #[test]
    fn the_cost_is_that_of_what_differs_and_not_of_what_there_is() {
        let objects = Objects::default();
        let path = |n: u32| format!("2024/{:02}/{:02}/{:06}.csv", n / 100_000, n / 1000 % 100, n);
        let entry = |n: u32| Entry {
            kind: FileKind::File,
            blob: BlobId::of(&n.to_le_bytes()),
            size: u64::from(n) + 1,
        };
        let files = (0..1_000_000).map(|n| (path(n).into_bytes(), entry(n)));
        let before = tree::build(&objects, files).unwrap();
        let mut draft = Draft::new(before);
        (0..10).for_each(|n| draft.put(path(n * 99_991).parse().unwrap(), entry(n * 7 + 3)));
        let (after, _) = draft.finish(&objects).unwrap();
        objects.take_counts();
        let sides = [before, after].map(|root| Snapshot::new(&objects, root));
        assert_eq!(changes(&sides[0], &sides[1], &Scope::whole()).unwrap().len(), 10);
        // Of each tree the root, and for each file at most three nodes below it.
        let read = objects.take_counts().0;
        assert!(read <= 2 * (1 + 3 * 10), "{read} nodes read");
    }
}
