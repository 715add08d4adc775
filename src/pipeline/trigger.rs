//! Which jobs a change of branches causes.
//!
//! All jobs that a commit causes are queued with it, in one step, down the whole graph: a stage that reads another's
//! output waits for that job. So every stage of a run sees one consistent set of commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::changes::{self, At, Changes, InputAt};
use super::condition::Verdict;
use super::error::Error;
use super::follow::{self, Stopped};
use super::gate::Gate;
use super::job::{self, BETWEEN_CAUSES, Conduct, Datums, Job, JobInput, JobSource, Numbers, Results, State};
use super::made;
use super::order::order;
use super::pattern::Source;
use super::registry::{self, Pipeline, output_name};
use super::spec::Stage;
use super::submission::{self, Submission, Submit};
use crate::history::{self, Repo, Target};
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, ObjectRead, PipelineName, StageName};
use crate::store::Store;

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

impl Moved {
    pub(super) fn at(&self) -> At {
        (self.repo.name.clone(), self.branch.clone())
    }

    /// The cause of a job that this causes.
    fn told(&self) -> String {
        let (repo, branch) = self.at();
        Job::cause(&Target { repo, branch }, self.commit)
    }
}

/// Which jobs of several moves belong to one run. Those of a single move always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// All: the moves were made as one.
    One,
    /// Those of one output branch: the moves only come at the same time.
    ByBranch,
    /// All to the run of this number.
    Of(u64),
}

/// Which pipelines moves of branches concern.
#[derive(Debug, Clone, Copy)]
pub enum Concerned<'a> {
    /// All that read what has moved.
    All,
    /// This one; others only follow what it makes.
    Only(&'a PipelineName),
    /// This one, but for outputs that are made of their inputs already; others only follow what it makes.
    Stale(&'a PipelineName, &'a dyn ObjectRead),
}

impl<'a> Concerned<'a> {
    /// The only one that is concerned.
    fn only(self) -> Option<&'a PipelineName> {
        match self {
            Self::All => None,
            Self::Only(name) | Self::Stale(name, _) => Some(name),
        }
    }

    /// Whether it is one of them.
    fn is(self, pipeline: &Pipeline) -> bool {
        self.only().is_none_or(|only| *only == pipeline.spec.name)
    }
}

/// What moves of branches cause.
#[derive(Debug, Clone, Default)]
pub struct Caused {
    /// The jobs that are queued.
    pub jobs: Vec<Job>,
    /// The branches that followed.
    pub moved: Vec<Moved>,
    /// The branches that cannot follow.
    pub stopped: Vec<Stopped>,
}

impl Caused {
    /// Takes in what others cause.
    pub fn add(&mut self, other: Self) {
        self.jobs.extend(other.jobs);
        self.moved.extend(other.moved);
        self.stopped.extend(other.stopped);
    }
}

impl From<Vec<Job>> for Caused {
    fn from(jobs: Vec<Job>) -> Self {
        Self { jobs, ..Self::default() }
    }
}

/// Adds to `batch` what these moves cause in all pipelines, and returns it.
pub fn cause(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    moved: &[Moved],
    runs: Runs,
    origin: &Origin,
) -> Result<Caused, Error> {
    enqueue(facts, Some(store.objects()), batch, moved, Concerned::All, runs, origin)
}

/// Adds to `batch` what these moves cause, jobs and moves of branches that follow, and returns it. Where only one pipeline is
/// concerned, no branch moves. A paused pipeline gets no job. Whether a trigger lets something through is read from `objects`;
/// without them, none does.
pub fn enqueue(
    facts: &Session,
    objects: Option<&dyn ObjectRead>,
    batch: &mut Batch,
    moved: &[Moved],
    concerned: Concerned<'_>,
    runs: Runs,
    origin: &Origin,
) -> Result<Caused, Error> {
    let (all, stopped) = match (objects, concerned) {
        (Some(objects), Concerned::All) => follow::followed(facts, objects, batch, moved, origin.time)?,
        _ => (moved.to_vec(), Vec::new()),
    };
    let followed = all.get(moved.len()..).unwrap_or_default().to_vec();
    let pipelines = registry::list(facts)?;
    if pipelines.is_empty() {
        return Ok(Caused { jobs: Vec::new(), moved: followed, stopped });
    }
    let coming = all.iter().map(|moved| (moved.at(), JobSource::Commit(moved.commit))).collect();
    let ripe = match objects {
        Some(objects) => ripen(facts, objects, batch, &pipelines, &all, concerned, origin.time)?,
        None => HashMap::new(),
    };
    let jobs = queue(facts, batch, &pipelines, &all, Changes { coming, ripe }, concerned, runs, origin)?;
    Ok(Caused { jobs, moved: followed, stopped })
}

