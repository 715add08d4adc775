//! All that a commit names beyond the one it follows.

use std::collections::HashSet;

use super::error::Error;
use crate::object::{Commit, Entry, NodeId, ObjectRead};
use crate::pipeline::{self, Named, StateForm};
use crate::reach::Held;
use crate::tree::{self, Novel, Raw, Site};

/// Something that a commit names.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// A file at a path, in the tree `root`.
    Path { root: NodeId, site: Site<'a, Entry> },
    /// A file that has no path: `key` says where it was found.
    Content { key: &'a [u8], entry: Entry },
    /// A tree node. All that it names has been told, unless the earlier commit names it too.
    Node(NodeId),
}

/// What is told of each part.
type Visit<'a> = dyn FnMut(Part<'_>) -> Result<(), Error> + 'a;

/// Visits all that `commit` names and `held` says of, but for its parents, beyond what `earlier` names: children before their parents. `known`
/// are trees of datums that were visited before, and need not be again.
pub(super) fn visit(
    source: &dyn ObjectRead,
    held: Held,
    commit: &Commit,
    earlier: Option<&Commit>,
    known: &mut HashSet<NodeId>,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    let mut visitor = Visitor { source, tree: commit.tree, known, visit };
    visitor.files(earlier.map(|earlier| earlier.tree), commit.tree)?;
    let Some(made) = &commit.provenance else { return Ok(()) };
    let before = earlier.and_then(|earlier| earlier.provenance.as_ref());
    visitor.state(before.map(|before| before.state), made.state)?;
    if held == Held::Files {
        return Ok(());
    }
    visitor.results(before.map(|before| before.results), made.results, made.state)
}

struct Visitor<'a, 'v> {
    source: &'a dyn ObjectRead,
    /// The commit's tree.
    tree: NodeId,
    known: &'a mut HashSet<NodeId>,
    visit: &'v mut Visit<'v>,
}

impl Visitor<'_, '_> {
    fn files(&mut self, base: Option<NodeId>, root: NodeId) -> Result<(), Error> {
        tree::beyond::<Entry, Error>(self.source, base, root, &mut |novel| match novel {
            Novel::Node(id) => (self.visit)(Part::Node(id)),
            Novel::Entry(site) => (self.visit)(Part::Path { root, site }),
        })
    }

    /// Visits a tree of a datum's, which has much in common with that of the commit.
    fn datum(&mut self, root: NodeId) -> Result<(), Error> {
        if self.known.insert(root) { self.files(Some(self.tree), root) } else { Ok(()) }
    }

    fn state(&mut self, base: Option<NodeId>, root: NodeId) -> Result<(), Error> {
        if base == Some(root) {
            return Ok(());
        }
        let kept = pipeline::state_form(self.source, root)?;
        let base = match base {
            Some(base) if pipeline::state_form(self.source, base)? == kept => Some(base),
            _ => None,
        };
        if kept == StateForm::Files {
            return self.files(base, root);
        }
        tree::beyond::<Raw, Error>(self.source, base, root, &mut |novel| match novel {
            Novel::Node(id) => (self.visit)(Part::Node(id)),
            Novel::Entry(Site { key, value, .. }) => match pipeline::state_names(key, value)? {
                Some(Named::Output(output)) => self.datum(output),
                None => Ok(()),
                Some(Named::File(entry)) => (self.visit)(Part::Content { key, entry }),
            },
        })
    }

    fn results(&mut self, base: Option<NodeId>, root: NodeId, own: NodeId) -> Result<(), Error> {
        tree::beyond::<Raw, Error>(self.source, base, root, &mut |novel| match novel {
            Novel::Node(id) => (self.visit)(Part::Node(id)),
            Novel::Entry(site) => {
                let [output, state, logs] = pipeline::result_names(site.value)?;
                self.datum(output)?;
                if self.known.insert(state) {
                    self.state(Some(own), state)?;
                }
                if self.known.insert(logs) { self.logs(logs) } else { Ok(()) }
            }
        })
    }

    fn logs(&mut self, root: NodeId) -> Result<(), Error> {
        tree::beyond::<Entry, Error>(self.source, None, root, &mut |novel| match novel {
            Novel::Node(id) => (self.visit)(Part::Node(id)),
            Novel::Entry(Site { key, value, .. }) => (self.visit)(Part::Content { key, entry: *value }),
        })
    }
}
