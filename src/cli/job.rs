//! `vds job`.

use std::ops::ControlFlow;

use chrono::Local;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::complaint::failure;
use super::context::{Answer, Context};
use super::logs;
use super::ran::{outcome, verdict};
use super::steer;
use crate::fault::Cause;
use crate::history;
use crate::object::PipelineName;
use crate::pipeline::job::{self, Filter, Isolation, Job, JobSource, Phase};
use crate::pipeline::{self, Which};
use crate::store::Store;
use crate::view;

/// What stands in a list where there is nothing to be told.
pub(super) const NONE: &str = "-";

/// List jobs, show one, read its log, wait for it, stop it, run it again
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List jobs, newest first
    #[command(
        after_help = "Examples:\n  vds job list settlement/ -n 20\n  vds job list --state failed --state cancelled --since '2 days ago'\n  \
                      vds job list --run 12 --json"
    )]
    List {
        #[command(flatten)]
        which: Asked,
        /// At most so many
        #[arg(short = 'n', long, value_name = "COUNT")]
        max_count: Option<usize>,
    },
    /// Show a job
    #[command(after_help = "Example:\n  vds job show 7")]
    Show {
        /// Its number
        id: u64,
    },
    /// Print what a job's datums printed
    #[command(after_help = "Examples:
  vds job logs 7
  vds job logs 7 --datum 2024/05/03 --tail 20
  vds job logs 7 -f

With -f, what a datum prints is shown in whole lines while it runs, whichever process runs the job. Where several datums run,
a line names the one that goes on. Of very much that one prints, the middle is shown when it has ended, as far as it is kept.

What is printed are the bytes of the log. Only on a terminal, what would command it is escaped.")]
    Logs(logs::Args),
    /// Stop jobs, whoever runs them; those that wait for them are skipped
    #[command(after_help = "Example:
  vds job cancel 7 8

What their datums have come to is kept, so a job that is run again does not begin anew. A process that runs one of them
stops its programs within a second.")]
    Cancel {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<u64>,
    },
    /// Run a job again that failed, was cancelled or skipped, on the same inputs
    #[command(after_help = "Example:
  vds job retry 7

It becomes a new job, in a run of its own, with the jobs that were skipped because of it. Datums that have a result are not
run again. A job whose branch has gone on since, with other inputs, is refused.")]
    Retry(steer::RetryArgs),
    /// Wait until a job has ended, running it and what it waits for if nobody does
    #[command(after_help = "Example:\n  vds job wait 7")]
    Wait {
        /// Its number
        id: u64,
    },
}

/// Which jobs to list.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Only stages whose PIPELINE/STAGE starts so
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only jobs in this state, or one of these: queued, running, succeeded, failed, skipped, cancelled or superseded
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = phases())]
    state: Vec<Phase>,
    /// Only jobs of this pipeline
    #[arg(long)]
    pipeline: Option<PipelineName>,
    /// Only jobs of this STAGE, or of this PIPELINE/STAGE
    #[arg(long)]
    stage: Option<String>,
    /// Only jobs of this branch
    #[arg(long)]
    branch: Option<String>,
    /// Only jobs of this run
    #[arg(long)]
    run: Option<u64>,
    /// Only jobs that were queued at this time or later, such as `yesterday`, `'2 hours ago'` or `2024-05-01`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

fn phases() -> impl TypedValueParser<Value = Phase> {
    let words = PossibleValuesParser::new(Phase::ALL.map(Phase::word));
    words.map(|word| Phase::ALL.into_iter().find(|phase| phase.word() == word).unwrap_or(Phase::Queued))
}

impl Asked {
    fn filter(self) -> Result<Filter, Cause> {
        let Self { prefix, state, pipeline, stage, branch, run, since } = self;
        let since = since.map(|text| history::parse_time(&text, Local::now())).transpose()?;
        let pipeline = pipeline.map(|name| name.to_string());
        Ok(Filter { prefix, pipeline, stage, branch, phases: state.into_iter().collect(), run, since })
    }
}

