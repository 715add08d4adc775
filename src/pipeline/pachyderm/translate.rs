//! The pipelines of a file as one vds pipeline file.

use super::family::{Family, Key, legal};
use super::input::Reader;
use super::names::{Document, is_spec, modern};
use super::node::{Mistake, Node};
use super::notes::{Notes, Topic};
use super::read::{Unreadable, documents};
use super::{stage, write};
use crate::object::{PipelineName, StageName};
use crate::pipeline::spec::Spec;

/// A file that may be Pachyderm's.
#[derive(Debug, Clone, Copy)]
pub struct Untranslated<'a> {
    /// How messages name it.
    pub file: &'a str,
    /// Its name without directory and ending.
    pub stem: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// How the pipeline is to be called, if that was said.
    pub name: Option<&'a PipelineName>,
}

/// What a file became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The name of the pipeline.
    pub pipeline: PipelineName,
    /// The vds pipeline file.
    pub source: String,
    /// What is not as it was, a sentence each.
    pub warnings: Vec<String>,
}

/// Why a file cannot be translated, and where the reason is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {place}{message}")]
pub struct TranslateError {
    /// The file.
    pub file: String,
    /// The document and the key, followed by a colon and a space.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A document with its name in Pachyderm and here.
struct Member {
    document: Document,
    key: Key,
    stage: StageName,
}

/// Translates the specs of a file; `None` if it holds none.
pub fn translate(untranslated: &Untranslated<'_>) -> Result<Option<Translated>, TranslateError> {
    let Untranslated { file, text, .. } = untranslated;
    // No text is both TOML and one of Pachyderm's specs.
    if toml::from_str::<toml::Table>(text).is_ok() {
        return Ok(None);
    }
    let fail = |place: String, message| TranslateError { file: (*file).to_owned(), place, message };
    let documents = match documents(text) {
        Ok(documents) => documents,
        Err(Unreadable { part, message }) if seems_meant(text) => {
            return Err(fail(format!("document {part}: "), message));
        }
        Err(_) => return Ok(None),
    };
    if !documents.iter().any(is_spec) {
        return Ok(None);
    }
    let at = |number: usize| {
        move |Mistake { path, message }| {
            let key = if path.is_empty() { String::new() } else { format!("{path}: ") };
            fail(format!("document {}: {key}", number + 1), message)
        }
    };
    let mut notes = Notes::default();
    let (mut family, mut members) = (Family::default(), Vec::new());
    for (number, document) in documents.into_iter().enumerate() {
        members.push(admit(document, &mut family, &mut notes).map_err(at(number))?);
    }
    let pipeline = name(untranslated, &members).map_err(at(0))?;
    let mut stages = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let reader = Reader { family: &family, project: &member.key.project, pipeline: pipeline.as_str() };
        let table = translated(member, &reader, &mut notes).map_err(at(number))?;
        let description = description(&member.document).filter(|_| members.len() > 1);
        let about = description.map(write::comment).unwrap_or_default();
        stages.push(format!("\n{about}{table}"));
    }
    let source = head(&pipeline, &members) + &stages.concat();
    Spec::parse("", &source).map_err(|error| fail(String::new(), error.message))?;
    Ok(Some(Translated { pipeline, source, warnings: notes.sentences() }))
}

/// Whether a text that is neither JSON nor YAML was to be a spec.
fn seems_meant(text: &str) -> bool {
    text.trim_start().starts_with('{') || text.lines().any(|line| line.starts_with("pipeline:"))
}

/// Takes a document into the family.
fn admit(document: serde_json::Value, family: &mut Family, notes: &mut Notes) -> Result<Member, Mistake> {
    let document = modern(document)?;
    let root = Node::root(&document.value);
    let key = Key::of(&root, notes)?;
    let stage = family.add(&root, key.clone())?;
    Ok(Member { document, key, stage })
}

/// The name of the pipeline: the one that was asked for, that of its only document, or that of the file.
fn name(untranslated: &Untranslated<'_>, members: &[Member]) -> Result<PipelineName, Mistake> {
    let name = match (untranslated.name, members) {
        (Some(name), _) => return Ok(name.clone()),
        (None, [member]) => member.stage.to_string(),
        (None, _) => legal(untranslated.stem),
    };
    let hint = "give the pipeline a name with --name";
    let wrong = |error| Mistake { path: String::new(), message: format!("{error}; {hint}") };
    name.parse().map_err(wrong)
}

/// How a translation begins.
const HEAD: &str = "# Translated from the Pachyderm ";

/// Whether a pipeline's file was made from specs of Pachyderm.
pub fn is_translation(source: &str) -> bool {
    source.starts_with(HEAD)
}

/// What stands above the stages.
fn head(pipeline: &PipelineName, members: &[Member]) -> String {
    let names: Vec<&str> = members.iter().map(|member| member.stage.as_str()).collect();
    let what = if members.len() == 1 { "pipeline" } else { "pipelines" };
    let mut text = format!("{HEAD}{what} {}.\n", names.join(", "));
    text += &format!("pipeline = {}\n", toml::Value::from(pipeline.as_str()));
    if let [Member { document, .. }] = members
        && let Some(description) = description(document)
    {
        text += &format!("description = {}\n", toml::Value::from(description));
    }
    text
}

fn description(document: &Document) -> Option<&str> {
    document.value.get("description")?.as_str().filter(|text| !text.trim().is_empty())
}

/// The table of a stage.
fn translated(member: &Member, reader: &Reader<'_>, notes: &mut Notes) -> Result<String, Mistake> {
    let Member { document, key, stage } = member;
    let root = Node::root(&document.value);
    check_output(&root, key, stage, reader.family, notes)?;
    let plain = stage::Member { document: root.clone(), era: document.era, stage: stage.as_str() };
    let table = write::stage(stage, &stage::keys(&plain, reader, notes)?);
    // What only the parser of pipeline files knows is told of this document too.
    let alone = format!("pipeline = \"p\"\n{table}");
    Spec::parse("", &alone).map_err(|error| root.wrong(error.message))?;
    Ok(table)
}

/// Checks that the output comes to the branch where it is looked for.
fn check_output(
    document: &Node<'_>,
    key: &Key,
    stage: &StageName,
    family: &Family,
    notes: &mut Notes,
) -> Result<(), Mistake> {
    let here = family.branch(key, "main");
    match document.get("output_branch") {
        Some(said) => {
            let theirs = said.text()?;
            let theirs = if theirs == "master" { "main" } else { theirs };
            if theirs != here {
                return Err(said.wrong(format!(
                    "this cannot be honoured: an output goes to the branch that the first input is read on, which is {here}"
                )));
            }
        }
        None if here != "main" => notes.add(Topic::Output, format!("{stage} on {here}")),
        None => {}
    }
    Ok(())
}
