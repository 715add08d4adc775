//! `vds pipeline`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::answer::document;
use super::complaint::{complaint, io_error, usage};
use super::context::{Answer, Context, Made};
use crate::content;
use crate::fault::{Cause, Kind};
use crate::ingest;
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{Entry, FileKind, PipelineName, TreePath};
use crate::pack::Writer;
use crate::pipeline::registry::{self, Submission, Submit};
use crate::pipeline::spec::{Spec, Work};
use crate::pipeline::{Error, trigger};
use crate::store::Store;

/// Make, change, list, show and delete pipelines
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a pipeline from its file; it runs on what is there, and then on each new commit
    #[command(after_help = "Example:\n  vds pipeline create settlement.toml")]
    Create {
        /// The pipeline file
        file: PathBuf,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// Give a pipeline a new version
    #[command(after_help = "Example:\n  vds pipeline update settlement.toml")]
    Update {
        /// The pipeline file
        file: PathBuf,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// List pipelines
    #[command(after_help = "Example:\n  vds pipeline list")]
    List,
    /// Show a pipeline: its file, as it was given
    #[command(after_help = "Example:\n  vds pipeline show settlement > settlement.toml")]
    Show {
        /// The pipeline
        name: PipelineName,
    },
    /// Delete a pipeline; its outputs stay, as ordinary repos
    #[command(after_help = "Example:\n  vds pipeline delete settlement")]
    Delete {
        /// The pipeline
        name: PipelineName,
    },
}

/// The longest pipeline file, in bytes.
const LONGEST: u64 = 1 << 20;

fn read(file: &Path) -> Result<String, Cause> {
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
    String::from_utf8(bytes)
        .map_err(|_| usage(format!("{shown} is not UTF-8"), "name a pipeline file; see docs/pipelines.md"))
}

fn submit(file: &Path, how: Submit, no_run: bool, cx: &Context) -> Answer {
    let store = cx.store()?;
    let shown = file.display().to_string();
    let source = read(file)?;
    let spec = Spec::parse(&shown, &source).map_err(Error::from)?;
    let code = keep_code(&store, file, &spec)?;
    let origin = cx.author.now();
    let pipeline = {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        let submission = Submission { source, file: shown, code };
        let pipeline = registry::submit(&facts, store.objects(), &mut batch, submission, how, &origin)?;
        let spec = &pipeline.spec;
        registry::skip_jobs(&store, &facts, &mut batch, &spec.name, Some(spec), &origin)?;
        commit(&mut facts, &batch, cx)?;
        pipeline
    };
    let jobs = {
        let mut facts = store.session()?;
        let mut batch = Batch::default();
        let heads = trigger::heads(&facts, &pipeline)?;
        let mut jobs = Vec::new();
        if !heads.is_empty() {
            jobs = trigger::enqueue(&facts, &mut batch, &heads, Some(&pipeline.spec.name), &origin)?;
            commit(&mut facts, &batch, cx)?;
        }
        jobs
    };
    let (name, version) = (pipeline.spec.name.clone(), pipeline.record.version);
    let stages: Vec<String> = pipeline.stages_in_order().iter().map(|(name, _)| name.to_string()).collect();
    let text = format!("pipeline {name}, version {version}: {}\n", stages.join(" -> "));
    let document = document(&json!({ "pipeline": name, "version": version, "stages": stages }));
    let made = Made { document, text, quiet: format!("{name}\n"), done: "the pipeline is made" };
    cx.made(&store, made, jobs, no_run)
}

fn commit(facts: &mut crate::ledger::Session, batch: &Batch, cx: &Context) -> Result<(), Cause> {
    match facts.commit(&cx.author.now(), batch)? {
        Outcome::Done { .. } => Ok(()),
        Outcome::Stale { .. } => {
            Err(complaint(Kind::Busy, "another process changed pipelines or repos meanwhile", "try again"))
        }
    }
}

/// Stores the files that commands declare, so that they run the same wherever they are run.
fn keep_code(store: &Store, file: &Path, spec: &Spec) -> Result<Vec<(String, Entry)>, Cause> {
    let beside = file.parent().unwrap_or(Path::new("."));
    let writer = store.writer();
    let mut code = Vec::new();
    for stage in spec.stages.values() {
        let Work::Command(command) = &stage.work else { continue };
        for name in &command.code {
            let legal = name.parse::<TreePath>();
            legal
                .map_err(|error| usage(error.to_string(), "name files beside or below the pipeline file"))?;
            let place = beside.join(name);
            if !place.is_dir() {
                code.push((name.clone(), keep_file(&writer, &place)?));
                continue;
            }
            for found in ingest::walk(&place)? {
                code.push((format!("{name}/{}", found.path), keep_file(&writer, &found.place)?));
            }
        }
    }
    writer.finish()?;
    code.sort_by(|a, b| a.0.cmp(&b.0));
    code.dedup();
    Ok(code)
}

/// Stores one declared file; of a link, what it leads to.
fn keep_file(writer: &Writer, place: &Path) -> Result<Entry, Cause> {
    let fail = |source| Error::Code { path: place.display().to_string(), source };
    let bytes = fs::read(place).map_err(fail)?;
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(place).map_err(fail)?);
    let kept = content::keep_bytes(writer, &bytes)?;
    let kind = if mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable };
    Ok(Entry { kind, blob: kept.blob, size: kept.size })
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    match verb {
        Verb::Create { file, no_run } => submit(&file, Submit::Create, no_run, cx),
        Verb::Update { file, no_run } => submit(&file, Submit::Update, no_run, cx),
        Verb::List => {
            let all = registry::list(&cx.store()?.session()?)?;
            let stages = |pipeline: &registry::Pipeline| {
                pipeline.stages_in_order().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
            };
            let document = |p: &registry::Pipeline| json!({ "pipeline": p.spec.name, "version": p.record.version, "stages": stages(p), "description": p.spec.description });
            let line = |p: &registry::Pipeline| {
                format!("{}  version {}  {}\n", p.spec.name, p.record.version, stages(p).join(" -> "))
            };
            let names = || all.iter().map(|p| format!("{}\n", p.spec.name)).collect();
            cx.say(
                &json!({ "pipelines": all.iter().map(document).collect::<Vec<_>>() }),
                || all.iter().map(line).collect(),
                names,
            )
        }
        Verb::Show { name } => {
            let found = registry::load(&cx.store()?.session()?, &name)?;
            let version = found.record.version;
            let document = json!({ "pipeline": name, "version": version, "source": found.record.source });
            let source = found.record.source.clone();
            cx.say(&document, || format!("# {name}, version {version}\n{source}"), || format!("{name}\n"))
        }
        Verb::Delete { name } => {
            let store = cx.store()?;
            let mut facts = store.session()?;
            let mut batch = Batch::default();
            registry::delete(&facts, &mut batch, &name)?;
            registry::skip_jobs(&store, &facts, &mut batch, &name, None, &cx.author.now())?;
            commit(&mut facts, &batch, cx)?;
            cx.tell(
                &json!({ "deleted": name }),
                || format!("deleted the pipeline {name}; its outputs stay\n"),
                || format!("{name}\n"),
            )
        }
    }
}
