//! `vds trigger`.

use serde_json::{Value, json};

use super::answer::document;
use super::complaint::usage;
use super::context::{Answer, Context, Made};
use crate::amount::{Size, Span};
use crate::fault::Cause;
use crate::history::{self, Target};
use crate::object::{BranchName, PipelineName, RepoName, StageName};
use crate::pipeline::condition::{Condition, Schedule, zone};
use crate::pipeline::follow::{self, Stopped};
use crate::pipeline::pattern::PathPattern;
use crate::pipeline::trigger::{Caused, Moved};
use crate::pipeline::{self, Aim, Trigger, What};
use crate::store::Store;
use crate::view;

/// Let a branch follow another when something has come to it; list triggers and clocks
///
/// A branch that follows another moves to where that one stands when the trigger lets it: work is committed to the one, and
/// what the pipelines read is the other. It moves with the commit that fulfils the trigger; where only time is wanting, the next
/// `vds run` moves it. Inputs of stages have triggers too, and clocks: see docs/pipelines.md.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List triggers and clocks, with what they wait for
    #[command(after_help = "Example:\n  vds trigger list")]
    List,
    /// Let a branch follow another of its repo from now on
    #[command(after_help = "Examples:
  vds trigger set ticks@main staging
  vds trigger set ticks@main staging --commits 10 --quiet-for 5m
  vds trigger set ticks@main staging --cron '0 18 * * 1-5' --tz Europe/Berlin
  vds trigger set ticks@main staging --glob '/**/done' --size 1GiB --all")]
    Set {
        /// REPO@BRANCH that follows; it need not be there yet
        target: Target,
        /// The branch that it follows
        #[arg(value_name = "BRANCH")]
        source: BranchName,
        #[command(flatten)]
        when: Box<When>,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// Let a branch follow none from now on; it stays where it is
    #[command(after_help = "Example:\n  vds trigger remove ticks@main")]
    Remove {
        /// REPO@BRANCH
        target: Target,
    },
    /// Let through now what has come, whatever the trigger waits for
    #[command(after_help = "Examples:
  vds trigger fire ticks@main
  vds trigger fire --stage desk/report
  vds trigger fire --stage desk/report --branch feature/x")]
    Fire {
        /// REPO@BRANCH that follows another
        #[arg(required_unless_present = "stage", conflicts_with = "stage")]
        target: Option<Target>,
        /// The inputs of this stage, PIPELINE/STAGE
        #[arg(long, value_name = "PIPELINE/STAGE")]
        stage: Option<RepoName>,
        /// Only what has come to this branch
        #[arg(long, requires = "stage")]
        branch: Option<BranchName>,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
}

/// When a branch that follows another moves. Without any, with each commit.
#[derive(Debug, clap::Args)]
pub(super) struct When {
    /// So many commits have come
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    commits: Option<u64>,
    /// So many files were added or changed
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    files: Option<u64>,
    /// The files that were added or changed have so many bytes: 500MB, 2GiB
    #[arg(long)]
    size: Option<Size>,
    /// Nothing has come for such a time: 30s, 10m, 2h
    #[arg(long, value_name = "TIME")]
    quiet_for: Option<Span>,
    /// A moment has passed: '0 18 * * 1-5' (minute, hour, day, month, day of the week), '@daily', '@every 10m'
    #[arg(long, value_name = "SCHEDULE")]
    cron: Option<String>,
    /// The time zone of --cron [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    tz: Option<String>,
    /// A path that the pattern covers was added or changed
    #[arg(long, value_name = "PATTERN")]
    glob: Option<PathPattern>,
    /// What is there differs: a commit that changes nothing is not enough
    #[arg(long)]
    changed: bool,
    /// Only when `vds trigger fire` says so
    #[arg(long)]
    manual: bool,
    /// All of these must hold, not one of them
    #[arg(long)]
    all: bool,
}

impl When {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        let Self { commits, files, size, quiet_for, cron, tz: _, glob, changed, manual, all } = self;
        let amounts = commits.is_none() && files.is_none() && size.is_none();
        let times = quiet_for.is_none() && cron.is_none();
        amounts && times && glob.is_none() && !(*changed || *manual || *all)
    }

    /// The condition.
    pub(super) fn condition(&self) -> Result<Condition, Cause> {
        let wrong = |message: String| usage(message, "`vds trigger set --help` shows examples");
        let zone = self.tz.as_deref().map(zone).transpose().map_err(wrong)?;
        let cron = self.cron.as_deref().map(|cron| Schedule::new(cron, zone)).transpose().map_err(wrong)?;
        let given = [
            self.commits.map(Condition::Commits),
            self.files.map(Condition::Files),
            self.size.map(Condition::Size),
            self.quiet_for.map(Condition::Quiet),
            cron.map(Condition::Cron),
            self.glob.clone().map(Condition::Glob),
            self.changed.then_some(Condition::Changed),
            self.manual.then_some(Condition::Manual),
        ];
        let mut given: Vec<Condition> = given.into_iter().flatten().collect();
        Ok(match (given.len(), self.all) {
            (0 | 1, true) => return Err(wrong("--all is about several conditions".to_owned())),
            (0, false) => Condition::Commits(1),
            (1, false) => given.remove(0),
            (_, true) => Condition::All(given),
            (_, false) => Condition::Any(given),
        })
    }
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::List => list(&store, cx),
        Verb::Set { target, source, when, no_run } => {
            let condition = when.condition()?;
            let text = format!("{target} follows {source}: {condition}\n");
            let operation = follow::follow(&store, &cx.author, &target, source.clone(), condition.clone())?;
            let (when, caused) = (&condition, Caused::default());
            let set = Set { target: &target, source: &source, when, operation, text, caused };
            tell(&store, set, no_run, cx)
        }
        Verb::Remove { target } => {
            let operation = follow::unfollow(&store, &cx.author, &target)?;
            let text = format!("{target} follows none\n");
            let document = document(&json!({ "branch": target.to_string() }));
            let quiet = format!("{target}\n");
            cx.changed(Made {
                document,
                text,
                quiet,
                done: "the trigger is removed",
                operation: Some(operation),
            })
        }
        Verb::Fire { target, stage, branch, no_run } => {
            let aim = match (target, stage) {
                (Some(target), _) => Aim::Branch(target),
                (None, Some(stage)) => {
                    let (pipeline, stage) = split(&stage)?;
                    Aim::Stage(pipeline, stage, branch)
                }
                (None, None) => {
                    return Err(usage("nothing to fire was named", "name REPO@BRANCH or --stage"));
                }
            };
            let due = pipeline::fire(&store, &cx.author, &aim)?;
            let nothing = due.caused.moved.is_empty() && due.caused.jobs.is_empty();
            let text = if nothing { "nothing has come since\n".to_owned() } else { String::new() };
            let document = document(&json!({}));
            let quiet = due.caused.moved.iter().map(|moved| format!("{}\n", moved.commit)).collect();
            let made = Made { document, text, quiet, done: "the trigger is fired", operation: due.operation };
            cx.made(&store, made, due.caused, no_run)
        }
    }
}