/// Adds to `batch` the jobs of the run `run` that an output which a job of it made causes: those of inputs whose trigger lets it
/// through. All others of the run are queued already.
pub(super) fn publish(
    facts: &Session,
    objects: &dyn ObjectRead,
    batch: &mut Batch,
    output: Moved,
    run: u64,
    origin: &Origin,
) -> Result<(), Error> {
    let moved = [output];
    let with_triggers = registry::with_triggers(facts)?;
    let ripe = ripen(facts, objects, batch, &with_triggers, &moved, Concerned::All, origin.time)?;
    if ripe.is_empty() {
        return Ok(());
    }
    let (pipelines, changes) = (registry::list(facts)?, Changes { ripe, ..Changes::default() });
    queue(facts, batch, &pipelines, &moved, changes, Concerned::All, Runs::Of(run), origin).map(drop)
}

/// The inputs whose trigger lets through now what has come to these branches. That is added to `batch`. Where only one pipeline is
/// concerned, inputs of it whose trigger does not are told with what they were let have last.
pub(super) fn ripen(
    facts: &Session,
    objects: &dyn ObjectRead,
    batch: &mut Batch,
    pipelines: &[Pipeline],
    moved: &[Moved],
    concerned: Concerned<'_>,
    now: i64,
) -> Result<HashMap<InputAt, CommitId>, Error> {
    let mut ripe = HashMap::new();
    for pipeline in pipelines.iter().filter(|pipeline| concerned.is(pipeline) && pipeline.is_active()) {
        for triggered in pipeline.triggers() {
            let Source { repo, branch, .. } = &triggered.leaf.source;
            for moved in moved.iter().filter(|moved| moved.repo.name == *repo && branch.covers(&moved.branch))
            {
                let Some(gate) = Gate::of(facts, pipeline, triggered, moved)? else { continue };
                let commit = if gate.judge(objects, now)? == Verdict::Holds {
                    gate.open(facts, batch, now)?;
                    Some(moved.commit)
                } else {
                    gate.taken.filter(|_| concerned.only().is_some())
                };
                ripe.extend(commit.map(|commit| (gate.at(), commit)));
            }
        }
    }
    Ok(ripe)
}

