//! Doing what is due, or what a person says is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::standing::{Following, Standing, standing};
use crate::history::{self, Author, Target};
use crate::ledger::{Origin, OriginKind, Outcome, Session};
use crate::meta::Batch;
use crate::object::{BranchName, ObjectWrite, PipelineName, StageName};
use crate::pipeline::changes::Changes;
use crate::pipeline::clock;
use crate::pipeline::condition::Verdict;
use crate::pipeline::error::Error;
use crate::pipeline::follow;
use crate::pipeline::gate::Gate;
use crate::pipeline::job::JobSource;
use crate::pipeline::registry;
use crate::pipeline::task::TRIES;
use crate::pipeline::trigger::{self, Caused, Concerned, Moved, Runs};
use crate::store::Store;

/// What became due.
#[derive(Debug, Default)]
pub struct Due {
    /// The last operation that can be taken back: in which branches followed others, or a person let something through. `None` if there was
    /// none.
    pub operation: Option<u64>,
    /// Branches that followed others, and clocks that struck, with where they are now; and the jobs that this queued.
    pub caused: Caused,
    /// When something will be due next, in milliseconds since 1970, as far as that is known.
    pub next: Option<i64>,
}

/// Of all that, what is to be done now.
#[derive(Default)]
struct Plan {
    follows: Vec<Following>,
    gates: Vec<Gate>,
    clocks: Vec<(clock::Standing, clock::Struck)>,
    next: Option<i64>,
}

/// Whose trigger is to let through what has come, whatever its condition says.
#[derive(Debug, Clone)]
pub enum Aim {
    /// A branch that follows another.
    Branch(Target),
    /// The inputs of a stage, on this branch if one is named.
    Stage(PipelineName, StageName, Option<BranchName>),
}

/// Does what is due, and queues the jobs that this causes.
pub fn due(store: &Store, author: &Author) -> Result<Due, Error> {
    let mut due = Due::default();
    for _ in 0..TRIES {
        let standing = standing(&store.session()?)?;
        let writer = store.writer();
        let plan = plan(&writer, standing, &author.now())?;
        due.next = plan.next;
        let Some(step) = plan.first_step() else { return Ok(due) };
        writer.finish()?;
        // That a branch moved can be taken back; what a clock did cannot.
        let origin = if step.follows.is_empty() { author.housekeeping() } else { author.now() };
        due.add(carry_out(store, step, &origin)?.unwrap_or_default());
    }
    Err(Error::Raced { verb: "do what is due" })
}

/// Lets through what has come to a branch or to the inputs of a stage, and queues the jobs that this causes.
pub fn fire(store: &Store, author: &Author, aim: &Aim) -> Result<Due, Error> {
    for _ in 0..TRIES {
        let standing = standing(&store.session()?)?;
        let origin = author.now();
        let plan = match aim {
            Aim::Branch(target) => fire_branch(store, standing, target, &origin)?,
            Aim::Stage(pipeline, stage, branch) => fire_stage(standing, pipeline, stage, branch.as_ref())?,
        };
        let Some(step) = plan.first_step() else { return Ok(Due::default()) };
        if let Some(done) = carry_out(store, step, &origin)? {
            return Ok(done);
        }
    }
    Err(Error::Raced { verb: "let through what has come" })
}

fn fire_branch(store: &Store, standing: Standing, target: &Target, origin: &Origin) -> Result<Plan, Error> {
    let is_it = |following: &Following| {
        following.repo.name == target.repo && following.follow.branch == target.branch
    };
    let found = standing.follows.into_iter().find(is_it);
    let found = found.ok_or_else(|| Error::FollowsNone { branch: target.to_string() })?;
    let Following { follow, head, source, .. } = &found;
    match follow.standing(store.objects(), *head, *source, origin.time)? {
        follow::Standing::Level => Ok(Plan::default()),
        follow::Standing::Diverged => {
            Err(Error::Diverged { branch: target.clone(), source_branch: follow.source.clone() })
        }
        follow::Standing::Due | follow::Standing::Held | follow::Standing::Waits(_) => {
            Ok(Plan { follows: vec![found], ..Plan::default() })
        }
    }
}

