//! Which jobs a change of branches causes.
//!
//! All jobs that a commit causes are queued with it, in one step, down the whole graph: a stage that reads another's
//! output waits for that job. So every stage of a run sees one consistent set of commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::Error;
use super::job::{self, Datums, Job, JobInput, JobSource, Numbers, State};
use super::pattern::BranchPattern;
use super::registry::{self, Pipeline, Standing, output_name};
use super::spec::Stage;
use crate::history::{self, Repo, Target};
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, PipelineName, RepoName, StageName};

/// A branch that has a new commit.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The repo.
    pub repo: Repo,
    /// The branch.
    pub branch: BranchName,
    /// Its new commit.
    pub commit: CommitId,
}

/// A stage and its pipeline.
pub(super) type Node<'a> = (&'a Pipeline, &'a StageName, &'a Stage);

/// All stages of all pipelines, each after those whose output it reads; or else those that wait for each other.
pub(super) fn order(pipelines: &[Pipeline]) -> Result<Vec<Node<'_>>, Vec<Node<'_>>> {
    let mut left: Vec<Node<'_>> = Vec::new();
    for pipeline in pipelines {
        left.extend(pipeline.spec.stages.iter().map(|(name, stage)| (pipeline, name, stage)));
    }
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let outputs: BTreeSet<RepoName> = left
            .iter()
            .filter_map(|(pipeline, stage, _)| output_name(&pipeline.spec.name, stage).ok())
            .collect();
        let waits =
            |stage: &Stage| stage.input.sources().iter().any(|(_, source)| outputs.contains(&source.repo));
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, _, stage)| !waits(stage));
        if now.is_empty() {
            return Err(circle(later));
        }
        ordered.extend(now);
        left = later;
    }
    Ok(ordered)
}

/// Of stages none of which can be the first, those in circles, without those that only wait for such.
fn circle(mut left: Vec<Node<'_>>) -> Vec<Node<'_>> {
    loop {
        let is_read = |(pipeline, name, _): &Node<'_>| {
            let reads = |stage: &Stage| {
                let sources = stage.input.sources();
                sources.iter().any(|(_, source)| registry::is_output(&source.repo, &pipeline.spec.name, name))
            };
            left.iter().any(|(_, _, stage)| reads(stage))
        };
        let read: Vec<Node<'_>> = left.iter().copied().filter(is_read).collect();
        if read.len() == left.len() {
            return read;
        }
        left = read;
    }
}

/// Which jobs of several moves belong to one run. Those of a single move always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// All: the moves were made as one.
    One,
    /// Those of one output branch: the moves only come at the same time.
    ByBranch,
}

/// Adds to `batch` the jobs that these moves cause, and returns them. With `only`, other pipelines only follow
/// what that one makes. A paused pipeline gets none.
pub fn enqueue(
    facts: &Session,
    batch: &mut Batch,
    moved: &[Moved],
    only: Option<&PipelineName>,
    runs: Runs,
    origin: &Origin,
) -> Result<Vec<Job>, Error> {
    let pipelines = registry::list(facts)?;
    let Some(first) = moved.first() else { return Ok(Vec::new()) };
    if pipelines.is_empty() {
        return Ok(Vec::new());
    }
    let mut run_numbers: BTreeMap<Option<BranchName>, u64> = BTreeMap::new();
    let mut numbers = Numbers::read(facts)?;
    let mut sources: HashMap<(RepoName, BranchName), JobSource> = moved
        .iter()
        .map(|moved| ((moved.repo.name.clone(), moved.branch.clone()), JobSource::Commit(moved.commit)))
        .collect();
    let mut causes: HashMap<(RepoName, BranchName), &Moved> =
        moved.iter().map(|moved| ((moved.repo.name.clone(), moved.branch.clone()), moved)).collect();
    // What these jobs will have changed.
    let mut made: HashMap<(RepoName, BranchName), JobSource> = HashMap::new();
    let mut jobs = Vec::new();
    for (pipeline, name, stage) in order(&pipelines).unwrap_or_default() {
        if pipeline.record.standing == Standing::Paused {
            continue;
        }
        let is_meant = only.is_none_or(|only| *only == pipeline.spec.name);
        let output = output_name(&pipeline.spec.name, name)?;
        for branch in branches(facts, stage, if is_meant { &sources } else { &made })? {
            let Some(inputs) = inputs(facts, stage, &branch, &sources)? else { continue };
            let of = Some(&branch).filter(|_| runs == Runs::ByBranch && moved.len() > 1);
            let cause = match of {
                Some(branch) => moved.iter().find(|moved| moved.branch == *branch),
                None => places(stage, &branch).iter().find_map(|place| causes.get(place).copied()),
            };
            let from = cause.unwrap_or(first);
            let target = Target { repo: from.repo.name.clone(), branch: from.branch.clone() };
            let run = *run_numbers.entry(of.cloned()).or_insert_with(|| numbers.run());
            let id = numbers.job();
            let cause = Job::cause(&target, from.commit);
            let job = job(pipeline, name, &branch, inputs, (id, run), cause, origin.time);
            job::save(batch, &job)?;
            causes.insert((output.clone(), branch.clone()), from);
            made.insert((output.clone(), branch.clone()), JobSource::Job(id));
            sources.insert((output.clone(), branch), JobSource::Job(id));
            jobs.push(job);
        }
    }
    if !jobs.is_empty() {
        numbers.save(batch);
    }
    Ok(jobs)
}

