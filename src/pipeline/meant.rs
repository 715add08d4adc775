//! Whether the names by which jobs are asked for are names of anything, where none was found.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::history;
use crate::ledger::Session;
use crate::store::Store;

use super::error::Error;
use super::job::{self, Filter};
use super::registry;

/// An error if one of the names that the filter has is a name of nothing: of no pipeline or stage that there is, of no branch of any repo, and
/// of no job's that there was.
pub fn check_meant(store: &Store, filter: &Filter) -> Result<(), Error> {
    let Filter { prefix, pipeline, stage, branch, run, .. } = filter;
    let of_job = |filter: Filter| -> Result<bool, Error> {
        let (known, mut found) = (job::known(store, &store.session()?)?, false);
        known.visit(store.objects(), &filter, &mut |_| {
            found = true;
            ControlFlow::Break(())
        })?;
        Ok(found)
    };
    let names = Names::read(&store.session()?)?;
    let stages = "vds pipeline list";
    if !prefix.is_empty()
        && !names.stages.iter().any(|name| name.starts_with(prefix))
        && !of_job(Filter { prefix: prefix.clone(), ..Filter::default() })?
    {
        let near = names.pipelines.iter().chain(&names.stages);
        return Err(no_such("pipeline or stage whose name begins with", prefix, near, stages));
    }
    if let Some(name) = pipeline
        && !names.pipelines.contains(name)
        && !of_job(Filter { pipeline: Some(name.clone()), ..Filter::default() })?
    {
        return Err(no_such("pipeline", name, names.pipelines.iter(), stages));
    }
    if let Some(name) = stage
        && !names.stages.contains(name)
        && !names.short.contains(name)
        && !of_job(Filter::stage(name.clone()))?
    {
        let near = if name.contains('/') { &names.stages } else { &names.short };
        return Err(no_such("stage", name, near.iter(), stages));
    }
    if let Some(name) = branch
        && !names.branches.contains(name)
        && !of_job(Filter { branch: Some(name.clone()), ..Filter::default() })?
    {
        return Err(no_such("branch", name, names.branches.iter(), "vds branch list REPO"));
    }
    if let Some(id) = run
        && !of_job(Filter { run: Some(*id), ..Filter::default() })?
    {
        return Err(no_such("run", &id.to_string(), [].iter(), "vds run list"));
    }
    Ok(())
}

fn no_such<'a>(
    noun: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a String>,
    list: &'static str,
) -> Error {
    let near = history::nearest(name, known.cloned());
    Error::NoSuch { noun, name: name.to_owned(), near, list }
}

/// The names that there are.
#[derive(Default)]
struct Names {
    pipelines: BTreeSet<String>,
    /// As `PIPELINE/STAGE`.
    stages: BTreeSet<String>,
    /// Without their pipelines.
    short: BTreeSet<String>,
    branches: BTreeSet<String>,
}

impl Names {
    fn read(facts: &Session) -> Result<Self, Error> {
        let mut names = Self::default();
        for pipeline in registry::list(facts)? {
            for stage in pipeline.spec.stages.keys() {
                names.stages.insert(format!("{}/{stage}", pipeline.spec.name));
                names.short.insert(stage.to_string());
            }
            names.pipelines.insert(pipeline.spec.name.to_string());
        }
        for repo in history::list(facts)? {
            let branches = history::branches(facts, &repo)?;
            names.branches.extend(branches.into_iter().map(|(branch, _)| branch.to_string()));
        }
        Ok(names)
    }
}
