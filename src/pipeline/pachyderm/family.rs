//! The pipelines of one file: which reads which, and on what branch each writes.

use std::collections::BTreeMap;

use super::keys::{self, check};
use super::node::{Mistake, Node};
use super::notes::Notes;
use crate::object::StageName;

/// What Pachyderm calls a project when none is named.
const DEFAULT: &str = "default";

/// A pipeline or a repo, as Pachyderm names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) project: String,
    pub(super) name: String,
}

/// A pipeline of the file.
#[derive(Debug)]
struct Member {
    stage: StageName,
    /// What it reads first, and on which branch.
    first: Option<(Key, String)>,
}

/// The pipelines of one file.
#[derive(Debug, Default)]
pub(super) struct Family(BTreeMap<Key, Member>);

/// The repo of a source as vds names it, and its branch.
pub(super) enum Origin<'a> {
    /// The output of a stage of the same file.
    Stage(&'a StageName),
    /// Another repo.
    Repo(String),
}

impl Key {
    /// The pipeline that a document describes.
    pub(super) fn of(document: &Node<'_>, notes: &mut Notes) -> Result<Self, Mistake> {
        let needed = || document.wrong("a spec has a `pipeline` with a `name`");
        let pipeline = document.get("pipeline").ok_or_else(needed)?;
        check(&pipeline, keys::PIPELINE, notes)?;
        let project = match pipeline.get("project") {
            Some(project) => {
                check(&project, keys::PROJECT, notes)?;
                project.get("name")
            }
            None => None,
        };
        let project = project.map_or(Ok(DEFAULT), |name| name.text())?.to_owned();
        let name = pipeline.get("name").ok_or_else(needed)?.text()?.to_owned();
        Ok(Self { project, name })
    }

    /// What a source reads that stands in a spec of the project `home`.
    pub(super) fn read_by(pfs: &Node<'_>, home: &str) -> Result<Self, Mistake> {
        let repo = pfs.get("repo").ok_or_else(|| pfs.wrong("it needs a `repo`"))?;
        let project = pfs.get("project").map_or(Ok(home), |project| project.text())?.to_owned();
        Ok(Self { project, name: repo.text()?.to_owned() })
    }
}

impl Family {
    /// Takes in the pipeline that a document describes.
    pub(super) fn add(&mut self, document: &Node<'_>, key: Key) -> Result<StageName, Mistake> {
        let wrong = |message: String| Mistake { path: "pipeline.name".to_owned(), message };
        let stage: StageName = legal(&key.name).parse().map_err(|error| wrong(format!("{error}")))?;
        if self.0.values().any(|member| member.stage == stage) {
            return Err(wrong(format!("another document of this file is the stage {stage} already")));
        }
        let first = match document.get("input").and_then(|input| first_source(&input)) {
            Some(pfs) => Some((Key::read_by(&pfs, &key.project)?, branch(&pfs)?.to_owned())),
            None => None,
        };
        self.0.insert(key, Member { stage: stage.clone(), first });
        Ok(stage)
    }

    /// Where that which Pachyderm calls `key` is here.
    pub(super) fn origin(&self, key: &Key) -> Origin<'_> {
        match self.0.get(key) {
            Some(member) => Origin::Stage(&member.stage),
            None if key.project == DEFAULT => Origin::Repo(key.name.clone()),
            None => Origin::Repo(format!("{}/{}", key.project, key.name)),
        }
    }

    /// The branch that Pachyderm calls `branch`, of the repo `key`. The main branch of an output is the one that its stage writes.
    pub(super) fn branch(&self, key: &Key, branch: &str) -> String {
        let (mut key, mut branch) = (key, branch);
        // A circle, which the parser of pipeline files refuses, ends too.
        for _ in 0..=self.0.len() {
            if branch != "main" {
                return branch.to_owned();
            }
            let Some(first) = self.0.get(key).and_then(|member| member.first.as_ref()) else { break };
            (key, branch) = (&first.0, first.1.as_str());
        }
        "main".to_owned()
    }
}

/// The branch on which a source is read, where Pachyderm's `master` is `main`.
pub(super) fn branch<'a>(pfs: &Node<'a>) -> Result<&'a str, Mistake> {
    // With a trigger, it is the branch on which that waits.
    let waits = pfs.get("trigger").and_then(|trigger| trigger.get("branch"));
    let branch = waits.or_else(|| pfs.get("branch")).map_or(Ok("main"), |branch| branch.text())?;
    Ok(if branch == "master" { "main" } else { branch })
}

/// The source that is written first.
fn first_source<'a>(input: &Node<'a>) -> Option<Node<'a>> {
    let below = ["cross", "union", "join", "group"].into_iter().find_map(|form| input.get(form));
    match input.get("pfs") {
        Some(pfs) => Some(pfs),
        None => first_source(below?.items().ok()?.first()?),
    }
}

/// The text as a name: other characters than letters, digits, `_`, `-` and `.` become `-`.
pub(super) fn legal(text: &str) -> String {
    let good = |c: char| if c.is_alphanumeric() || "_-.".contains(c) { c } else { '-' };
    let name: String = text.chars().map(good).collect();
    name.trim_matches(['-', '.']).replace("..", "-")
}
