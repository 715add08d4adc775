//! Finding jobs by what a person asks for, at the cost of those that are shown.
//!
//! Jobs in the archive are listed under every combination of their stage, branch and state, newest first, and under their run. A
//! question is answered from the lists that fit it, several merged by number, so that nothing is read that does not fit.

use std::collections::{BTreeSet, BinaryHeap};
use std::ops::ControlFlow;

use super::phase::Phase;
use super::record::{Job, last_number, newest_first};
use crate::object::{NodeId, ObjectRead};
use crate::pipeline::Error;
use crate::tree::{Cursor, Raw};

/// Jobs may come to be numbered a little later than they say they were made, in milliseconds.
const SLACK: i64 = 60_000;

/// The parts of a combination.
const STAGE: u8 = 1;
const BRANCH: u8 = 2;
const STATE: u8 = 4;

/// Which jobs are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those whose `PIPELINE/STAGE` starts so.
    pub prefix: String,
    /// Those of this pipeline.
    pub pipeline: Option<String>,
    /// Those of stages of this name, or of this one `PIPELINE/STAGE`.
    pub stage: Option<String>,
    /// Those of this branch.
    pub branch: Option<String>,
    /// Those in one of these states; all, if there are none.
    pub phases: BTreeSet<Phase>,
    /// Those of this run.
    pub run: Option<u64>,
    /// Those that were queued at this time or later, in milliseconds since 1970.
    pub since: Option<i64>,
}

impl Filter {
    /// Those of one stage.
    pub fn stage(name: String) -> Self {
        Self { stage: Some(name), ..Self::default() }
    }

    /// Whether stages are asked for by name.
    fn names_stages(&self) -> bool {
        !self.prefix.is_empty() || self.pipeline.is_some() || self.stage.is_some()
    }

    /// What the names of all stages start with that are asked for.
    fn start(&self) -> String {
        match (&self.stage, &self.pipeline) {
            (Some(stage), _) if stage.contains('/') => stage.clone(),
            (_, Some(pipeline)) => format!("{pipeline}/"),
            _ => self.prefix.clone(),
        }
    }

    fn wants_stage(&self, name: &str) -> bool {
        let (pipeline, stage) = name.rsplit_once('/').unwrap_or_default();
        name.starts_with(&self.prefix)
            && self.pipeline.as_ref().is_none_or(|wanted| wanted == pipeline)
            && self.stage.as_ref().is_none_or(|wanted| wanted == stage || wanted == name)
    }

    /// Whether the job is one of those.
    pub(super) fn wants(&self, job: &Job) -> bool {
        self.wants_stage(&job.stage_name())
            && self.branch.as_ref().is_none_or(|branch| *branch == job.branch)
            && (self.phases.is_empty() || self.phases.contains(&job.state.phase()))
            && self.run.is_none_or(|run| run == job.run)
            && self.since.is_none_or(|since| job.created >= since)
    }

    /// Whether no job that is older than this one can be one of those.
    pub(super) fn ends_at(&self, job: &Job) -> bool {
        self.since.is_some_and(|since| job.created < since.saturating_sub(SLACK))
    }
}

/// With this the key of a job begins.
pub(super) const JOB: &[u8] = b"j";

/// The key of a job; newer ones come first.
pub(super) fn job_key(id: u64) -> Vec<u8> {
    [JOB, &newest_first(id)].concat()
}

/// The key of a job in the list of its run; newer runs come first.
fn run_key(run: u64, id: u64) -> Vec<u8> {
    [run_list(run).as_slice(), &newest_first(id)].concat()
}

fn run_list(run: u64) -> Vec<u8> {
    [b"r".as_slice(), &newest_first(run)].concat()
}

/// What the list of a combination is called.
fn list(stage: Option<&str>, branch: Option<&str>, phase: Option<Phase>) -> Vec<u8> {
    let parts = [(STAGE, stage.is_some()), (BRANCH, branch.is_some()), (STATE, phase.is_some())];
    let mut key = vec![b'i', parts.iter().filter(|(_, is_in)| *is_in).map(|(part, _)| part).sum()];
    for name in [stage, branch].into_iter().flatten() {
        key.extend(name.bytes().chain([0]));
    }
    key.extend(phase.map(Phase::number));
    key
}

