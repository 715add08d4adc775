//! `vds pipeline log`, and the file of an older version.

use serde_json::json;

use super::complaint::not_found;
use super::context::{Answer, Context};
use crate::fault::Cause;
use crate::object::{PipelineName, StageName};
use crate::pipeline::Why;
use crate::pipeline::registry::{self, Pipeline};
use crate::view;

/// A stage that a version changed, and how, in a word.
type Changed<'a> = (&'a StageName, &'static str);

pub(super) fn list(name: &PipelineName, cx: &Context) -> Answer {
    let versions = {
        let facts = cx.store()?.session()?;
        let versions = registry::versions(&facts, name)?;
        if versions.is_empty() {
            return Err(registry::unknown(&facts, name).into());
        }
        versions
    };
    let before = |at: usize| versions.get(at + 1);
    let told: Vec<(&Pipeline, Vec<Changed<'_>>)> =
        versions.iter().enumerate().map(|(at, version)| (version, changed(before(at), version))).collect();
    let document = |(version, changed): &(&Pipeline, Vec<Changed<'_>>)| {
        let stages: Vec<_> =
            changed.iter().map(|(stage, how)| json!({ "stage": stage, "change": how })).collect();
        json!({
            "version": version.record.version, "updated": view::time(version.record.updated), "changes": stages,
        })
    };
    let line = |(version, changed): &(&Pipeline, Vec<Changed<'_>>)| {
        let stages: Vec<String> = changed.iter().map(|(stage, how)| format!("{stage} ({how})")).collect();
        let stages =
            if stages.is_empty() { "nothing that a stage does".to_owned() } else { stages.join(", ") };
        format!("{:>3}  {}  {stages}\n", version.record.version, view::time(version.record.updated))
    };
    cx.say(
        &json!({ "pipeline": name, "versions": told.iter().map(document).collect::<Vec<_>>() }),
        || told.iter().map(line).collect(),
        || versions.iter().map(|version| format!("{}\n", version.record.version)).collect(),
    )
}

/// The stages in which a version differs from the one before.
fn changed<'a>(before: Option<&'a Pipeline>, after: &'a Pipeline) -> Vec<Changed<'a>> {
    let mut changed: Vec<Changed<'a>> = Vec::new();
    for (name, stage) in &after.spec.stages {
        let differs = before.is_some_and(|before| written(before, name) != written(after, name));
        let how = Why::of(before, after, name, stage).key().or(differs.then_some("settings"));
        changed.extend(how.map(|how| (name, how)));
    }
    let gone = before.into_iter().flat_map(|before| before.spec.stages.keys());
    changed.extend(gone.filter(|name| !after.spec.stages.contains_key(*name)).map(|name| (name, "gone")));
    changed
}

/// What the file says of the stage.
fn written(pipeline: &Pipeline, stage: &StageName) -> Option<toml::Value> {
    let file: toml::Table = pipeline.record.source.parse().ok()?;
    file.get("stage")?.get(stage.as_str()).cloned()
}

pub(super) fn file(name: &PipelineName, number: u64, cx: &Context) -> Answer {
    let found = registry::version(&cx.store()?.session()?, name, number)?;
    let found = found.ok_or_else(|| -> Cause {
        let hint = format!("`vds pipeline log {name}` shows what there is");
        not_found(format!("the pipeline {name} had no version {number}"), &hint)
    })?;
    let source = &found.record.source;
    cx.say(
        &json!({ "pipeline": name, "version": number, "source": source }),
        || source.clone(),
        || format!("{name}\n"),
    )
}
