//! Stores with histories, for the tests of this room.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::contract::{Name, Names, Peer, RefMove};
use super::local::LocalPeer;
use super::update::update;
use crate::content;
use crate::draft::Draft;
use crate::history::{self, Author, Log};
use crate::object::{BranchName, CommitId, Entry, FileKind, NodeId, ObjectWrite};
use crate::snapshot::Snapshot;
use crate::store::{DEFAULT_WAIT, Store};
use crate::tree;

/// A store that goes away with this.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

pub(crate) fn author() -> Author {
    Author { name: "Ann".to_owned(), command: "test".to_owned() }
}

/// Bytes that look random, cannot be compressed, and are the same every time.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new_derive_key("test noise").update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// What a commit changes: each path with its new content, or `None`.
pub(crate) type Edits = BTreeMap<String, Option<Vec<u8>>>;

pub(crate) fn edits(pairs: &[(&str, &str)]) -> Edits {
    pairs.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec()))).collect()
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
        Self { dir, store }
    }

    pub(crate) fn peer(&self) -> LocalPeer {
        LocalPeer::from(self.store.clone())
    }

    pub(crate) fn head(&self, repo: &str, branch: &str) -> Option<CommitId> {
        let facts = self.store.session().unwrap();
        let repo = history::find(&facts, &repo.parse().unwrap()).unwrap()?;
        history::head(&facts, &repo, &branch.parse().unwrap()).unwrap()
    }

    /// Points a branch somewhere.
    pub(crate) fn point(&self, repo: &str, branch: &str, after: CommitId) {
        let before = self.head(repo, branch);
        let (repo, name) = (repo.parse().unwrap(), Name::Branch(branch.parse::<BranchName>().unwrap()));
        let moved = RefMove { repo, description: "a repo".to_owned(), name, before, after: Some(after) };
        update(&self.store, &author(), &[moved]).unwrap();
    }

    /// Commits these edits on top of the branch, with another commit as the second parent if one is given.
    pub(crate) fn commit(
        &self,
        repo: &str,
        branch: &str,
        edits: &Edits,
        merged: Option<CommitId>,
    ) -> CommitId {
        let head = self.head(repo, branch);
        let writer = self.store.writer();
        let base = match head {
            Some(head) => history::load(&writer, head).unwrap().tree,
            None => tree::empty(&writer).unwrap(),
        };
        let tree = edited(&writer, base, edits);
        let parents = head.into_iter().chain(merged).collect();
        let message = format!("{branch} {}", edits.len());
        let draft = history::Draft { parents, tree, message, provenance: None };
        let (id, _) = history::write(&writer, draft, &author().now()).unwrap();
        writer.finish().unwrap();
        self.point(repo, branch, id);
        id
    }

    /// All that there is by name, after every commit and file of it was read.
    #[track_caller]
    pub(crate) fn whole(&self) -> Vec<Names> {
        let names = self.peer().names().unwrap();
        let objects = self.store.objects();
        for commit in Log::new(objects, names.iter().flat_map(Names::commits)) {
            let (_, commit) = commit.unwrap();
            let tree = Snapshot::new(objects, commit.tree);
            for file in tree.scan("").unwrap() {
                let (_, entry) = file.unwrap();
                assert_eq!(content::load(objects, entry.blob).unwrap().len() as u64, entry.size);
            }
        }
        names
    }
}

/// The tree `base` after these edits.
pub(crate) fn edited(sink: &dyn ObjectWrite, base: NodeId, edits: &Edits) -> NodeId {
    let mut draft = Draft::new(base);
    for (path, content) in edits {
        match content {
            None => draft.remove(path.parse().unwrap()),
            Some(bytes) => {
                let kept = content::keep_bytes(sink, bytes).unwrap();
                let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
                draft.put(path.parse().unwrap(), entry);
            }
        }
    }
    draft.finish(sink).unwrap().0
}

/// A commit in a random history: on which branch, what it changes, and which branch it merges.
pub(crate) type Step = (usize, Edits, Option<usize>);

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let path =
        vec(proptest::sample::select(vec!["a", "b", "a.x", "d"]), 1..4).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![
        3 => (0..5_u8).prop_map(|n| Some(vec![n; 50])),
        1 => Just(None),
        1 => (0..3_u64).prop_map(|seed| Some(noise(100_000, seed))),
    ];
    (0..3_usize, btree_map(path, content, 1..6), proptest::option::of(0..3_usize))
}

pub(crate) fn make(place: &Place, steps: &[Step]) {
    for (branch, edits, merged) in steps {
        let merged = merged.and_then(|other| place.head("r", &format!("b{other}")));
        let merged = merged.filter(|id| place.head("r", &format!("b{branch}")) != Some(*id));
        place.commit("r", &format!("b{branch}"), edits, merged);
    }
}
