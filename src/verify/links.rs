//! All that names lead to, looked for in what was found right. Where something is missing the walk goes on beside it.
//!
//! Each node is read once, however many trees have it. What is remembered of a node is whether anything below it is lost, so that the
//! places that are hurt can be found again without a look at the rest.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::Error;
use super::packs::chain;
use super::shelf::Shelf;
use crate::content::Manifest;
use crate::fault::{Fault, Kind};
use crate::history::{self, LetGo};
use crate::object::{Commit, CommitId, Digest, Entry, NodeId, ObjectKind, ObjectRead, TreePath};
use crate::pipeline::{self, Named, StateForm};
use crate::tree::{self, Below, Opened, Raw, Value};
use crate::{integrate, reach};

/// What a tree is a map of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    /// Paths to files.
    Files,
    /// The private state of a stage: files of a built-in one, or what a command's datums came to.
    State,
    /// What a command's datums came to.
    Datums,
    /// Datums to what came of them.
    Results,
    /// Anything to files: logs by datum, what a built-in stage keeps.
    Kept,
    /// Ended jobs, and the lists of them.
    Archive,
    /// The conflicts of an open merge.
    Conflicts,
    /// What was chosen for them.
    Choices,
    /// Anything that names nothing else.
    Plain,
}

/// A tree of some sort.
pub(super) type Root = (Sort, NodeId);

/// What an entry of a tree names.
pub(super) enum Link {
    /// A file's content.
    File(Entry),
    /// Another tree.
    Tree(Root),
    /// A commit.
    Commit(CommitId),
}

/// The walk, and what it has met.
#[derive(Debug)]
pub(super) struct Links<'a> {
    pub(super) shelf: &'a Shelf,
    /// What is lost, and why, where that is not that it is missing.
    pub(super) lost: BTreeMap<Digest, Option<String>>,
    /// Nodes below which nothing is lost.
    clean: HashSet<Root>,
    /// Nodes below which something is, or which are lost themselves.
    hurt: HashSet<Root>,
    /// The commits that were met, with what each follows.
    pub(super) commits: HashMap<CommitId, Vec<CommitId>>,
    waiting: Vec<CommitId>,
}

/// What is wrong with an object that is there.
fn reason_of(error: tree::Error) -> Result<(Digest, Option<String>), Error> {
    match error {
        tree::Error::Malformed { node, reason } => Ok((*node.digest(), Some(reason.to_owned()))),
        tree::Error::Object(crate::object::AccessError::Missing { digest }) => Ok((digest, None)),
        tree::Error::Object(crate::object::AccessError::Damaged { digest, reason, .. }) => {
            Ok((digest, Some(reason)))
        }
        tree::Error::Object(error) => Err(error.into()),
        other => Ok((Digest::of(b""), Some(other.to_string()))),
    }
}

impl<'a> Links<'a> {
    pub(super) fn new(shelf: &'a Shelf) -> Self {
        let (lost, commits) = (BTreeMap::new(), HashMap::new());
        Self { shelf, lost, clean: HashSet::new(), hurt: HashSet::new(), commits, waiting: Vec::new() }
    }

    /// How many nodes were followed.
    pub(super) fn nodes(&self) -> u64 {
        (self.clean.len() + self.hurt.len()) as u64
    }

    /// Whether anything below the node is lost.
    pub(super) fn is_hurt(&self, root: &Root) -> bool {
        self.hurt.contains(root)
    }

