//! The order of stages: each after those whose output it reads, through all pipelines.

use std::collections::BTreeSet;

use super::registry::{self, Pipeline, output_name};
use super::spec::Stage;
use crate::object::{RepoName, StageName};

/// A stage and its pipeline.
pub(super) type Node<'a> = (&'a Pipeline, &'a StageName, &'a Stage);

/// All stages of all pipelines, each after those whose output it reads; or else those that wait for each other.
pub(super) fn order(pipelines: &[Pipeline]) -> Result<Vec<Node<'_>>, Vec<Node<'_>>> {
    let mut left: Vec<Node<'_>> = Vec::new();
    for pipeline in pipelines {
        left.extend(pipeline.spec.stages.iter().map(|(name, stage)| (pipeline, name, stage)));
    }
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let outputs: BTreeSet<RepoName> = left
            .iter()
            .filter_map(|(pipeline, stage, _)| output_name(&pipeline.spec.name, stage).ok())
            .collect();
        let waits =
            |stage: &Stage| stage.input.sources().iter().any(|(_, source)| outputs.contains(&source.repo));
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, _, stage)| !waits(stage));
        if now.is_empty() {
            return Err(circle(later));
        }
        ordered.extend(now);
        left = later;
    }
    Ok(ordered)
}

/// Of stages none of which can be the first, those in circles, without those that only wait for such.
fn circle(mut left: Vec<Node<'_>>) -> Vec<Node<'_>> {
    loop {
        let is_read = |(pipeline, name, _): &Node<'_>| {
            let reads = |stage: &Stage| {
                let sources = stage.input.sources();
                sources.iter().any(|(_, source)| registry::is_output(&source.repo, &pipeline.spec.name, name))
            };
            left.iter().any(|(_, _, stage)| reads(stage))
        };
        let read: Vec<Node<'_>> = left.iter().copied().filter(is_read).collect();
        if read.len() == left.len() {
            return read;
        }
        left = read;
    }
}
