//! What a pipeline file would do: `vds datum preview`, and `--dry-run` of `vds pipeline create` and `update`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::code;
use super::complaint::not_found;
use super::context::{Answer, Context};
use super::convert;
use crate::fault::Cause;
use crate::object::{BranchName, PipelineName, StageName};
use crate::pipeline::spec::Spec;
use crate::pipeline::submission::{Submission, Submit};
use crate::pipeline::{self, Datum, Error, Extent, Foresight, Rehearsal, Rehearsed};
use crate::store::Store;
use crate::view;

fn look(
    store: &Store,
    file: &Path,
    name: Option<&PipelineName>,
    extent: Extent,
    cx: &Context,
) -> Result<Rehearsal, Cause> {
    let (shown, source) = (file.display().to_string(), convert::source(file, name, cx)?);
    let spec = Spec::parse(&shown, &source).map_err(Error::from)?;
    let sink = store.rehearsal();
    let code = code::read(&sink, file, &source, &spec)?;
    let submission = Submission { source, file: shown, code };
    Ok(pipeline::rehearse(store, &sink, &cx.author, submission, extent)?)
}

/// Tells which stages would run on how many datums, and why.
pub(super) fn rehearse(file: &Path, name: Option<&PipelineName>, how: Submit, cx: &Context) -> Answer {
    let store = cx.store()?;
    let Rehearsal { pipeline, is_same, stages } = look(&store, file, name, Extent::Submitted(how), cx)?;
    super::pipeline::note_silent(&store, &pipeline, cx)?;
    let (name, version) = (&pipeline.spec.name, pipeline.record.version);
    let counts = |stage: &Rehearsed| match &stage.work {
        Foresight::Waits => "waits for another stage".to_owned(),
        Foresight::Count(count) => format!("{} to run", view::count(*count, "datum")),
        Foresight::Datums(datums) => {
            let run = stage.work.to_run().unwrap_or(0);
            format!("{} to run, {} known", view::count(run, "datum"), datums.len() as u64 - run)
        }
    };
    let line = |stage: &Rehearsed| {
        format!(" {}@{}: {}; {}\n", stage.stage, stage.branch, stage.why.word(), counts(stage))
    };
    let shape = |stage: &Rehearsed| {
        let all = if let Foresight::Datums(datums) = &stage.work { Some(datums.len()) } else { None };
        json!({
            "stage": stage.stage, "branch": stage.branch, "why": stage.why.word(), "to_run": stage.work.to_run(), "datums": all,
        })
    };
    let text = || {
        if is_same {
            return super::pipeline::as_it_is(&pipeline);
        }
        let stages: String = stages.iter().map(line).collect();
        format!("would make pipeline {name}, version {version}\n{stages}")
    };
    let stages_shown: Vec<Value> = stages.iter().map(shape).collect();
    let document = json!({ "pipeline": name, "version": version, "dry_run": true, "stages": stages_shown });
    cx.say(&document, text, || {
        stages.iter().map(|stage| format!("{}@{}\n", stage.stage, stage.branch)).collect()
    })
}

/// Lists the datums that the file would make.
pub(super) fn run(
    store: &Store,
    file: &Path,
    stage: Option<&StageName>,
    branch: Option<&BranchName>,
    cx: &Context,
) -> Answer {
    let Rehearsal { pipeline, stages, .. } = look(store, file, None, Extent::Whole, cx)?;
    super::pipeline::note_silent(store, &pipeline, cx)?;
    if let Some(stage) = stage.filter(|stage| !pipeline.spec.stages.contains_key(*stage)) {
        let stages: Vec<String> = pipeline.spec.stages.keys().map(ToString::to_string).collect();
        return Err(not_found(
            format!("the file has no stage {stage}"),
            format!("it has {}", stages.join(", ")),
        ));
    }
    if let Some(branch) = branch.filter(|branch| !stages.iter().any(|shown| branch.as_str() == shown.branch))
    {
        let branches: BTreeSet<&str> = stages.iter().map(|shown| shown.branch.as_str()).collect();
        let hint = match branches.into_iter().collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "nothing has come to any branch that it reads".to_owned(),
            branches => format!("it reads something on {branches}"),
        };
        return Err(not_found(
            format!("the file has no stage that reads something on a branch {branch}"),
            hint,
        ));
    }
    let is_wanted = |shown: &&Rehearsed| {
        let name = shown.stage.rsplit('/').next().unwrap_or_default();
        stage.is_none_or(|stage| stage.as_str() == name)
            && branch.is_none_or(|branch| branch.as_str() == shown.branch)
    };
    let stages: Vec<&Rehearsed> = stages.iter().filter(is_wanted).collect();
    let datum = |datum: &Datum| {
        let inputs = datum.inputs.iter();
        let inputs: Vec<Value> = inputs
            .map(|(name, files, bytes)| json!({ "name": name, "files": files, "bytes": bytes }))
            .collect();
        json!({ "datum": datum.name, "key": datum.key.to_string(), "known": datum.is_known, "inputs": inputs })
    };
    let shape = |shown: &&Rehearsed| {
        let datums = match &shown.work {
            Foresight::Datums(datums) => Some(datums.iter().map(datum).collect::<Vec<Value>>()),
            Foresight::Waits | Foresight::Count(_) => None,
        };
        json!({ "stage": shown.stage, "branch": shown.branch, "to_run": shown.work.to_run(), "datums": datums })
    };
    let document =
        json!({ "pipeline": pipeline.spec.name, "stages": stages.iter().map(shape).collect::<Vec<Value>>() });
    cx.say(
        &document,
        || stages.iter().map(|stage| lines(stage)).collect(),
        || stages.iter().map(|stage| names(stage)).collect(),
    )
}

fn lines(stage: &Rehearsed) -> String {
    let title = format!("{}@{}", stage.stage, stage.branch);
    match &stage.work {
        Foresight::Waits => format!("{title} waits for another stage\n"),
        Foresight::Count(count) => {
            format!("{title}: {} to run; a built-in stage lists none\n", view::count(*count, "datum"))
        }
        Foresight::Datums(datums) => {
            let line = |datum: &Datum| {
                let input = |(name, files, bytes): &(String, u64, u64)| {
                    format!("{name} {}, {}", view::count(*files, "file"), view::bytes(*bytes))
                };
                let inputs: Vec<String> = datum.inputs.iter().map(input).collect();
                let state = if datum.is_known { "known " } else { "to run" };
                format!("  {state}  {}  {}\n", view::line(&datum.name), inputs.join("; "))
            };
            let count = view::count(datums.len() as u64, "datum");
            format!("{title}: {count}\n{}", datums.iter().map(line).collect::<String>())
        }
    }
}

fn names(stage: &Rehearsed) -> String {
    match &stage.work {
        Foresight::Datums(datums) => {
            datums.iter().map(|datum| format!("{}\n", view::line(&datum.name))).collect()
        }
        Foresight::Waits | Foresight::Count(_) => String::new(),
    }
}
