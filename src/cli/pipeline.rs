//! `vds pipeline`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::answer::document;
use super::code;
use super::complaint::{complaint, io_error, usage};
use super::context::{Answer, Context, Made};
use super::convert;
use super::graph;
use super::preview;
use super::steer;
use super::versions;
use crate::fault::{Cause, Kind, some};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{PipelineName, StageName};
use crate::pipeline::registry::{self, Standing};
use crate::pipeline::spec::{Spec, SpecError, Stage};
use crate::pipeline::submission::{Submission, Submit};
use crate::pipeline::trigger::{self, Caused, Submitted};
use crate::pipeline::{Error, Silent, health, silent};
use crate::store::Store;

/// Make, change, list, show, pause and delete pipelines
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a pipeline from its file, ours or Pachyderm's; it runs on what is there, and then on each new commit
    #[command(
        after_help = "Examples:\n  vds pipeline create settlement.toml\n  vds pipeline create settlement.toml --dry-run"
    )]
    Create {
        /// The pipeline file
        file: PathBuf,
        /// Say which stages would run on how many datums, and make nothing
        #[arg(long)]
        dry_run: bool,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
        /// The pipeline's name, of a file with Pachyderm's specs [default: its only spec's, or the file's]
        #[arg(long)]
        name: Option<PipelineName>,
    },
    /// Give a pipeline a new version
    #[command(
        after_help = "Examples:\n  vds pipeline update settlement.toml\n  vds pipeline update settlement.toml --dry-run"
    )]
    Update {
        /// The pipeline file
        file: PathBuf,
        /// Say which stages would run again on how many datums, and why, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
        /// The pipeline's name, of a file with Pachyderm's specs [default: its only spec's, or the file's]
        #[arg(long)]
        name: Option<PipelineName>,
    },
    /// Print Pachyderm's pipeline specs as a pipeline file, and make nothing
    #[command(after_help = "Example:\n  vds pipeline convert edges.json > edges.toml")]
    Convert {
        /// A file with specs, in JSON or YAML
        file: PathBuf,
        /// The pipeline's name [default: its only spec's, or the file's]
        #[arg(long)]
        name: Option<PipelineName>,
    },
    /// List pipelines
    #[command(after_help = "Example:\n  vds pipeline list")]
    List,
    /// Show a pipeline: its stages, what they read, and how they stand
    ///
    /// A stage is fresh on a branch if its output is what its inputs make now. It is stale if its code, a parameter or an input has
    /// changed since, or a stage before it (upstream) is not fresh; it is waiting if a job is still to make what it reads. Else it is
    /// told that its newest job is queued, running, failed, cancelled or skipped, or that it is empty.
    #[command(after_help = "Examples:
  vds pipeline show settlement
  vds pipeline show settlement --dot | dot -Tsvg > settlement.svg
  vds pipeline show settlement --file > settlement.toml
  vds pipeline show settlement --file --version 2")]
    Show {
        /// The pipeline
        name: PipelineName,
        /// Its file as it was in this version
        #[arg(long, requires = "file", value_name = "NUMBER")]
        version: Option<u64>,
        /// The graph in the language of Graphviz
        #[arg(long, group = "form")]
        dot: bool,
        /// The graph in the language of Mermaid
        #[arg(long, group = "form")]
        mermaid: bool,
        /// Its file, as it was given
        #[arg(long, group = "form")]
        file: bool,
    },
    /// List the versions of a pipeline, newest first, with the stages that each changed
    #[command(
        after_help = "Examples:\n  vds pipeline log settlement\n  vds pipeline show settlement --file --version 2"
    )]
    Log {
        /// The pipeline; it may be gone since
        name: PipelineName,
    },
    /// Let a pipeline queue nothing and run nothing; its queued and running jobs are cancelled
    #[command(after_help = "Example:\n  vds pipeline pause settlement")]
    Pause {
        /// The pipeline
        name: PipelineName,
    },
    /// Let a paused pipeline go on, with what the newest commits need: one job for each branch
    #[command(after_help = "Example:\n  vds pipeline resume settlement")]
    Resume {
        /// The pipeline
        name: PipelineName,
        /// Leave the jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// Delete a pipeline; its outputs stay, as ordinary repos, and its queued and running jobs are skipped
    #[command(after_help = "Example:\n  vds pipeline delete settlement")]
    Delete {
        /// The pipeline
        name: PipelineName,
    },
}

/// The longest pipeline file, in bytes.
const LONGEST: u64 = 1 << 20;