pub(super) fn job(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Cancel { ids } => steer::cancel(&ids, cx),
        Verb::Retry(args) => steer::retry(&args, cx),
        Verb::List { which, max_count } => {
            let most = max_count.unwrap_or(usize::MAX);
            let mut jobs = Vec::new();
            let filter = which.filter()?;
            let known = job::known(&store, &store.session()?)?;
            known.visit(store.objects(), &filter, &mut |job| {
                if jobs.len() < most {
                    jobs.push(job);
                }
                if jobs.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            if jobs.is_empty() && most > 0 {
                pipeline::check_meant(&store, &filter)?;
            }
            let views: Vec<view::Job> = jobs.iter().map(view::Job::from).collect();
            let text = || jobs.iter().map(line).collect();
            let ids = || jobs.iter().map(|job| format!("{}\n", job.id)).collect();
            cx.say(&json!({ "jobs": views }), text, ids)
        }
        Verb::Show { id } => {
            let job = load(&store, id)?;
            cx.say(&view::Job::from(&job), || show(&job), || format!("{id}\n"))
        }
        Verb::Logs(args) => logs::run(&args, cx),
        Verb::Wait { id } => wait(&store, id, cx),
    }
}

/// A job in one line: when it was begun, how long it has taken, and how many of its datums are done.
pub(super) fn line(job: &Job) -> String {
    let causes = job::in_short(&job.cause);
    let job = view::Job::from(job);
    let began = job.started.as_deref().unwrap_or(NONE);
    let took = job.milliseconds.map_or_else(|| NONE.to_owned(), view::duration);
    let done = match job.total {
        Some(total) => format!("{}/{total}", job.done),
        None if job.done > 0 => job.done.to_string(),
        None => NONE.to_owned(),
    };
    let more = [(job.reused, "reused"), (job.recovered, "recovered"), (job.failed, "failed")];
    let more =
        more.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("  {count} {what}"));
    format!(
        "{:>5}  {:<10}  {began:<25}  {took:>7}  {done:>7}  {}@{}{}  run {} for {causes}\n",
        job.id,
        job.state,
        job.stage,
        job.branch,
        more.collect::<String>(),
        job.run,
    )
}

fn show(job: &Job) -> String {
    let (view, causes) = (view::Job::from(job), job::in_short(&job.cause));
    let mut text = format!(
        "job {} of run {}\nstage {}@{}\nstate {}\ncause {causes}\nqueued {}\n",
        view.id, view.run, view.stage, view.branch, view.state, view.created
    );
    for input in &job.inputs {
        let source = match input.source {
            JobSource::Commit(commit) => commit.to_string(),
            JobSource::Job(id) => format!("output of job {id}"),
        };
        text += &format!("input {} ({}) {source}\n", input.name, input.branch);
    }
    for (what, time) in [("begun", &view.started), ("ended", &view.ended)] {
        text += &time.as_ref().map(|time| format!("{what} {time}\n")).unwrap_or_default();
    }
    if job.ended.is_some() {
        text += &format!("{}\n", outcome(job));
    } else if job.started.is_some() {
        let of = view.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let took = view.milliseconds.map(view::duration).unwrap_or_default();
        text += &format!("{} so far: {}{of} done in {took}\n", outcome(job), view.done);
    }
    text += &job.conduct.isolation.as_ref().map(isolated).unwrap_or_default();
    if let Some((read, written)) = view.bytes_read.zip(view.bytes_written) {
        text += &format!("read {}, wrote {}\n", view::bytes(read), view::bytes(written));
    }
    if let Some(output) = &view.output {
        text += &format!("output {output}\n");
    }
    if let Some(reason) = &view.reason {
        text += &format!("reason {}\n", view::line(reason));
    }
    if let Some(by) = view.superseded_by {
        text += &format!("superseded by job {by}\n");
    }
    text
}

/// Where the programs of a job found their files.
fn isolated(isolation: &Isolation) -> String {
    let word = isolation.word();
    match isolation {
        Isolation::Namespaces => format!("isolation {word}: programs had /pfs and a /tmp of their own\n"),
        Isolation::Unwanted => {
            format!("isolation {word}, as the stage says: programs had $VDS_IN and $VDS_OUT, no /pfs\n")
        }
        Isolation::Impossible(reason) => {
            format!(
                "isolation {word}: programs had $VDS_IN and $VDS_OUT, no /pfs, because {}\n",
                view::line(reason)
            )
        }
    }
}

fn wait(store: &Store, id: u64, cx: &Context) -> Answer {
    let last = || -> Result<Job, Cause> { Ok(job::last_of(store, &store.session()?, id)?) };
    let Job { id: newest, state, .. } = last()?;
    if state.is_living() {
        cx.run(store, &Which::one(newest))?;
    }
    let job = load(store, id)?;
    let verdict = verdict(&[last()?], None);
    let mut document = json!(view::Job::from(&job));
    if let (Err(cause), Some(fields)) = (&verdict, document.as_object_mut()) {
        fields.insert("error".to_owned(), failure(cause));
    }
    cx.say(&document, || show(&job), || format!("{id}\n"))?;
    verdict.map(|()| 0)
}

pub(super) fn load(store: &Store, id: u64) -> Result<Job, Cause> {
    Ok(job::load(store, &store.session()?, id)?)
}
