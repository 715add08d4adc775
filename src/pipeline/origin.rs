//! What a file of an output was made from: the datums, and the files that they read.

use super::base;
use super::command::{self, Datum};
use super::error::Error;
use super::pattern::PathPattern;
use super::registry;
use super::spec::{Stage, Work};
use super::stage::{Files, Sources, bin, measure, select};
use super::view::View;
use crate::history;
use crate::object::{
    CommitId, Entry, InputCommit, NodeId, ObjectRead, PipelineName, Provenance, StageName, TreePath,
};
use crate::store::Store;

/// A datum that wrote a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub datum: String,
    /// What it read.
    pub parts: Vec<Part>,
}

/// What a datum read of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The input.
    pub input: InputCommit,
    /// The files.
    pub files: Vec<(TreePath, Entry)>,
}

/// The datums that wrote the file `path` of the output that was made as `made` says. `None` if the store does not know that
/// version of the pipeline, so that nobody can tell how it cut its inputs.
pub fn origins(store: &Store, made: &Provenance, path: &TreePath) -> Result<Option<Vec<Origin>>, Error> {
    let objects: &dyn ObjectRead = store.objects();
    let name: PipelineName = made.pipeline.parse().map_err(history::Error::from)?;
    let stage: StageName = made.stage.parse().map_err(history::Error::from)?;
    let pipeline = registry::version(&store.session()?, &name, made.version)?;
    // What was copied from another store may be of another pipeline than the one that has its name here.
    let is_its = |pipeline: &registry::Pipeline, stage: &&Stage| pipeline.plan_digest(stage) == made.code;
    let stage = pipeline
        .as_ref()
        .and_then(|pipeline| pipeline.spec.stages.get(&stage).filter(|stage| is_its(pipeline, stage)));
    let Some(stage) = stage.filter(|stage| stage.input.sources().len() == made.inputs.len()) else {
        return Ok(None);
    };
    let commits: Vec<CommitId> = made.inputs.iter().map(|input| input.commit).collect();
    let roots = base::roots(objects, commits)?;
    let Work::Command(_) = &stage.work else {
        let Sources { datum, files } = built_in(objects, stage, &roots, made.state, path.as_str())?;
        let parts = made.inputs.iter().zip(files).map(|(input, files)| Part { input: input.clone(), files });
        return Ok(Some(vec![Origin { datum, parts: parts.collect() }]));
    };
    let mut origins = Vec::new();
    for (datum, order) in command::writers(objects, made.state, path.as_str())? {
        let read = command::read(objects, &stage.input, &roots, &order)?;
        origins.push(Origin { datum, parts: parts(&made.inputs, &read) });
    }
    Ok(Some(origins))
}

/// What the datum reads of these inputs.
pub(super) fn parts(inputs: &[InputCommit], datum: &Datum) -> Vec<Part> {
    let part = |(source, files): (usize, &Vec<(TreePath, Entry)>)| {
        Some(Part { input: inputs.get(source)?.clone(), files: files.clone() })
    };
    datum.sources().filter_map(part).collect()
}

fn built_in(
    objects: &dyn ObjectRead,
    stage: &Stage,
    roots: &[NodeId],
    state: NodeId,
    path: &str,
) -> Result<Sources, Error> {
    let globs: Vec<&PathPattern> =
        stage.input.sources().into_iter().map(|(_, source)| &source.glob).collect();
    let views: Vec<View<'_>> =
        globs.iter().zip(roots).map(|(glob, root)| View::new(objects, *root, Some(glob))).collect();
    let inputs: Vec<&dyn Files> = views.iter().map(|view| view as &dyn Files).collect();
    let state = View::new(objects, state, None);
    Ok(match (&stage.work, inputs.as_slice()) {
        (Work::Bin(params), [input]) => bin::sources(params, *input, &state, path)?,
        (Work::Measure(params), [bins, truth]) => measure::sources(params, *bins, *truth, path)?,
        (Work::Select(_), [scores]) => select::sources(*scores)?,
        _ => Sources::default(),
    })
}
