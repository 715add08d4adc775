//! What waits for the time or for a person: branches that follow others, inputs with a trigger, clocks.

use crate::history::{self, Repo};
use crate::ledger::Session;
use crate::object::{BranchName, CommitId, ObjectRead, PipelineName, StageName};
use crate::pipeline::clock;
use crate::pipeline::condition::{Condition, News, Verdict};
use crate::pipeline::error::Error;
use crate::pipeline::follow::{self, Follow};
use crate::pipeline::pattern::PathPattern;
use crate::pipeline::registry::{self, Pipeline, output_name};
use crate::pipeline::taken::Place;

/// A branch that follows another, as it stands.
pub(super) struct Following {
    pub(super) repo: Repo,
    pub(super) follow: Follow,
    pub(super) head: Option<CommitId>,
    pub(super) source: Option<CommitId>,
}

/// An input with a trigger, as it stands.
pub(super) struct Input {
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) output: Repo,
    pub(super) source: Repo,
    pub(super) name: String,
    pub(super) branch: BranchName,
    pub(super) glob: PathPattern,
    pub(super) condition: Condition,
    pub(super) since: i64,
    pub(super) taken: Option<CommitId>,
    pub(super) head: CommitId,
}

/// All that the time may make due.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) follows: Vec<Following>,
    pub(super) inputs: Vec<Input>,
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
        standing.inputs.extend(inputs(facts, pipeline)?);
    }
    Ok(standing)
}

/// The inputs of the pipeline with a trigger on all branches that they read.
fn inputs(facts: &Session, pipeline: &Pipeline) -> Result<Vec<Input>, Error> {
    let mut inputs = Vec::new();
    for (stage, leaf, condition) in pipeline.triggers() {
        let output = history::find(facts, &output_name(&pipeline.spec.name, stage)?)?;
        let source = history::find(facts, &leaf.source.repo)?;
        let Some((output, source)) = output.zip(source) else { continue };
        for (branch, head) in history::branches(facts, &source)? {
            if !leaf.source.branch.covers(&branch) {
                continue;
            }
            let place = Place { output: &output, source: &source, input: &leaf.name, branch: &branch };
            let taken = place.load(facts)?;
            inputs.push(Input {
                pipeline: pipeline.spec.name.clone(),
                stage: stage.clone(),
                name: leaf.name.clone(),
                branch,
                glob: leaf.source.glob.clone(),
                condition: condition.clone(),
                since: taken.map_or(pipeline.record.updated, |taken| taken.since),
                taken: taken.map(|taken| taken.commit),
                head,
                output: output.clone(),
                source: source.clone(),
            });
        }
    }
    Ok(inputs)
}

impl Input {
    /// Whether its trigger lets through what has come.
    pub(super) fn judge(&self, objects: &dyn ObjectRead, now: i64) -> Result<Verdict, Error> {
        let Self { taken, head, ref glob, since, .. } = *self;
        let news = News { objects, taken, head, glob: Some(glob), since, now };
        news.judge(&self.condition)
    }
}