/// Adds to `batch` the jobs that these changes cause, each told to be caused by one of the moves.
#[expect(clippy::too_many_arguments, reason = "they have nothing in common but this")]
pub(super) fn queue(
    facts: &Session,
    batch: &mut Batch,
    pipelines: &[Pipeline],
    moved: &[Moved],
    mut changes: Changes,
    concerned: Concerned<'_>,
    runs: Runs,
    origin: &Origin,
) -> Result<Vec<Job>, Error> {
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let mut run_numbers: BTreeMap<Option<BranchName>, u64> = BTreeMap::new();
    let mut numbers = Numbers::read(facts)?;
    // By their places among the moves.
    let mut causes: HashMap<At, BTreeSet<usize>> =
        moved.iter().enumerate().map(|(at, moved)| (moved.at(), [at].into())).collect();
    // What these jobs will have changed.
    let mut new = Changes::default();
    let mut jobs = Vec::new();
    for (pipeline, name, stage) in order(pipelines).unwrap_or_default() {
        if !pipeline.is_active() {
            continue;
        }
        let is_meant = concerned.is(pipeline);
        let output = output_name(&pipeline.spec.name, name)?;
        for branch in changes::branches(facts, &output, stage, if is_meant { &changes } else { &new })? {
            let Some(inputs) = changes::inputs(facts, &output, stage, &branch, &changes)? else { continue };
            if let Concerned::Stale(_, objects) = concerned
                && let Some(made) = made::find(facts, objects, &output, &branch)?
                && made.is_of(pipeline, stage, &inputs)
            {
                // Those that read it may be stale all the same.
                changes.coming.insert((output.clone(), branch), JobSource::Commit(made.commit));
                continue;
            }
            let of = Some(&branch).filter(|_| runs == Runs::ByBranch && moved.len() > 1);
            let places = changes::places(stage, &branch);
            let mut from: BTreeSet<usize> =
                places.iter().filter_map(|place| causes.get(place)).flatten().copied().collect();
            if let Some(branch) = of {
                from.retain(|at| moved.get(*at).is_some_and(|moved| moved.branch == *branch));
            }
            if from.is_empty() {
                let alike = moved.iter().position(|moved| of.is_some_and(|branch| moved.branch == *branch));
                from.insert(alike.unwrap_or_default());
            }
            let run = match runs {
                Runs::Of(run) => run,
                Runs::One | Runs::ByBranch => {
                    *run_numbers.entry(of.cloned()).or_insert_with(|| numbers.run())
                }
            };
            let id = numbers.job();
            let told: Vec<String> = from.iter().filter_map(|at| moved.get(*at)).map(Moved::told).collect();
            let cause = told.join(BETWEEN_CAUSES);
            let job = job(pipeline, name, &branch, inputs, (id, run), cause, origin.time);
            job::save(batch, &job)?;
            causes.insert((output.clone(), branch.clone()), from);
            new.coming.insert((output.clone(), branch.clone()), JobSource::Job(id));
            changes.coming.insert((output.clone(), branch), JobSource::Job(id));
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
        results: Results::Reused,
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
        conduct: Conduct::default(),
    }
}

/// What a submission came to.
#[derive(Debug)]
pub enum Submitted {
    /// The pipeline as it is from now on, and the jobs that bring it to where its inputs stand.
    Made(Pipeline, Caused),
    /// The pipeline as it was: the submission says nothing else.
    Same(Pipeline),
}

/// Adds to `batch` the pipeline that the submission makes, and the jobs that bring it to where its inputs stand. Outputs that are made
/// of their inputs already get none.
pub fn submit(
    store: &Store,
    facts: &mut Session,
    batch: &mut Batch,
    submission: Submission,
    how: Submit,
    origin: &Origin,
) -> Result<Submitted, Error> {
    if how == Submit::Update
        && let Some(same) = submission::same(facts, &submission)?
    {
        return Ok(Submitted::Same(same));
    }
    let pipeline = submission::submit(store, facts, batch, submission, how, origin)?;
    let (caused, next) = facts.suppose(&batch.writes, |facts| {
        let mut next = Batch::default();
        let heads = heads(facts, &pipeline)?;
        let objects = store.objects() as &dyn ObjectRead;
        let concerned = Concerned::Stale(&pipeline.spec.name, objects);
        let caused = enqueue(facts, Some(objects), &mut next, &heads, concerned, Runs::ByBranch, origin)?;
        Ok::<_, Error>((caused, next))
    })?;
    batch.then(next);
    Ok(Submitted::Made(pipeline, caused))
}

/// Where all inputs of the pipeline that are not outputs of its stages stand now.
pub fn heads(facts: &Session, pipeline: &Pipeline) -> Result<Vec<Moved>, Error> {
    let mut moved = Vec::new();
    let mut seen = BTreeSet::new();
    for leaf in pipeline.spec.stages.values().flat_map(|stage| stage.input.leaves()) {
        let source = &leaf.source;
        let Some(repo) = history::find(facts, &source.repo)? else { continue };
        let own = repo.output_of.as_ref().is_some_and(|(name, _)| name == pipeline.spec.name.as_str());
        let own = own && leaf.clock.is_none();
        for (branch, commit) in history::branches(facts, &repo)? {
            if !own && source.branch.covers(&branch) && seen.insert((repo.id, branch.clone())) {
                moved.push(Moved { repo: repo.clone(), branch, commit });
            }
        }
    }
    Ok(moved)
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