/// The keys of all lists that a job is in.
pub(super) fn keys(job: &Job) -> Vec<Vec<u8>> {
    let (stage, branch, phase) = (job.stage_name(), job.branch.as_str(), job.state.phase());
    let listed = (STAGE..=STAGE | BRANCH | STATE).map(|parts| {
        let has = |part| parts & part != 0;
        let list = list(
            Some(stage.as_str()).filter(|_| has(STAGE)),
            Some(branch).filter(|_| has(BRANCH)),
            Some(phase).filter(|_| has(STATE)),
        );
        [list.as_slice(), &newest_first(job.id)].concat()
    });
    listed.chain([run_key(job.run, job.id)]).collect()
}

/// The numbers of the jobs in the archive `map` that may be those asked for, newest first, until `visit` has had enough.
pub(super) fn candidates(
    objects: &dyn ObjectRead,
    map: NodeId,
    filter: &Filter,
    visit: &mut dyn FnMut(u64) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut cursors = Vec::new();
    for list in lists(objects, map, filter)? {
        let mut cursor = Cursor::<Raw>::new(objects, map)?;
        cursor.seek(&list)?;
        cursors.push((list, cursor));
    }
    let mut heads = BinaryHeap::new();
    for (at, (list, cursor)) in cursors.iter_mut().enumerate() {
        heads.extend(step(list, cursor)?.map(|id| (id, at)));
    }
    while let Some((id, at)) = heads.pop() {
        if visit(id)?.is_break() {
            break;
        }
        if let Some((list, cursor)) = cursors.get_mut(at) {
            heads.extend(step(list, cursor)?.map(|id| (id, at)));
        }
    }
    Ok(())
}

/// The next number in a list.
fn step(list: &[u8], cursor: &mut Cursor<'_, Raw>) -> Result<Option<u64>, Error> {
    if !cursor.peek()?.is_some_and(|key| key.starts_with(list)) {
        return Ok(None);
    }
    Ok(cursor.next().transpose()?.and_then(|(key, _)| last_number(&key)))
}

/// The lists that together have all jobs that are asked for, and as few others as lists can tell apart.
fn lists(objects: &dyn ObjectRead, map: NodeId, filter: &Filter) -> Result<Vec<Vec<u8>>, Error> {
    if let Some(run) = filter.run {
        return Ok(vec![run_list(run)]);
    }
    let phases: Vec<Option<Phase>> = match filter.phases.len() {
        0 => vec![None],
        _ => filter.phases.iter().copied().map(Some).collect(),
    };
    let branch = filter.branch.as_deref();
    if !filter.names_stages() {
        let all = filter.phases.is_empty() && branch.is_none();
        let list = |phase| if all { b"j".to_vec() } else { list(None, branch, phase) };
        return Ok(phases.into_iter().map(list).collect());
    }
    let mut lists = Vec::new();
    for stage in stages(objects, map, filter)? {
        lists.extend(phases.iter().map(|phase| list(Some(&stage), branch, *phase)));
    }
    Ok(lists)
}

/// The names of the stages that are asked for and have jobs. What one stage has is passed over.
fn stages(objects: &dyn ObjectRead, map: NodeId, filter: &Filter) -> Result<Vec<String>, Error> {
    let start = [b"i", [STAGE].as_slice(), filter.start().as_bytes()].concat();
    let mut stages = Vec::new();
    let mut cursor = Cursor::<Raw>::new(objects, map)?;
    cursor.seek(&start)?;
    while let Some(key) = cursor.peek()?.filter(|key| key.starts_with(&start)) {
        let name = key.get(2..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        // No name goes on with a byte as small as 1.
        let past = [b"i", [STAGE].as_slice(), name.as_bytes(), &[1]].concat();
        if filter.wants_stage(&name) {
            stages.push(name);
        }
        cursor.seek(&past)?;
    }
    Ok(stages)
}

/// The numbers of the newest run in the archive that is older than `before`, and of its jobs, newest first.
pub(super) fn run_before(
    objects: &dyn ObjectRead,
    map: NodeId,
    before: Option<u64>,
) -> Result<Option<(u64, Vec<u64>)>, Error> {
    let start = match before.map(|before| before.checked_sub(1)) {
        None => b"r".to_vec(),
        Some(Some(newest)) => run_list(newest),
        Some(None) => return Ok(None),
    };
    let mut cursor = Cursor::<Raw>::new(objects, map)?;
    cursor.seek(&start)?;
    let Some(run) = cursor.peek()?.filter(|key| key.starts_with(b"r")).and_then(|key| key.get(..9)) else {
        return Ok(None);
    };
    let list = run.to_vec();
    let mut ids = Vec::new();
    while let Some(id) = step(&list, &mut cursor)? {
        ids.push(id);
    }
    Ok(last_number(&list).map(|run| (run, ids)))
}