pub(super) fn read(file: &Path) -> Result<String, Cause> {
    let shown = file.display();
    let fail = |error: io::Error| {
        io_error(&format!("cannot read the pipeline file {shown}"), &error, "check the path")
    };
    let mut bytes = Vec::new();
    File::open(file).map_err(fail)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > LONGEST {
        return Err(usage(
            format!("{shown} is longer than 1 MiB"),
            "name a pipeline file; see docs/pipelines.md",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
        let message = "this is not UTF-8; expected a text file in UTF-8".to_owned();
        Error::from(SpecError::at(&shown.to_string(), &text, good, message)).into()
    })
}

fn submit(file: &Path, name: Option<&PipelineName>, how: Submit, no_run: bool, cx: &Context) -> Answer {
    let store = cx.store()?;
    let shown = file.display().to_string();
    let source = convert::source(file, name, cx)?;
    let spec = Spec::parse(&shown, &source).map_err(Error::from)?;
    let code = code::keep(&store, file, &source, &spec)?;
    let origin = cx.author.now();
    let (pipeline, caused, operation) = {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        let submission = Submission { source, file: shown, code };
        match trigger::submit(&store, &mut facts, &mut batch, submission, how, &origin)? {
            Submitted::Made(pipeline, caused) => {
                let operation = commit(&mut facts, &batch, &origin)?;
                (pipeline, caused, Some(operation))
            }
            Submitted::Same(pipeline) => (pipeline, Caused::default(), None),
        }
    };
    note_silent(&store, &pipeline, cx)?;
    let (name, version) = (pipeline.spec.name.clone(), pipeline.record.version);
    let stages: Vec<String> = pipeline.stages_in_order().iter().map(|(name, _)| name.to_string()).collect();
    let text = match operation {
        Some(_) => format!("pipeline {name}, version {version}\n{}", lines(&pipeline)),
        None => as_it_is(&pipeline),
    };
    let document = document(&json!({ "pipeline": name, "version": version, "stages": stages }));
    let quiet = format!("{name}\n");
    let made = Made { document, text, quiet, done: "the pipeline is made", operation };
    cx.made(&store, made, caused, no_run)
}

/// Tells of inputs at which nothing has come: a branch may have been misspelt.
pub(super) fn note_silent(store: &Store, pipeline: &registry::Pipeline, cx: &Context) -> Result<(), Cause> {
    for Silent { stage, source, repo, names, near } in silent(&store.session()?, pipeline)? {
        let meant = if near.is_empty() {
            format!("it has {}", some(&names))
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        cx.note(&format!("note: stage {stage} reads {source}, and {repo} has no such branch yet; {meant}"));
    }
    Ok(())
}

/// What is said of a file that says what its pipeline is already.
pub(super) fn as_it_is(pipeline: &registry::Pipeline) -> String {
    format!("pipeline {} is so already, as version {}\n", pipeline.spec.name, pipeline.record.version)
}

fn commit(facts: &mut Session, batch: &Batch, origin: &Origin) -> Result<u64, Cause> {
    match facts.commit(origin, batch)? {
        Outcome::Done { number } => Ok(number),
        Outcome::Stale { .. } => {
            Err(complaint(Kind::Busy, "another process changed pipelines or repos meanwhile", "try again"))
        }
    }
}

/// What is added to the version of a paused pipeline.
fn paused(pipeline: &registry::Pipeline) -> &'static str {
    match pipeline.record.standing {
        Standing::Active => "",
        Standing::Paused => ", paused",
    }
}

/// The graph of a pipeline: a line for each stage, with what it reads.
fn lines(pipeline: &registry::Pipeline) -> String {
    let line = |(name, stage): (&StageName, &Stage)| {
        let inputs: Vec<String> =
            stage.input.sources().into_iter().map(|(_, source)| source.to_string()).collect();
        format!(" {name} <- {}\n", inputs.join(", "))
    };
    pipeline.stages_in_order().into_iter().map(line).collect()
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    match verb {
        Verb::Create { file, dry_run: true, name, .. } => {
            preview::rehearse(&file, name.as_ref(), Submit::Create, cx)
        }
        Verb::Update { file, dry_run: true, name, .. } => {
            preview::rehearse(&file, name.as_ref(), Submit::Update, cx)
        }
        Verb::Create { file, no_run, name, .. } => submit(&file, name.as_ref(), Submit::Create, no_run, cx),
        Verb::Update { file, no_run, name, .. } => submit(&file, name.as_ref(), Submit::Update, no_run, cx),
        Verb::Convert { file, name } => convert::run(&file, name.as_ref(), cx),
        Verb::List => {
            let all = registry::list(&cx.store()?.session()?)?;
            let stages = |pipeline: &registry::Pipeline| {
                pipeline.stages_in_order().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
            };
            let document = |p: &registry::Pipeline| json!({ "pipeline": p.spec.name, "version": p.record.version, "standing": p.record.standing.word(), "stages": stages(p), "description": p.spec.description });
            let line = |p: &registry::Pipeline| {
                let paused = paused(p);
                format!("{}  version {}{paused}  {}\n", p.spec.name, p.record.version, stages(p).join(", "))
            };
            let names = || all.iter().map(|p| format!("{}\n", p.spec.name)).collect();
            cx.say(
                &json!({ "pipelines": all.iter().map(document).collect::<Vec<_>>() }),
                || all.iter().map(line).collect(),
                names,
            )
        }
        Verb::Log { name } => versions::list(&name, cx),
        Verb::Show { name, version: Some(version), .. } => versions::file(&name, version, cx),
        Verb::Show { name, dot, mermaid, file, version: None } => {
            let store = cx.store()?;
            let found = registry::load(&store.session()?, &name)?;
            let version = found.record.version;
            let (paused, standing) = (paused(&found), found.record.standing.word());
            let source = &found.record.source;
            let nodes = if file { Vec::new() } else { health(&store, &found)? };
            let stages: Vec<Value> = nodes.iter().map(graph::shape).collect();
            let document = json!({
                "pipeline": name, "version": version, "standing": standing, "source": source, "stages": stages,
            });
            let text = || match (dot, mermaid, file) {
                (true, ..) => graph::dot(name.as_str(), &nodes),
                (_, true, _) => graph::mermaid(name.as_str(), &nodes),
                (.., true) => source.clone(),
                _ => format!("pipeline {name}, version {version}{paused}\n{}", graph::text(&nodes)),
            };
            cx.say(&document, text, || format!("{name}\n"))
        }
        Verb::Pause { name } => steer::pause(&name, cx),
        Verb::Resume { name, no_run } => steer::resume(&name, no_run, cx),
        Verb::Delete { name } => steer::delete(&name, cx),
    }
}
