//! Stages run again on where their inputs stand.

use crate::history::{self, Author, Target};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, PipelineName, StageName};
use crate::store::Store;

use super::catch_up::{Again, CaughtUp, Scope, catch_up};
use super::error::Error;
use super::job::{Job, Results};
use super::registry::{self, Pipeline};
use super::task::TRIES;

/// What running again came to.
#[derive(Debug)]
pub struct Rerun {
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// The branches of outputs that are what their inputs make already.
    pub made: Vec<Target>,
}

/// Queues the stages of a pipeline again, or one that is named `PIPELINE/STAGE`, on where their inputs stand, with what follows. Where
/// known results are used, an output that is made already is left as it is, unless it might come out otherwise: of a stage that does
/// everything in every job, or with datums that were recovered.
pub fn rerun(
    store: &Store,
    author: &Author,
    what: &str,
    branch: Option<&BranchName>,
    results: Results,
) -> Result<Rerun, Error> {
    let origin = author.housekeeping();
    for _ in 0..TRIES {
        let mut facts = store.session()?;
        let (pipeline, stage) = find(&facts, what)?;
        if !pipeline.is_active() {
            return Err(Error::Paused { name: pipeline.spec.name.clone() });
        }
        let again = match results {
            Results::Reused => Again::Unsettled,
            Results::Anew => Again::Everything,
        };
        let scope = Scope { pipeline: pipeline.spec.name.clone(), stage, branch: branch.cloned(), again };
        let mut batch = Batch::default();
        let CaughtUp { jobs, made } = catch_up(&facts, store.objects(), &mut batch, &scope, &origin)?;
        if jobs.is_empty() && made.is_empty() && branch.is_some() {
            let branch = branch.map(ToString::to_string).unwrap_or_default();
            return Err(Error::NoBranch { what: what.to_owned(), branch });
        }
        if jobs.is_empty() {
            return Ok(Rerun { jobs, made });
        }
        if let Outcome::Done { .. } = facts.commit(&origin, &batch)? {
            return Ok(Rerun { jobs, made });
        }
    }
    Err(Error::Raced { verb: "queue the stages again" })
}

/// An error unless there is a stage of this name, `PIPELINE/STAGE`.
pub fn check_stage(facts: &Session, name: &str) -> Result<(), Error> {
    match find(facts, name)? {
        (_, Some(_)) => Ok(()),
        (pipeline, None) => Err(Error::NoStage { pipeline: pipeline.spec.name.clone() }),
    }
}

/// The pipeline that is meant, and the stage, if one is.
fn find(facts: &Session, what: &str) -> Result<(Pipeline, Option<StageName>), Error> {
    let name: PipelineName = what.parse().map_err(history::Error::from)?;
    Ok(match (registry::find(facts, &name)?, what.rsplit_once('/')) {
        (Some(pipeline), _) => (pipeline, None),
        (None, Some((of, stage))) => {
            let pipeline = registry::load(facts, &of.parse().map_err(history::Error::from)?)?;
            let stage: StageName = stage.parse().map_err(history::Error::from)?;
            if !pipeline.spec.stages.contains_key(&stage) {
                let names = pipeline.spec.stages.keys().map(|stage| format!("{of}/{stage}"));
                let near = history::nearest(what, names);
                return Err(Error::NoSuch {
                    noun: "stage",
                    name: what.to_owned(),
                    near,
                    list: "vds pipeline list",
                });
            }
            (pipeline, Some(stage))
        }
        (None, None) => return Err(registry::unknown(facts, &name)),
    })
}
