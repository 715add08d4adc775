//! `vds run`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::answer::{Form, document};
use super::attend;
use super::complaint::{failure, not_found};
use super::context::{Answer, Context};
use super::job::{NONE, line};
use super::outlook;
use super::ran::verdict;
use super::trigger;
use crate::fault::Cause;
use crate::ledger::Session;
use crate::object::BranchName;
use crate::pipeline::follow;
use crate::pipeline::job::{self, Filter, Job, Phase, Run};
use crate::pipeline::{self, Which};
use crate::store::Store;
use crate::view;

/// Run the jobs that are queued; list, show or wait for runs
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "A run is all jobs that one commit caused.

Examples:
  vds commit ticks day-3/ -m 'day 3' --no-run
  vds run
  vds run --dry-run
  vds run --stage settlement/report --branch main
  vds run --watch
  vds run list -n 5
  vds run show 12"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Stay, and run what comes and what triggers and clocks make due, until this is ended
    #[arg(long)]
    watch: bool,
    /// Only the jobs of this stage, and what they wait for
    #[arg(long, value_name = "PIPELINE/STAGE", conflicts_with = "watch")]
    stage: Option<String>,
    /// Only the jobs of this branch, and what they wait for
    #[arg(long, conflicts_with = "watch")]
    branch: Option<BranchName>,
    /// Say which datums would run, why, and how many results would be used again; run nothing
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List runs, newest first
    #[command(after_help = "Example:\n  vds run list -n 5")]
    List {
        /// At most so many
        #[arg(short = 'n', long, value_name = "COUNT")]
        max_count: Option<usize>,
    },
    /// Show a run and its jobs
    #[command(after_help = "Example:\n  vds run show 12")]
    Show {
        /// Its number
        id: u64,
    },
    /// Wait until all jobs of a run have ended, running them if nobody does
    #[command(after_help = "Example:\n  vds run wait 12")]
    Wait {
        /// Its number
        id: u64,
    },
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    if args.verb.is_none() && !args.dry_run {
        Context::refuse_within_job(&store)?;
    }
    match args.verb {
        None if args.watch => attend::run(&store, cx),
        None if args.dry_run => {
            args.check_stage(&store.session()?)?;
            args.check_branch(&store)?;
            outlook::run(&store, |job| args.mean(job), cx)
        }
        None => {
            let which = args.which(&store)?;
            all(&store, &which, cx)
        }
        Some(Verb::List { max_count }) => list(&store, max_count.unwrap_or(usize::MAX), cx),
        Some(Verb::Show { id }) => {
            let run = load(&store, id)?;
            cx.say(&told(&run), || show(&run), || format!("{id}\n"))
        }
        Some(Verb::Wait { id }) => wait(&store, id, cx),
    }
}

impl Args {
    /// Whether the job is one of those that are asked for.
    fn mean(&self, job: &Job) -> bool {
        self.stage.as_ref().is_none_or(|stage| *stage == job.stage_name())
            && self.branch.as_ref().is_none_or(|branch| branch.as_str() == job.branch)
    }

    /// An error if the branch is a name of nothing.
    fn check_branch(&self, store: &Store) -> Result<(), Cause> {
        let Some(branch) = &self.branch else { return Ok(()) };
        let filter = Filter { branch: Some(branch.to_string()), ..Filter::default() };
        Ok(pipeline::check_meant(store, &filter)?)
    }

    /// An error if there is no such stage.
    fn check_stage(&self, facts: &Session) -> Result<(), Cause> {
        let Some(stage) = &self.stage else { return Ok(()) };
        Ok(pipeline::check_stage(facts, stage)?)
    }

    /// The jobs that are asked for, as far as they are queued.
    fn which(&self, store: &Store) -> Result<Which, Cause> {
        if self.stage.is_none() && self.branch.is_none() {
            return Ok(Which::All);
        }
        let living = {
            let facts = store.session()?;
            self.check_stage(&facts)?;
            job::living(&facts)?
        };
        self.check_branch(store)?;
        let living = living.into_iter().filter(|job| self.mean(job));
        Ok(Which::These { jobs: living.map(|job| job.id).collect(), runs: BTreeSet::new() })
    }
}

