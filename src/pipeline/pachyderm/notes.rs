//! What is noticed on the way and does not stop a translation. Each thing is told once, with all that it concerns.

use std::collections::{BTreeMap, BTreeSet};

/// What there is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Programs are not run in images; what was said of these.
    Image,
    /// Keys for Kubernetes.
    Cluster,
    /// Repos whose branch `master` was written out.
    Master,
    /// Stages whose outputs are on a branch that Pachyderm would not have taken.
    Output,
    /// Inputs that were to be read when they are opened.
    /// Stages with a limit of memory.
    Memory,
    /// Secrets that were to be files.
    Secrets,
    /// Stages from the time when outputs were put together.
    Concat,
}

/// What was noticed.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Topic, BTreeSet<String>>);

impl Notes {
    /// Notes that `what` is concerned.
    pub(super) fn add(&mut self, topic: Topic, what: impl Into<String>) {
        self.0.entry(topic).or_default().insert(what.into());
    }

    /// A sentence for each thing.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.0.iter().map(|(topic, what)| sentence(*topic, &join(what))).collect()
    }
}

fn join(what: &BTreeSet<String>) -> String {
    what.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn sentence(topic: Topic, what: &str) -> String {
    match topic {
        Topic::Image => format!(
            "programs run on this machine, not in an image: what they need must be installed here or be named in `code` ({what})"
        ),
        Topic::Cluster => {
            format!("these keys only mean something on Kubernetes and have no effect here: {what}")
        }
        Topic::Master => format!("the branch master is main here: {what}"),
        Topic::Output => format!("an output goes to the branch that the first input is read on: {what}"),
        Topic::Memory => format!(
            "a limit of memory counts the address space of a process here, which is more than it uses; raise it where a program fails: {what}"
        ),
        Topic::Secrets => {
            format!("secrets are not laid out; put the files where the programs look for them: {what}")
        }
        Topic::Concat => format!(
            "Pachyderm 1.x put together what several datums wrote to one path, so on_conflict = \"concat\": {what}"
        ),
    }
}
