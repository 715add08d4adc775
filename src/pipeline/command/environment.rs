//! The environment of a stage's programs: what all its datums have in common, and what each has of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::datum::Datum;
use super::pachyderm;
use super::process::View;
use super::room::Room;
use crate::pipeline::spec::{Command, Compat, Role, variable};
use crate::pipeline::task::Task;

/// Variables by their names.
pub(super) type Environment = BTreeMap<OsString, OsString>;

/// The variables that a program gets from the environment of vds.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "USER", "TZ"];

/// What all datums of the stage have in common.
pub(super) fn common(task: &Task<'_>, command: &Command, view: View, room: &Room) -> Environment {
    let mut env: Environment =
        PASSED_ON.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
    let mut set = |name: &str, value: OsString| drop(env.insert(name.into(), value));
    for (name, sub) in [("VDS_IN", "in"), ("VDS_OUT", "out"), ("TMPDIR", "tmp")] {
        set(name, view.place(room, sub).into());
    }
    set("VDS_JOB", task.job.id.to_string().into());
    set("VDS_RUN", task.job.run.to_string().into());
    set("VDS_REPO", task.output.name.to_string().into());
    set("VDS_BRANCH", task.job.branch.clone().into());
    set("VDS_PIPELINE", task.job.pipeline.clone().into());
    set("VDS_STAGE", task.job.stage.clone().into());
    env.extend(command.env.iter().map(|(name, value)| (name.into(), value.into())));
    env
}

/// What the datum has of its own.
pub(super) fn own(task: &Task<'_>, command: &Command, view: View, datum: &Datum, room: &Room) -> Environment {
    let mut env = Environment::new();
    let mut set = |name: &str, value: OsString| drop(env.insert(name.into(), value));
    let leaves = task.stage.input.leaves();
    for part in &datum.parts {
        let name = variable(&part.input);
        let Some(input) = task.inputs.get(part.source) else { continue };
        set(&format!("VDS_IN_{name}"), view.place(room, "in").join(&part.input).into());
        set(&format!("VDS_UNIT_{name}"), part.units.join("\n").into());
        let role = leaves.get(part.source).map(|leaf| &leaf.role);
        if let Some((by, key)) = role.and_then(Role::variable).zip(part.key.as_ref()) {
            set(&format!("{by}_{name}"), key.into());
        }
        set(&format!("VDS_REPO_{name}"), input.repo.clone().into());
        set(&format!("VDS_COMMIT_{name}"), input.commit.to_string().into());
        set(&format!("VDS_BRANCH_{name}"), input.branch.clone().into());
    }
    set("VDS_DATUM", datum.name.clone().into());
    set("VDS_DATUM_ID", datum.key(&task.code).to_string().into());
    if datum.previous.is_some() {
        for (name, sub) in [("VDS_PREVIOUS", "previous"), ("VDS_CHANGES", "changes")] {
            set(name, view.place(room, sub).into());
        }
    }
    if command.compat == Some(Compat::Pachyderm) {
        let variables = pachyderm::variables(task, view, datum, room);
        env.extend(variables.into_iter().map(|(name, value)| (name.into(), value)));
    }
    env
}