/// A new job, by its number and that of its run.
pub(super) fn job(
    pipeline: &Pipeline,
    stage: &StageName,
    branch: &BranchName,
    inputs: Vec<JobInput>,
    (id, run): (u64, u64),
    cause: String,
    created: i64,
) -> Job {
    Job {
        id,
        run,
        pipeline: pipeline.spec.name.to_string(),
        version: pipeline.record.version,
        stage: stage.to_string(),
        branch: branch.to_string(),
        inputs,
        cause,
        state: State::Queued,
        created,
        started: None,
        ended: None,
        datums: Datums::default(),
        output: None,
        error: None,
        logs: None,
        bytes: None,
        report: None,
    }
}

/// Where all inputs of the pipeline that are not its own outputs stand now.
pub fn heads(facts: &Session, pipeline: &Pipeline) -> Result<Vec<Moved>, Error> {
    let mut moved = Vec::new();
    let mut seen = BTreeSet::new();
    for (_, source) in pipeline.spec.stages.values().flat_map(|stage| stage.input.sources()) {
        let Some(repo) = history::find(facts, &source.repo)? else { continue };
        let own = repo.output_of.as_ref().is_some_and(|(name, _)| name == pipeline.spec.name.as_str());
        for (branch, commit) in history::branches(facts, &repo)? {
            if !own && source.branch.covers(&branch) && seen.insert((repo.id, branch.clone())) {
                moved.push(Moved { repo: repo.clone(), branch, commit });
            }
        }
    }
    Ok(moved)
}

/// The output branches of a stage that the changed sources concern.
pub(super) fn branches(
    facts: &Session,
    stage: &Stage,
    changed: &HashMap<(RepoName, BranchName), JobSource>,
) -> Result<BTreeSet<BranchName>, Error> {
    let sources = stage.input.sources();
    let mut concerned = BTreeSet::new();
    for (_, source) in &sources {
        let hits =
            changed.keys().filter(|(repo, branch)| *repo == source.repo && source.branch.covers(branch));
        match &source.branch {
            BranchPattern::Any(_) => concerned.extend(hits.map(|(_, branch)| branch.clone())),
            BranchPattern::Exact(_) if hits.count() == 0 => {}
            BranchPattern::Exact(_) => concerned.extend(all_branches(facts, stage, changed)?),
        }
    }
    Ok(concerned)
}

/// Every branch that a stage has output for: those that its patterns match, or the one its first source names.
pub(super) fn all_branches(
    facts: &Session,
    stage: &Stage,
    changed: &HashMap<(RepoName, BranchName), JobSource>,
) -> Result<BTreeSet<BranchName>, Error> {
    let mut all = BTreeSet::new();
    let mut fixed = None;
    for (_, source) in stage.input.sources() {
        match &source.branch {
            BranchPattern::Exact(name) => fixed = fixed.or_else(|| Some(name.clone())),
            BranchPattern::Any(_) => {
                let coming =
                    changed.keys().filter(|(repo, _)| *repo == source.repo).map(|(_, branch)| branch.clone());
                all.extend(coming.filter(|branch| source.branch.covers(branch)));
                if let Some(repo) = history::find(facts, &source.repo)? {
                    let heads = history::branches(facts, &repo)?.into_iter().map(|(branch, _)| branch);
                    all.extend(heads.filter(|branch| source.branch.covers(branch)));
                }
            }
        }
    }
    let patterns =
        stage.input.sources().iter().any(|(_, source)| matches!(source.branch, BranchPattern::Any(_)));
    if !patterns {
        all.extend(fixed);
    }
    Ok(all)
}

/// The branches that the stage reads for its output branch `branch`.
fn places(stage: &Stage, branch: &BranchName) -> Vec<(RepoName, BranchName)> {
    let of = |pattern: &BranchPattern| match pattern {
        BranchPattern::Exact(name) => name.clone(),
        BranchPattern::Any(_) => branch.clone(),
    };
    stage.input.sources().iter().map(|(_, source)| (source.repo.clone(), of(&source.branch))).collect()
}

/// An error unless the stage still reads what the job does: an update may have given it other inputs.
pub(super) fn check_reads(facts: &Session, stage: &Stage, job: &Job) -> Result<(), Error> {
    let sources = stage.input.sources();
    let mut same = sources.len() == job.inputs.len();
    for ((name, source), input) in sources.into_iter().zip(&job.inputs) {
        let repo = history::find(facts, &source.repo)?;
        same &= name == input.name && repo.is_some_and(|repo| repo.id == input.repo);
    }
    if same { Ok(()) } else { Err(Error::StageChanged { stage: job.stage_name() }) }
}

/// What the stage reads for its output branch `branch`; `None` while an input has no commit.
pub(super) fn inputs(
    facts: &Session,
    stage: &Stage,
    branch: &BranchName,
    changed: &HashMap<(RepoName, BranchName), JobSource>,
) -> Result<Option<Vec<JobInput>>, Error> {
    let mut inputs = Vec::new();
    for (name, source) in stage.input.sources() {
        let branch = match &source.branch {
            BranchPattern::Exact(name) => name.clone(),
            BranchPattern::Any(glob) if glob.is_match(branch.as_str()) => branch.clone(),
            BranchPattern::Any(_) => return Ok(None),
        };
        let Some(repo) = history::find(facts, &source.repo)? else { return Ok(None) };
        let coming = changed.get(&(source.repo.clone(), branch.clone())).copied();
        let found = match coming {
            Some(source) => Some(source),
            None => history::head(facts, &repo, &branch)?.map(JobSource::Commit),
        };
        let Some(source) = found else { return Ok(None) };
        inputs.push(JobInput { name: name.to_owned(), repo: repo.id, branch: branch.to_string(), source });
    }
    Ok(Some(inputs))
}