fn all(store: &Store, which: &Which, cx: &Context) -> Answer {
    let due = if *which == Which::All { pipeline::due(store, &cx.author)? } else { pipeline::Due::default() };
    trigger::moved(&due.caused.moved).lines().for_each(|line| cx.note(line));
    if *which == Which::All {
        trigger::note_stopped(&follow::stopped(store)?, cx);
    }
    let ran = cx.run(store, which);
    if cx.form == Form::Json {
        return cx.ended(document(&json!({ "moved": trigger::moves(&due.caused.moved) })), ran, None);
    }
    let ended = ran?;
    let text = || {
        let count = |phase: Phase| ended.iter().filter(|job| job.state.phase() == phase).count() as u64;
        let (well, superseded) = (count(Phase::Succeeded), count(Phase::Superseded));
        let told = |of: &[Phase]| {
            let counts = of.iter().map(|phase| (count(*phase), phase.word())).filter(|(count, _)| *count > 0);
            counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
        };
        let all = ended.len() as u64;
        match all - well - superseded {
            0 if superseded == 0 => format!("{} run\n", view::count(all, "job")),
            0 => format!("{} run, {superseded} superseded\n", view::count(well, "job")),
            _ => format!("{}: {}\n", view::count(all, "job"), told(&Phase::ALL)),
        }
    };
    cx.say(&json!({}), text, || ended.iter().map(|job| format!("{}\n", job.id)).collect())?;
    verdict(&ended, None).map(|()| 0)
}

fn list(store: &Store, most: usize, cx: &Context) -> Answer {
    let mut runs: Vec<view::Run> = Vec::new();
    let known = job::known(store, &store.session()?)?;
    known.visit_runs(store.objects(), &mut |run| {
        if runs.len() < most {
            runs.push(view::Run::from(&run));
        }
        if runs.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let line = |run: &view::Run| {
        let took = run.milliseconds.map_or_else(|| NONE.to_owned(), view::duration);
        let (id, state, created, cause) = (run.id, run.state, &run.created, job::in_short(&run.cause));
        format!("{id:>5}  {state:<10}  {created}  {took:>7}  {cause}  {}\n", run.counts())
    };
    cx.say(
        &json!({ "runs": runs }),
        || runs.iter().map(line).collect(),
        || runs.iter().map(|run| format!("{}\n", run.id)).collect(),
    )
}

fn load(store: &Store, id: u64) -> Result<Run, Cause> {
    let mut jobs = Vec::new();
    let known = job::known(store, &store.session()?)?;
    known.visit(store.objects(), &Filter { run: Some(id), ..Filter::default() }, &mut |job| {
        jobs.push(job);
        ControlFlow::Continue(())
    })?;
    jobs.reverse();
    if jobs.is_empty() {
        return Err(not_found(format!("there is no run {id}"), "`vds run list` shows what there is"));
    }
    Ok(Run { id, jobs })
}

/// The jobs of a run, or those that took their places.
fn last(store: &Store, run: &Run) -> Result<Vec<Job>, Cause> {
    let facts = store.session()?;
    Ok(run.jobs.iter().map(|job| job::last_of(store, &facts, job.id)).collect::<Result<_, _>>()?)
}

/// The document about a run and its jobs.
fn told(run: &Run) -> Value {
    let mut told = json!(view::Run::from(run));
    if let Some(fields) = told.as_object_mut() {
        let jobs: Vec<view::Job> = run.jobs.iter().map(view::Job::from).collect();
        fields.insert("jobs".to_owned(), json!(jobs));
    }
    told
}

fn show(run: &Run) -> String {
    let view = view::Run::from(run);
    let took = view.milliseconds.map(|took| format!(" in {}", view::duration(took))).unwrap_or_default();
    let head = format!(
        "run {}\nstate {}\ncause {}\nqueued {}\n{}{took}\n",
        view.id,
        view.state,
        job::in_short(&view.cause),
        view.created,
        view.counts()
    );
    run.jobs.iter().fold(head, |text, job: &Job| text + &line(job))
}

fn wait(store: &Store, id: u64, cx: &Context) -> Answer {
    let living: Vec<Job> =
        last(store, &load(store, id)?)?.into_iter().filter(|job| job.state.is_living()).collect();
    if !living.is_empty() {
        cx.run(store, &Which::of(&living))?;
    }
    let run = load(store, id)?;
    let verdict = verdict(&last(store, &run)?, None);
    let mut document = told(&run);
    if let (Err(cause), Some(fields)) = (&verdict, document.as_object_mut()) {
        fields.insert("error".to_owned(), failure(cause));
    }
    cx.say(&document, || show(&run), || format!("{id}\n"))?;
    verdict.map(|()| 0)
}