fn fire_stage(
    standing: Standing,
    pipeline: &PipelineName,
    stage: &StageName,
    branch: Option<&BranchName>,
) -> Result<Plan, Error> {
    let is_its = |gate: &Gate| gate.pipeline == *pipeline && gate.stage == *stage;
    let is_meant = |gate: &Gate| is_its(gate) && branch.is_none_or(|branch| *branch == gate.came.branch);
    let (mut gates, others): (Vec<_>, Vec<_>) = standing.gates.into_iter().partition(is_meant);
    if gates.is_empty() {
        let is_known = others.iter().any(is_its);
        let stage = format!("{pipeline}/{stage}");
        return Err(if is_known {
            Error::NoInputOn { stage, branch: branch.map(ToString::to_string).unwrap_or_default() }
        } else {
            Error::NoTrigger { stage }
        });
    }
    gates.retain(|gate| gate.taken != Some(gate.came.commit));
    Ok(Plan { gates, ..Plan::default() })
}

impl Due {
    fn add(&mut self, step: Due) {
        self.operation = step.operation.or(self.operation);
        self.caused.add(step.caused);
    }
}

fn plan(sink: &dyn ObjectWrite, standing: Standing, origin: &Origin) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let mut nexts = Vec::new();
    for following in standing.follows {
        let Following { follow, head, source, .. } = &following;
        match follow.standing(sink, *head, *source, origin.time)? {
            follow::Standing::Due => plan.follows.push(following),
            follow::Standing::Waits(next) => nexts.extend(next),
            follow::Standing::Level | follow::Standing::Held | follow::Standing::Diverged => {}
        }
    }
    for gate in standing.gates {
        match gate.judge(sink, origin.time)? {
            Verdict::Holds => plan.gates.push(gate),
            Verdict::Not(next) => nexts.extend(next),
        }
    }
    for clock in standing.clocks {
        match clock.commit(sink, origin)? {
            Some(struck) => plan.clocks.push((clock, struck)),
            None => nexts.extend(clock.next()),
        }
    }
    plan.next = nexts.into_iter().min();
    Ok(plan)
}

impl Plan {
    /// What is to be done first, if anything is: clocks strike before others look at the branches.
    fn first_step(self) -> Option<Self> {
        if !self.clocks.is_empty() {
            return Some(Self { clocks: self.clocks, ..Self::default() });
        }
        Some(self).filter(|plan| !plan.follows.is_empty() || !plan.gates.is_empty())
    }
}

/// Does what is planned, all of it in one step; `None` if others were faster.
fn carry_out(store: &Store, plan: Plan, origin: &Origin) -> Result<Option<Due>, Error> {
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    let caused = enter(store, &facts, &mut batch, plan, origin)?;
    Ok(match facts.commit(origin, &batch)? {
        Outcome::Done { number } => {
            let operation = Some(number).filter(|_| origin.kind == OriginKind::Operation);
            Some(Due { operation, caused, next: None })
        }
        Outcome::Stale { .. } => None,
    })
}

/// Adds to `batch` what is planned.
fn enter(
    store: &Store,
    facts: &Session,
    batch: &mut Batch,
    plan: Plan,
    origin: &Origin,
) -> Result<Caused, Error> {
    let mut moved = Vec::new();
    for (clock, struck) in &plan.clocks {
        moved.push(clock.strike(batch, struck)?);
    }
    for Following { repo, follow, head, source } in plan.follows {
        history::hold(batch, &repo)?;
        follow.advance(facts, batch, &repo, [head, source], origin.time)?;
        moved.extend(source.map(|commit| Moved { repo, branch: follow.branch, commit }));
    }
    let (moved, stopped) = follow::followed(facts, store.objects(), batch, &moved, origin.time)?;
    let coming: HashMap<_, _> =
        moved.iter().map(|moved| (moved.at(), JobSource::Commit(moved.commit))).collect();
    let pipelines = registry::list(facts)?;
    // What has moved only now may be what a trigger has waited for.
    let mut ripe =
        trigger::ripen(facts, store.objects(), batch, &pipelines, &moved, Concerned::All, origin.time)?;
    let mut causes = moved.clone();
    for gate in plan.gates {
        if let Entry::Vacant(place) = ripe.entry(gate.at()) {
            gate.open(facts, batch, origin.time)?;
            place.insert(gate.came.commit);
            causes.push(gate.came);
        }
    }
    let changes = Changes { coming, ripe };
    let jobs = trigger::queue(facts, batch, &pipelines, &causes, changes, Concerned::All, Runs::One, origin)?;
    Ok(Caused { jobs, moved, stopped })
}