    /// Follows a commit and all that it comes from.
    pub(super) fn commit(&mut self, id: CommitId) -> Result<(), Error> {
        self.waiting.push(id);
        while let Some(id) = self.waiting.pop() {
            if self.commits.contains_key(&id) {
                continue;
            }
            let Some(commit) = self.load(id)? else {
                self.commits.insert(id, Vec::new());
                continue;
            };
            self.waiting.extend(&commit.parents);
            self.commits.insert(id, commit.parents.clone());
            if self.has_files(id)? {
                for root in self.roots(&commit)? {
                    self.tree(root)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the commit has its files, as far as rules go; where it cannot be told for sure, it should.
    pub(super) fn has_files(&self, id: CommitId) -> Result<bool, Error> {
        there(history::find_let_go(self.shelf, id))
    }

    /// What a commit names besides the commits that it follows.
    pub(super) fn roots(&self, commit: &Commit) -> Result<Vec<Root>, Error> {
        let mut roots = vec![(Sort::Files, commit.tree)];
        if let Some(made) = &commit.provenance {
            roots.push((Sort::State, made.state));
            roots.extend(self.has_results()?.then_some((Sort::Results, made.results)));
        }
        Ok(roots)
    }

    /// Whether commits have their tables of results; where it cannot be told for sure, they should.
    fn has_results(&self) -> Result<bool, Error> {
        there(history::find_results_let_go(self.shelf))
    }

    /// The commit, unless it is lost.
    pub(super) fn load(&mut self, id: CommitId) -> Result<Option<Commit>, Error> {
        let (digest, reason) = match history::load(self.shelf, id) {
            Ok(commit) => return Ok(Some(commit)),
            Err(history::Error::Object(error)) => reason_of(error.into())?,
            Err(error) => (*id.digest(), Some(chain(&error))),
        };
        self.lost.insert(digest, reason);
        Ok(None)
    }

    /// Follows a tree.
    pub(super) fn tree(&mut self, root: Root) -> Result<(), Error> {
        self.node(root, None).map(drop)
    }

    /// Follows a node, and tells whether anything below it is lost.
    fn node(&mut self, root: Root, below: Option<&Below>) -> Result<bool, Error> {
        let root = settled(self.shelf, root);
        if self.clean.contains(&root) {
            return Ok(false);
        }
        if self.hurt.contains(&root) {
            return Ok(true);
        }
        let hurt = match open(self.shelf, root, below)? {
            Ok(Opened::Inner(children)) => {
                let mut hurt = false;
                for child in &children {
                    hurt |= self.node((root.0, child.id()), Some(child))?;
                }
                hurt
            }
            Ok(Opened::Leaf(entries)) => {
                let mut hurt = false;
                for (key, value) in entries {
                    hurt |= self.entry(root, &key, &value)?;
                }
                hurt
            }
            Err((digest, reason)) => {
                self.lost.insert(digest, reason);
                true
            }
        };
        if hurt {
            self.hurt.insert(root)
        } else {
            self.clean.insert(root)
        };
        Ok(hurt)
    }

    /// Whether what an entry names is lost.
    fn entry(&mut self, root: Root, key: &[u8], value: &Raw) -> Result<bool, Error> {
        let mut hurt = false;
        match links(root.0, key, value) {
            Err(reason) => {
                self.lost.insert(*root.1.digest(), Some(reason));
                hurt = true;
            }
            Ok(links) => {
                for link in links {
                    hurt |= match link {
                        Link::File(entry) => self.file(&entry)?,
                        Link::Tree(root) => self.node(root, None)?,
                        Link::Commit(id) => {
                            self.waiting.push(id);
                            false
                        }
                    };
                }
            }
        }
        Ok(hurt)
    }

    /// Whether the content is lost, or part of it.
    pub(super) fn file(&mut self, entry: &Entry) -> Result<bool, Error> {
        let lost = losses(self.shelf, entry)?;
        let hurt = !lost.is_empty();
        self.lost.extend(lost);
        Ok(hurt)
    }
}

/// Whether it was not let go; what is known of it may be damaged.
fn there(gone: Result<Option<LetGo>, history::Error>) -> Result<bool, Error> {
    match gone {
        Ok(gone) => Ok(gone.is_none()),
        Err(error) if error.kind() == Kind::Damaged => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What was found in the place of a node: what it lists, or what is lost with it, and why.
pub(super) type Found = Result<Opened<Raw>, (Digest, Option<String>)>;

/// Reads a node.
pub(super) fn open(source: &Shelf, root: Root, below: Option<&Below>) -> Result<Found, Error> {
    // Files have weights, which a parent tells; they are checked as such.
    let opened = if matches!(root.0, Sort::Files | Sort::Kept) {
        let opened = below.map_or_else(|| tree::open::<Entry>(source, root.1), |below| below.open(source));
        opened.map(|opened| match opened {
            Opened::Inner(children) => Opened::Inner(children),
            Opened::Leaf(entries) => {
                Opened::Leaf(entries.into_iter().map(|(key, entry)| (key, raw(&entry))).collect())
            }
        })
    } else {
        below.map_or_else(|| tree::open::<Raw>(source, root.1), |below| below.open(source))
    };
    match opened {
        Ok(opened) => Ok(Ok(opened)),
        Err(error) => Ok(Err(reason_of(error)?)),
    }
}

/// A tree whose sort is known: what a stage's private state is shows at its beginning.
pub(super) fn settled(source: &Shelf, root: Root) -> Root {
    match root.0 {
        Sort::State => match pipeline::state_form(source, root.1) {
            Ok(StateForm::Files) => (Sort::Kept, root.1),
            // What cannot be read is lost as either.
            Ok(StateForm::Datums) | Err(_) => (Sort::Datums, root.1),
        },
        _ => root,
    }
}

fn raw(entry: &Entry) -> Raw {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    Raw(bytes)
}

/// What an entry of a tree names, or why it is none.
pub(super) fn links(sort: Sort, key: &[u8], value: &Raw) -> Result<Vec<Link>, String> {
    let file =
        || Entry::decode(&value.0).map(Link::File).ok_or_else(|| "an entry of it is no file".to_owned());
    Ok(match sort {
        Sort::Files => {
            let path = std::str::from_utf8(key).ok().and_then(|key| key.parse::<TreePath>().ok());
            path.ok_or_else(|| format!("it has the illegal path {:?}", String::from_utf8_lossy(key)))?;
            vec![file()?]
        }
        Sort::Kept => vec![file()?],
        Sort::Datums => match pipeline::state_names(key, value).map_err(|error| chain(&error))? {
            Some(Named::File(entry)) => vec![Link::File(entry)],
            Some(Named::Output(root)) => vec![Link::Tree((Sort::Files, root))],
            None => Vec::new(),
        },
        Sort::Results => {
            let names = pipeline::result_names(value).map_err(|error| chain(&error))?;
            let sorts = [Sort::Files, Sort::State, Sort::Kept];
            sorts.into_iter().zip(names).map(Link::Tree).collect()
        }
        Sort::Archive => pipeline::archive_names(key, value)
            .map_err(|error| chain(&error))?
            .into_iter()
            .map(|kept| Link::from(reach::Root::from(kept)))
            .collect(),
        Sort::Conflicts => files(integrate::conflict_names(value).map_err(|error| chain(&error))?),
        Sort::Choices => files(integrate::choice_names(value).map_err(|error| chain(&error))?),
        Sort::Plain | Sort::State => Vec::new(),
    })
}

fn files(entries: Vec<Entry>) -> Vec<Link> {
    entries.into_iter().map(Link::File).collect()
}

impl From<reach::Root> for Link {
    fn from(root: reach::Root) -> Self {
        use reach::Root as R;
        match root {
            R::Commit(id) => Self::Commit(id),
            R::File(entry) => Self::File(entry),
            R::Files(id) => Self::Tree((Sort::Kept, id)),
            R::Results(id) => Self::Tree((Sort::Results, id)),
            R::State(id) => Self::Tree((Sort::State, id)),
            R::Archive(id) => Self::Tree((Sort::Archive, id)),
            R::Conflicts(id) => Self::Tree((Sort::Conflicts, id)),
            R::Choices(id) => Self::Tree((Sort::Choices, id)),
            R::Plain(id) => Self::Tree((Sort::Plain, id)),
        }
    }
}

/// What is lost of a file's content.
pub(super) fn losses(source: &Shelf, entry: &Entry) -> Result<Vec<(Digest, Option<String>)>, Error> {
    let Entry { blob, size, .. } = *entry;
    let lost = |reason: Option<String>| Ok(vec![(*blob.digest(), reason)]);
    let Some(found) = source.find(blob.digest())? else { return lost(None) };
    let mut missing = Vec::new();
    let len = if found.kind == ObjectKind::Manifest {
        let Ok(payload) = source.read_object(blob.digest()) else { return lost(None) };
        let Some(list) = Manifest::from_bytes(&payload.bytes) else {
            return lost(Some("its list of chunks is malformed".to_owned()));
        };
        for piece in &list.pieces {
            let there = source.find(&piece.chunk)?;
            if there.is_none_or(|there| there.kind == ObjectKind::Manifest || there.len != piece.len) {
                missing.push((piece.chunk, None));
            }
        }
        list.len()
    } else {
        u64::from(found.len)
    };
    if len != size {
        return lost(Some(format!("it has {len} bytes, and a tree says {size}")));
    }
    Ok(missing)
}
