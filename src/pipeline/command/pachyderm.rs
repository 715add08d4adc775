//! The variables that a program written for Pachyderm looks for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::datum::Datum;
use super::process::View;
use super::room::Room;
use crate::pipeline::spec::Role;
use crate::pipeline::task::Task;
use crate::program;

/// These variables, with their values for the datum.
pub(super) fn variables(task: &Task<'_>, view: View, datum: &Datum, room: &Room) -> Vec<(String, OsString)> {
    let inputs: PathBuf = match view {
        View::Own => Path::new(program::PFS).to_owned(),
        View::Shared => view.place(room, "in"),
    };
    let mut variables: Vec<(String, OsString)> = vec![
        ("PACH_DATUM_ID".into(), datum.key(&task.code).to_string().into()),
        ("PACH_JOB_ID".into(), task.job.id.to_string().into()),
        // There a job and the commit that comes of it have one id. What comes of this one has none before it is published.
        ("PACH_OUTPUT_COMMIT_ID".into(), task.job.id.to_string().into()),
        ("PACH_PIPELINE_NAME".into(), task.job.stage.clone().into()),
        ("PPS_PIPELINE_NAME".into(), task.job.stage.clone().into()),
    ];
    let leaves = task.stage.input.leaves();
    for part in &datum.parts {
        let name = &part.input;
        if let Some(unit) = part.units.first() {
            let dir = inputs.join(name);
            let place = if unit.is_empty() { dir } else { dir.join(unit) };
            variables.push((name.clone(), place.into()));
        }
        if let Some(input) = task.inputs.get(part.source) {
            variables.push((format!("{name}_COMMIT"), input.commit.to_string().into()));
        }
        let role = leaves.get(part.source).map(|leaf| &leaf.role);
        let word = match role {
            Some(Role::Join { .. }) => "JOIN_ON",
            Some(Role::Group { .. }) => "GROUP_BY",
            Some(Role::Plain) | None => continue,
        };
        variables.extend(part.key.as_ref().map(|key| (format!("PACH_DATUM_{name}_{word}"), key.into())));
    }
    variables
}
