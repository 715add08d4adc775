//! What bringing changes onto a branch would come to, found out without changing anything.

use super::chosen::Chosen;
use super::error::Error;
use super::run::{Combined, Integrated, Outcome, Planned, first_of, plan, tally, unchanged};
use super::sides::{Action, Bench, Request, apply};
use crate::change;
use crate::draft::Tally;
use crate::history::{self, Author, Target};
use crate::object::{CommitId, NodeId, ObjectWrite};
use crate::pipeline::{self, Foreseen, trigger::Moved};
use crate::store::Store;

/// What would come of it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What, without an operation and jobs.
    pub outcome: Outcome,
    /// The stages that would run; `None` with conflicts, of which it depends.
    pub stages: Option<Vec<Foreseen>>,
}

/// Finds out what `request` would come to.
pub fn foresee(store: &Store, author: &Author, target: &Target, request: &Request) -> Result<Preview, Error> {
    let sink = store.rehearsal();
    let base = change::open(store, target, &sink)?;
    let theirs = request.action.commit();
    let bench = Bench { sink: &sink, tmp: store.tmp() };
    let planned = if let Some(head) = base.head {
        plan(&bench, target, head, request, &Chosen::default())?
    } else {
        first_of(store, &base, request, None)?;
        Planned::Forward
    };
    let head = base.head.unwrap_or(theirs);
    let stages = |commit: CommitId, tree: NodeId| -> Result<Vec<Foreseen>, Error> {
        let moved = Moved { repo: base.repo.clone(), branch: base.branch.clone(), commit };
        let sink: &dyn ObjectWrite = &sink;
        Ok(pipeline::foresee(store, sink, author, &moved, base.head, tree)?)
    };
    Ok(match planned {
        Planned::Nothing => {
            Preview { outcome: unchanged(Integrated::Nothing, head), stages: Some(Vec::new()) }
        }
        Planned::Forward => {
            let tree = history::load_whole(&sink, theirs)?.tree;
            let tally = tally(&sink, &base, theirs)?;
            let outcome = Outcome { tally, ..unchanged(Integrated::Forwarded, theirs) };
            Preview { outcome, stages: Some(stages(theirs, tree)?) }
        }
        Planned::Combined(combined) => {
            let Combined { sides, edits, settled, followed, parted, left, .. } = *combined;
            let (tree, tally) = apply(&sink, sides.trees.ours, edits)?;
            let is_merge = matches!(request.action, Action::Merge { .. });
            let came = match () {
                () if !left.is_empty() => Integrated::Conflicted,
                () if tally == Tally::default() && !is_merge => Integrated::Nothing,
                () => Integrated::Made,
            };
            // The commit does not exist, so it has an id that none can have.
            let stages = match came {
                Integrated::Made => Some(stages(CommitId::of(b""), tree)?),
                Integrated::Conflicted => None,
                Integrated::Nothing | Integrated::Forwarded => Some(Vec::new()),
            };
            let ends = Some(sides.ends);
            let unchanged = unchanged(came, head);
            let outcome = Outcome { ends, tally, settled, followed, parted, conflicts: left, ..unchanged };
            Preview { outcome, stages }
        }
    })
}
