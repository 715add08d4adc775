//! `vds run` and `vds job`.

use serde_json::json;

use super::context::{Answer, Context, not_found, outcome, print};
use crate::content;
use crate::fault::Cause;
use crate::object::Entry;
use crate::pipeline::Which;
use crate::pipeline::job::{self, Job, JobSource, State};
use crate::store::Store;
use crate::tree::Cursor;
use crate::view;

/// Run the jobs that are queued
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds commit ticks day-3/ -m 'day 3' --no-run && vds run")]
pub(super) struct RunArgs {}

pub(super) fn run(_: &RunArgs, cx: &Context) -> Answer {
    let store = cx.store()?;
    let ended = cx.run(&store, &Which::All)?;
    let views: Vec<view::Job> = ended.iter().map(view::Job::from).collect();
    let text = || format!("{} run\n", view::count(ended.len() as u64, "job"));
    cx.say(&json!({ "jobs": views }), text, || ended.iter().map(|job| format!("{}\n", job.id)).collect());
    Ok(code(&ended))
}

fn code(jobs: &[Job]) -> u8 {
    let failed = jobs.iter().any(|job| matches!(job.state, State::Failed | State::Skipped));
    if failed { super::root::JOB_FAILED } else { 0 }
}

/// List jobs, show one, read its log, wait for it
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List jobs, newest first
    #[command(
        after_help = "Examples:\n  vds job list settlement/ -n 20\n  vds job list --state failed --json"
    )]
    List {
        /// Only stages whose PIPELINE/STAGE starts so
        #[arg(default_value = "")]
        prefix: String,
        /// Only jobs in this state: queued, running, succeeded, failed or skipped
        #[arg(long, value_parser = ["queued", "running", "succeeded", "failed", "skipped"])]
        state: Option<String>,
        /// Only jobs of this branch
        #[arg(long)]
        branch: Option<String>,
        /// At most so many
        #[arg(short = 'n', long)]
        max_count: Option<usize>,
    },
    /// Show a job
    Show {
        /// Its number
        id: u64,
    },
    /// Print what a job's datums printed
    Logs {
        /// Its number
        id: u64,
        /// Only this datum's
        #[arg(long)]
        datum: Option<String>,
    },
    /// Wait until a job has ended, running what is queued meanwhile
    Wait {
        /// Its number
        id: u64,
    },
}

pub(super) fn job(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::List { prefix, state, branch, max_count } => {
            let mut jobs = job::list(&store.session()?)?;
            jobs.reverse();
            jobs.retain(|job| {
                format!("{}/{}", job.pipeline, job.stage).starts_with(&prefix)
                    && state.as_ref().is_none_or(|state| state == job.state.word())
                    && branch.as_ref().is_none_or(|branch| *branch == job.branch)
            });
            jobs.truncate(max_count.unwrap_or(usize::MAX));
            let views: Vec<view::Job> = jobs.iter().map(view::Job::from).collect();
            let text = || {
                let line = |job: &view::Job| {
                    let counts = format!("{} processed, {} reused", job.processed, job.reused);
                    format!(
                        "{:>5}  {:<9}  {}@{}  {counts}  run {} for {}\n",
                        job.id, job.state, job.stage, job.branch, job.run, job.cause
                    )
                };
                views.iter().map(line).collect()
            };
            cx.say(&json!({ "jobs": views }), text, || {
                jobs.iter().map(|job| format!("{}\n", job.id)).collect()
            });
            Ok(0)
        }
        Verb::Show { id } => {
            let job = job::load(&store.session()?, id)?;
            cx.say(&view::Job::from(&job), || show(&job), || format!("{id}\n"));
            Ok(0)
        }
        Verb::Logs { id, datum } => logs(&store, id, datum.as_deref()),
        Verb::Wait { id } => wait(&store, id, cx),
    }
}

fn show(job: &Job) -> String {
    let view = view::Job::from(job);
    let mut text = format!(
        "job {} of run {}\nstage {}@{}\nstate {}\ncause {}\nqueued {}\n",
        view.id, view.run, view.stage, view.branch, view.state, view.cause, view.created
    );
    for input in &job.inputs {
        let source = match input.source {
            JobSource::Commit(commit) => commit.to_string(),
            JobSource::Job(id) => format!("output of job {id}"),
        };
        text += &format!("input {} ({}) {source}\n", input.name, input.branch);
    }
    if job.ended.is_some() {
        text += &format!("{}\n", outcome(job));
    }
    if let Some(output) = &view.output {
        text += &format!("output {output}\n");
    }
    if let Some(error) = &view.error {
        text += &format!("error {error}\n");
    }
    text
}

fn logs(store: &Store, id: u64, datum: Option<&str>) -> Answer {
    let job = job::load(&store.session()?, id)?;
    let Some(root) = job.logs else {
        let reason = job.error.map(|error| format!("; it says: {error}")).unwrap_or_default();
        return Err(not_found(
            format!("job {id} has no log{reason}"),
            &format!("`vds job show {id}` tells about it"),
        ));
    };
    let mut found = false;
    for item in Cursor::<Entry>::new(store.objects(), root)? {
        let (name, entry) = item?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if datum.is_some_and(|datum| datum != name) {
            continue;
        }
        found = true;
        if datum.is_none() && name != "all" {
            print(&format!("--- {name}\n"));
        }
        print(&String::from_utf8_lossy(&content::load(store.objects(), entry.blob)?));
    }
    match datum {
        Some(datum) if !found => Err(not_found(
            format!("job {id} has no datum {datum}"),
            &format!("`vds job logs {id}` prints all"),
        )),
        _ => Ok(0),
    }
}

fn wait(store: &Store, id: u64, cx: &Context) -> Answer {
    let job = load(store, id)?;
    if job.state.is_living() {
        cx.run(store, &Which::of(&[job]))?;
    }
    let job = load(store, id)?;
    cx.say(&view::Job::from(&job), || show(&job), || format!("{id}\n"));
    Ok(code(&[job]))
}

fn load(store: &Store, id: u64) -> Result<Job, Cause> {
    Ok(job::load(&store.session()?, id)?)
}
