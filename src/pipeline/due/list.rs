//! All triggers and clocks of a store, and what they wait for.

use super::standing::{Following, standing};
use crate::history::Target;
use crate::object::{ObjectRead, RepoName};
use crate::pipeline::condition::Verdict;
use crate::pipeline::error::Error;
use crate::pipeline::follow::{Follow, Standing};
use crate::pipeline::gate::Gate;
use crate::store::Store;

/// A trigger, or a clock.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// What it is about.
    pub what: What,
    /// When it lets something through.
    pub when: String,
    /// How it stands, in a word or two.
    pub state: &'static str,
    /// When it may let something through though nothing more comes, in milliseconds since 1970.
    pub next: Option<i64>,
}

/// What a trigger is about.
#[derive(Debug, Clone)]
pub enum What {
    /// This branch follows that other.
    Branch(Target, Target),
    /// This input of the stage `PIPELINE/STAGE` reads that branch.
    Input(String, String, Target),
    /// A clock writes to this repo.
    Clock(RepoName),
}

/// All triggers and clocks, and how they stand at the time `now` (milliseconds since 1970): branches first, then inputs, then clocks.
pub fn triggers(store: &Store, now: i64) -> Result<Vec<Trigger>, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let standing = standing(&store.session()?)?;
    let mut triggers = Vec::new();
    for Following { repo, follow, head, source } in standing.follows {
        let (state, next) = match follow.standing(objects, head, source, now)? {
            Standing::Level => ("level", None),
            Standing::Waits(next) => ("waits", next),
            Standing::Due => ("due", None),
            Standing::Held => ("held", None),
            Standing::Diverged => ("diverged", None),
        };
        let Follow { branch, source, when, .. } = follow;
        let at = |branch| Target { repo: repo.name.clone(), branch };
        triggers.push(Trigger {
            what: What::Branch(at(branch), at(source)),
            when: when.to_string(),
            state,
            next,
        });
    }
    for gate in standing.gates {
        let (state, next) = match gate.judge(objects, now)? {
            Verdict::Holds => ("due", None),
            Verdict::Not(_) if gate.taken == Some(gate.came.commit) => ("level", None),
            Verdict::Not(next) => ("waits", next),
        };
        let Gate { pipeline, stage, input, came, condition, .. } = gate;
        let read = Target { repo: came.repo.name, branch: came.branch };
        let what = What::Input(format!("{pipeline}/{stage}"), input, read);
        triggers.push(Trigger { what, when: condition.to_string(), state, next });
    }
    for clock in standing.clocks {
        let next = clock.next();
        let state = if next.is_some_and(|next| next <= now) { "due" } else { "waits" };
        triggers.push(Trigger {
            what: What::Clock(clock.repo.name.clone()),
            when: clock.when(),
            state,
            next,
        });
    }
    Ok(triggers)
}
