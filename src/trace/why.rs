//! Why a file is what it is: who committed it, or which stage made it from what, down to what persons committed.

use std::collections::BTreeSet;

use super::{Error, Follow, blame};
use crate::history;
use crate::object::{AccessError, Commit, CommitId, InputCommit, ObjectRead, Provenance, TreePath};
use crate::pipeline::{self, Origin, Part};
use crate::store::Store;

/// A file, and how it came to be.
#[derive(Debug, Clone)]
pub struct Why {
    /// The repo, by its name at that time.
    pub repo: String,
    /// The file.
    pub path: TreePath,
    /// The commit that set it.
    pub id: CommitId,
    /// That commit.
    pub commit: Commit,
    /// The datums that wrote it, if a stage made it.
    pub datums: Datums,
}

/// The datums that wrote a file.
#[derive(Debug, Clone)]
pub enum Datums {
    /// No stage made it: a person did.
    Person,
    /// These, and so many more.
    Known(Vec<DatumWhy>, usize),
    /// The store does not have what would tell: the stage's inputs, or that version of its pipeline. The commits that the stage read,
    /// which its own commit names, are told instead.
    Unknown(Vec<Source>),
}

/// A commit that a stage read, and what that was made from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The input.
    pub input: InputCommit,
    /// The commit, if the store has it.
    pub commit: Option<Commit>,
    /// What it was made from, if a stage made it. A commit that stands above already has this there.
    pub sources: Vec<Source>,
}

/// A datum, and why it read what it read.
#[derive(Debug, Clone)]
pub struct DatumWhy {
    /// Its name.
    pub name: String,
    /// What it read, input by input.
    pub inputs: Vec<InputWhy>,
}

/// An input of a datum.
#[derive(Debug, Clone)]
pub struct InputWhy {
    /// The input.
    pub input: InputCommit,
    /// The files that were read.
    pub files: Vec<Why>,
    /// How many more were read.
    pub more: usize,
}

/// Tells why the file `path` of a commit is what it is. Of the datums that wrote a file and of the files of an input, `most` are told.
pub fn why(
    store: &Store,
    repo: &str,
    commit: CommitId,
    path: &TreePath,
    most: usize,
) -> Result<Option<Why>, Error> {
    Ok(all(store, repo, commit, std::slice::from_ref(path), most)?.pop())
}

fn all(
    store: &Store,
    repo: &str,
    commit: CommitId,
    paths: &[TreePath],
    most: usize,
) -> Result<Vec<Why>, Error> {
    let settings = blame(store.objects(), commit, paths, Follow::Nothing)?;
    let why = |(path, id, commit): (TreePath, CommitId, Commit)| {
        let datums = match &commit.provenance {
            None => Datums::Person,
            Some(made) => datums(store, made, &path, most)?,
        };
        Ok(Why { repo: repo.to_owned(), path, id, commit, datums })
    };
    settings.into_iter().map(why).collect()
}

fn datums(store: &Store, made: &Provenance, path: &TreePath, most: usize) -> Result<Datums, Error> {
    let mut here = true;
    for input in &made.inputs {
        here = here && has_files(store.objects(), input.commit)?;
    }
    let origins = if here { pipeline::origins(store, made, path)? } else { None };
    let Some(origins) = origins else {
        return Ok(Datums::Unknown(sources(store.objects(), made, &mut BTreeSet::new())?));
    };
    let more = origins.len().saturating_sub(most);
    let datum = |Origin { datum, parts }| {
        let inputs = parts.into_iter().map(|part| input(store, part, most)).collect::<Result<_, Error>>()?;
        Ok(DatumWhy { name: datum, inputs })
    };
    let told = origins.into_iter().take(most).map(datum).collect::<Result<_, Error>>()?;
    Ok(Datums::Known(told, more))
}

fn input(store: &Store, Part { input, files }: Part, most: usize) -> Result<InputWhy, Error> {
    let more = files.len().saturating_sub(most);
    let paths: Vec<TreePath> = files.into_iter().take(most).map(|(path, _)| path).collect();
    let files = all(store, &input.repo, input.commit, &paths, most)?;
    Ok(InputWhy { input, files, more })
}

/// What a commit was made from, by what commits say of themselves. Each is followed once.
fn sources(
    objects: &dyn ObjectRead,
    made: &Provenance,
    seen: &mut BTreeSet<CommitId>,
) -> Result<Vec<Source>, Error> {
    let mut all = Vec::new();
    for input in &made.inputs {
        let commit = find(objects, input.commit)?;
        let above = commit.as_ref().and_then(|commit| commit.provenance.as_ref());
        let sources = match above.filter(|_| seen.insert(input.commit)) {
            Some(made) => sources(objects, made, seen)?,
            None => Vec::new(),
        };
        all.push(Source { input: input.clone(), commit, sources });
    }
    Ok(all)
}

/// Whether the store has the commit with its files.
fn has_files(objects: &dyn ObjectRead, id: CommitId) -> Result<bool, Error> {
    Ok(find(objects, id)?.is_some() && history::find_let_go(objects, id)?.is_none())
}

/// The commit, if the store has it. One that was copied from elsewhere may not have all that its outputs were made from.
fn find(objects: &dyn ObjectRead, id: CommitId) -> Result<Option<Commit>, Error> {
    match history::load(objects, id) {
        Ok(commit) => Ok(Some(commit)),
        Err(history::Error::Object(AccessError::Missing { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
