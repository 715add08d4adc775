//! Triggers and clocks, as outsiders see them.

use std::fmt;

use serde::Serialize;

use super::text::time;
use crate::pipeline::{self, What};

/// A trigger, or a clock.
#[derive(Debug, Clone, Serialize)]
pub struct Trigger {
    /// `branch`, `input` or `clock`.
    pub kind: &'static str,
    /// The branch that follows (`REPO@BRANCH`), the stage (`PIPELINE/STAGE`), or the clock's repo.
    pub name: String,
    /// The input's name, of an input.
    pub input: Option<String>,
    /// What is followed or read (`REPO@BRANCH`), but of a clock.
    pub source: Option<String>,
    /// When something is let through.
    pub when: String,
    /// `level`: nothing has come. `waits`: something has, and is not let through yet. `due`: the next `vds run` lets it through.
    /// `held`: it was let through and taken back, and waits for more. `diverged`: commits of the branch's own are in the way.
    pub state: &'static str,
    /// When it may be let through though nothing more comes, RFC 3339.
    pub next: Option<String>,
}

impl From<&pipeline::Trigger> for Trigger {
    fn from(trigger: &pipeline::Trigger) -> Self {
        let (kind, name, input, source) = match &trigger.what {
            What::Branch(branch, source) => ("branch", branch.to_string(), None, Some(source.to_string())),
            What::Input(stage, input, source) => {
                ("input", stage.clone(), Some(input.clone()), Some(source.to_string()))
            }
            What::Clock(repo) => ("clock", repo.to_string(), None, None),
        };
        let (when, next) = (trigger.when.clone(), trigger.next.map(time));
        Self { kind, name, input, source, when, state: trigger.state, next }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, input, source, when, state, next, .. } = self;
        match (input, source) {
            (Some(input), Some(source)) => write!(f, "{state:<8}  {name}  input {input} ({source})  {when}")?,
            (None, Some(source)) => write!(f, "{state:<8}  {name}  follows {source}  {when}")?,
            (_, None) => write!(f, "{state:<8}  {name}  {when}")?,
        }
        next.as_ref().map_or(Ok(()), |next| write!(f, "  next {next}"))
    }
}
