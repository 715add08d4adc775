//! How an open merge is written down: docs/format.md has every byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::sides::{Ends, Request};
use crate::merge::Versions;
use crate::object::{Entry, NodeId, ObjectRead, ObjectWrite, TreePath, codec};
use crate::tree::{self, Cursor, Raw};

/// The version of these records that this release writes.
pub(super) const VERSION: u8 = 1;

/// What becomes of a path in conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// The branch's version.
    Ours,
    /// The merged version.
    Theirs,
    /// That of their common ancestor.
    Base,
    /// What the strategy left, with whatever it could not settle.
    Draft,
    /// Another file.
    File(Entry),
}

/// The fact as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) author: String,
    pub(super) time: i64,
    pub(super) offset: i16,
    pub(super) request: Request,
    /// What was to be brought together when the conflicts were found.
    pub(super) ends: Ends,
    /// The conflicts, by path.
    pub(super) conflicts: NodeId,
    /// What was chosen, by path.
    pub(super) choices: NodeId,
}

/// A choice, and the versions between which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) versions: Versions,
    pub(super) choice: Choice,
}

/// A map from paths to records, as a tree.
pub(super) fn write_map<T: Serialize>(
    sink: &dyn ObjectWrite,
    items: impl Iterator<Item = (TreePath, T)>,
) -> Result<NodeId, Error> {
    let mut encoded = BTreeMap::new();
    for (path, item) in items {
        let bytes = codec::encode(VERSION, &item);
        let bytes =
            bytes.map_err(|source| Error::Record { what: format!("the conflict at {path}"), source })?;
        encoded.insert(path.as_str().as_bytes().to_vec(), Raw(bytes));
    }
    Ok(tree::build(sink, encoded)?)
}

pub(super) fn read_map<T: for<'de> Deserialize<'de>>(
    objects: &dyn ObjectRead,
    root: NodeId,
) -> Result<Vec<(TreePath, T)>, Error> {
    let decode = |item: Result<(Vec<u8>, Raw), tree::Error>| {
        let (key, raw) = item?;
        let text = String::from_utf8_lossy(&key).into_owned();
        let fail = |source| Error::Record { what: format!("the conflict at {text}"), source };
        let path = text.parse().map_err(|_| fail(codec::Error::Empty))?;
        Ok((path, codec::decode(VERSION, &raw.0).map_err(fail)?))
    };
    Cursor::<Raw>::new(objects, root)?.map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrate::{Action, FastForward, Unrelated};
    use crate::merge::{Clash, Conflict, ConflictKind, Labels, Manner, Renames, Rules};
    use crate::object::{BlobId, CommitId, FileKind};

    fn sample() -> (Record, Conflict, Made) {
        let entry = |text: &str, kind| {
            Some(Entry { kind, blob: BlobId::of(text.as_bytes()), size: text.len() as u64 })
        };
        let versions = Versions {
            base: entry("old", FileKind::File),
            ours: None,
            theirs: entry("new", FileKind::Executable),
        };
        let clash = Clash {
            path: "d/a.csv".parse().unwrap(),
            kind: ConflictKind::ModifyDelete,
            versions,
            renamed_to: Some("d/b.csv".parse().unwrap()),
        };
        let strategy = "csv:key=date".parse().unwrap();
        let conflict = Conflict {
            clash,
            strategy,
            draft: entry("draft", FileKind::File),
            details: vec!["why".to_owned()],
        };
        let manner = Manner {
            rules: Rules::new(vec!["ref/**=theirs".parse().unwrap()]),
            renames: Renames::Follow,
            labels: Labels { ours: "main".to_owned(), theirs: "bbg".to_owned() },
            timeout: std::time::Duration::new(600, 1),
        };
        let theirs = CommitId::of(b"theirs");
        let action = Action::Merge { theirs, forward: FastForward::Never, unrelated: Unrelated::Allow };
        let record = Record {
            author: "Ann".to_owned(),
            time: 1_714_573_800_000,
            offset: 120,
            request: Request { action, manner, message: "merge bbg".to_owned() },
            ends: Ends {
                ours: CommitId::of(b"ours"),
                theirs: Some(theirs),
                bases: vec![CommitId::of(b"base")],
            },
            conflicts: NodeId::of(b"conflicts"),
            choices: NodeId::of(b"choices"),
        };
        (record, conflict, Made { versions, choice: Choice::File(versions.base.unwrap()) })
    }

    #[test]
    fn the_bytes_of_an_open_merge_never_change() {
        let (record, conflict, made) = sample();
        let encode = |bytes: Result<Vec<u8>, codec::Error>| bytes.unwrap().escape_ascii().to_string();
        let told = [
            encode(codec::encode(VERSION, &record)),
            encode(codec::encode(VERSION, &conflict)),
            encode(codec::encode(VERSION, &made)),
        ];
        assert_eq!(told.join("\n"), include_str!("golden/open-merge-v1.txt").trim());
        let again: Conflict = codec::decode(VERSION, &codec::encode(VERSION, &conflict).unwrap()).unwrap();
        assert_eq!(again, conflict);
    }
}