/// The pipeline and the stage of `PIPELINE/STAGE`.
fn split(stage: &RepoName) -> Result<(PipelineName, StageName), Cause> {
    let parts = stage.as_str().rsplit_once('/');
    let parts = parts.and_then(|(pipeline, stage)| Some((pipeline.parse().ok()?, stage.parse().ok()?)));
    parts.ok_or_else(|| usage(format!("{stage} is not a stage"), "a stage is named PIPELINE/STAGE"))
}

/// That a branch follows another since.
pub(super) struct Set<'a> {
    pub(super) target: &'a Target,
    pub(super) source: &'a BranchName,
    pub(super) when: &'a Condition,
    pub(super) operation: u64,
    pub(super) text: String,
    /// What was caused before.
    pub(super) caused: Caused,
}

/// Tells that the branch follows another, and lets through what has come already.
pub(super) fn tell(store: &Store, set: Set<'_>, no_run: bool, cx: &Context) -> Answer {
    let is_there = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, &set.target.repo)?;
        history::head(&facts, &repo, set.source)?.is_some()
    };
    if !is_there {
        cx.note(&format!("there is no branch {} yet", set.source));
    }
    let due = pipeline::due(store, &cx.author)?;
    let Set { target, source, when, operation, text, mut caused } = set;
    let document = document(&json!({
        "branch": target.to_string(), "follows": source, "when": when.to_string(),
    }));
    let quiet = format!("{target}\n");
    caused.add(due.caused);
    let made = Made { document, text, quiet, done: "the trigger is set", operation: Some(operation) };
    cx.made(store, made, caused, no_run)
}

/// Where branches are now that moved because they follow others, or are clocks.
pub(super) fn moved(moved: &[Moved]) -> String {
    let line =
        |Moved { repo, branch, commit }: &Moved| format!(" {}@{branch} is now at {commit:.12}\n", repo.name);
    moved.iter().map(line).collect()
}

/// The same as JSON.
pub(super) fn moves(moved: &[Moved]) -> Vec<Value> {
    let one = |Moved { repo, branch, commit }: &Moved| json!({ "repo": repo.name, "branch": branch, "commit": commit.to_string() });
    moved.iter().map(one).collect()
}

fn list(store: &Store, cx: &Context) -> Answer {
    let triggers = pipeline::triggers(store, cx.author.now().time)?;
    let shown: Vec<view::Trigger> = triggers.iter().map(view::Trigger::from).collect();
    let name = |trigger: &Trigger| match &trigger.what {
        What::Branch(branch, _) => branch.to_string(),
        What::Input(stage, ..) => stage.clone(),
        What::Clock(repo) => repo.to_string(),
    };
    cx.say(
        &json!({ "triggers": shown }),
        || shown.iter().map(|trigger| format!("{trigger}\n")).collect(),
        || triggers.iter().map(|trigger| name(trigger) + "\n").collect(),
    )
}

/// Tells of branches that follow others and cannot go on.
pub(super) fn note_stopped(stopped: &[Stopped], cx: &Context) {
    for Stopped { branch, source } in stopped {
        cx.note(&format!(
            "note: {branch} has commits that {source}, which it follows, has not: it does not move until one is merged into the \
             other (`vds merge {branch} {}`)",
            source.branch
        ));
    }
}
