//! What waits for the time or for a person: branches that follow others, inputs with a trigger, clocks.

use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::object::CommitId;
use crate::pipeline::clock;
use crate::pipeline::error::Error;
use crate::pipeline::follow::{self, Follow};
use crate::pipeline::gate::Gate;
use crate::pipeline::pattern::Source;
use crate::pipeline::registry::{self, Pipeline};
use crate::pipeline::trigger::Moved;

/// A branch that follows another, as it stands.
pub(super) struct Following {
    pub(super) repo: Repo,
    pub(super) follow: Follow,
    pub(super) head: Option<CommitId>,
    pub(super) source: Option<CommitId>,
}

/// All that the time may make due.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) follows: Vec<Following>,
    pub(super) gates: Vec<Gate>,
    pub(super) clocks: Vec<clock::Standing>,
}

/// All that the time may make due, as it stands.
pub(super) fn standing(facts: &Session) -> Result<Standing, Error> {
    let mut standing = Standing::default();
    if follow::is_any(facts)? {
        for repo in history::list(facts)? {
            for follow in follow::list(facts, &repo)? {
                let head = history::head(facts, &repo, &follow.branch)?;
                let source = history::head(facts, &repo, &follow.source)?;
                standing.follows.push(Following { repo: repo.clone(), follow, head, source });
            }
        }
    }
    for pipeline in registry::with_triggers(facts)?.iter().filter(|pipeline| pipeline.is_active()) {
        for (_, leaf, clock) in pipeline.clocks() {
            standing.clocks.extend(clock::standing(facts, leaf, clock)?);
        }
        standing.gates.extend(gates(facts, pipeline)?);
    }
    Ok(standing)
}

/// The inputs of the pipeline with a trigger on all branches that they read.
fn gates(facts: &Session, pipeline: &Pipeline) -> Result<Vec<Gate>, Error> {
    let mut gates = Vec::new();
    for triggered in pipeline.triggers() {
        let Source { repo, branch: read, .. } = &triggered.leaf.source;
        let Some(repo) = history::find(facts, repo)? else { continue };
        for (branch, commit) in history::branches(facts, &repo)? {
            if read.covers(&branch) {
                gates.extend(Gate::of(
                    facts,
                    pipeline,
                    triggered,
                    &Moved { repo: repo.clone(), branch, commit },
                )?);
            }
        }
    }
    Ok(gates)
}
