//! The keys of a spec, and what becomes of each.

use super::node::{Mistake, Node};
use super::notes::{Notes, Topic};
use crate::history::nearest;

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// It is translated.
    Honoured,
    /// It says nothing of what is done.
    Silent,
    /// It only means something on Kubernetes.
    Cluster,
    /// It says in which image a program runs, and how.
    Image,
    /// It would change what comes out and cannot be honoured. What to do instead.
    Refused(&'static str),
}
use Rule::{Cluster, Honoured, Image, Refused, Silent};

/// The keys of one kind of value.
pub(super) type Keys = [(&'static str, Rule)];

/// The keys of a document.
pub(super) const DOCUMENT: &Keys = &[
    ("pipeline", Honoured),
    ("description", Honoured),
    ("transform", Honoured),
    ("input", Honoured),
    ("output_branch", Honoured),
    ("parallelism_spec", Honoured),
    ("datum_tries", Honoured),
    ("datum_timeout", Honoured),
    ("job_timeout", Honoured),
    ("resource_limits", Honoured),
    ("reprocess_spec", Honoured),
    ("$schema", Silent),
    ("update", Silent),
    ("version", Silent),
    ("state", Silent),
    ("stopped", Silent),
    ("type", Silent),
    ("created_at", Silent),
    ("last_job_state", Silent),
    ("parallelism", Silent),
    ("reason", Silent),
    ("auth_token", Silent),
    ("recent_error", Silent),
    ("unclaimed_tasks", Silent),
    ("workers_requested", Silent),
    ("workers_available", Silent),
    ("worker_rc", Silent),
    ("user_spec_json", Silent),
    ("effective_spec_json", Silent),
    ("annotations", Cluster),
    ("autoscaling", Cluster),
    ("cache_size", Cluster),
    ("chunk_spec", Cluster),
    ("datum_set_spec", Cluster),
    ("determined", Cluster),
    ("enable_stats", Cluster),
    ("hashtree_spec", Cluster),
    ("labels", Cluster),
    ("max_queue_size", Cluster),
    ("maximum_expected_uptime", Cluster),
    ("metadata", Cluster),
    ("pod_patch", Cluster),
    ("pod_spec", Cluster),
    ("reprocess", Cluster),
    ("resource_requests", Cluster),
    ("salt", Cluster),
    ("scale_down_threshold", Cluster),
    ("scheduling_spec", Cluster),
    ("sidecar_resource_limits", Cluster),
    ("sidecar_resource_requests", Cluster),
    ("spec_commit", Cluster),
    ("standby", Cluster),
    ("tolerations", Cluster),
    (
        "egress",
        Refused(
            "nothing is pushed elsewhere; let a script follow the output with `vds run` and `vds checkout`",
        ),
    ),
    ("incremental", Refused("the program would see other files; see `incremental` in docs/pipelines.md")),
    ("inputs", Refused("this is the form of Pachyderm 1.3; write `input` with `pfs` and `cross`")),
    ("s3_out", Refused("outputs are directories here; let the program write to /pfs/out")),
    (
        "service",
        Refused("vds runs no services; let one read a directory that `vds checkout` keeps up to date"),
    ),
    (
        "spout",
        Refused(
            "vds runs no spouts; run the program by itself and let `vds watch` or `vds commit` take what it writes",
        ),
    ),
    ("tf_job", Refused("vds runs no jobs on Kubernetes; call the program in `transform.cmd`")),
];

/// The keys of `pipeline`.
pub(super) const PIPELINE: &Keys = &[("name", Honoured), ("project", Honoured)];

/// The keys of `pipeline.project`.
pub(super) const PROJECT: &Keys = &[("name", Honoured)];

/// The keys of `transform`.
pub(super) const TRANSFORM: &Keys = &[
    ("cmd", Honoured),
    ("stdin", Honoured),
    ("err_cmd", Honoured),
    ("env", Honoured),
    ("accept_return_code", Honoured),
    ("secrets", Honoured),
    ("image", Image),
    ("image_pull_secrets", Image),
    ("user", Image),
    ("dockerfile", Image),
    ("build", Image),
    ("debug", Cluster),
    ("memory_volume", Cluster),
    (
        "datum_batching",
        Refused(
            "a program is started once for each datum here; one that stays is told of them by `batch = true`, not by pachctl",
        ),
    ),
    ("err_stdin", Refused("`err_cmd` reads nothing; write it as [\"sh\", \"-c\", \"...\"]")),
    (
        "working_dir",
        Refused(
            "it is a directory of the image; the working directory is where the files named in `code` lie",
        ),
    ),
];

/// The keys of a secret.
pub(super) const SECRET: &Keys = &[
    ("name", Honoured),
    ("key", Honoured),
    ("mount_path", Honoured),
    ("env_var", Refused("secrets are not kept here; let the program read a file of this machine")),
];

/// The keys of `parallelism_spec`.
pub(super) const PARALLELISM: &Keys =
    &[("constant", Honoured), ("coefficient", Cluster), ("strategy", Cluster)];

/// The keys of `resource_limits`.
pub(super) const LIMITS: &Keys =
    &[("memory", Honoured), ("cpu", Cluster), ("gpu", Cluster), ("disk", Cluster)];

/// The keys of an input.
pub(super) const INPUT: &Keys = &[
    ("pfs", Honoured),
    ("cross", Honoured),
    ("union", Honoured),
    ("join", Honoured),
    ("group", Honoured),
    ("cron", Honoured),
    ("git", Refused("clone it yourself, `vds commit` the files to a repo, and read that with `pfs`")),
];

/// The keys of `pfs`.
pub(super) const PFS: &Keys = &[
    ("project", Honoured),
    ("name", Honoured),
    ("repo", Honoured),
    ("branch", Honoured),
    ("glob", Honoured),
    ("join_on", Honoured),
    ("outer_join", Honoured),
    ("group_by", Honoured),
    ("empty_files", Honoured),
    ("lazy", Honoured),
    ("repo_type", Honoured),
    ("commit", Refused("a source is a branch; make one at that commit with `vds branch create`")),
    (
        "from_commit",
        Refused("a stage reads all that its branch holds; commit what it shall read to a branch"),
    ),
    ("s3", Refused("inputs are directories here; let the program read /pfs/NAME")),
    ("trigger", Honoured),
];

/// The keys of `cron`.
pub(super) const CRON: &Keys = &[
    ("name", Honoured),
    ("spec", Honoured),
    ("start", Honoured),
    ("overwrite", Honoured),
    ("repo", Silent),
    ("project", Silent),
    ("commit", Refused("a clock has no commits but those of its moments")),
];

/// The keys of `pfs.trigger`.
pub(super) const TRIGGER: &Keys = &[
    ("branch", Honoured),
    ("all", Honoured),
    ("cron_spec", Honoured),
    ("rate_limit_spec", Honoured),
    ("size", Honoured),
    ("commits", Honoured),
];

/// Holds the keys of a value against those that are known.
pub(super) fn check(node: &Node<'_>, known: &Keys, notes: &mut Notes) -> Result<(), Mistake> {
    for (key, below) in node.fields()? {
        let Some((_, rule)) = known.iter().find(|(name, _)| *name == key) else {
            return Err(below.wrong(unknown(key, known)));
        };
        // `spout: {}` says something, other than what is empty elsewhere.
        let is_said = below.is_set() || (matches!(rule, Refused(_)) && below.is_object());
        if !is_said {
            continue;
        }
        match rule {
            Honoured | Silent => {}
            Cluster => notes.add(Topic::Cluster, below.path()),
            Image => {
                let said = below.text().map(|text| format!(" {text}")).unwrap_or_default();
                notes.add(Topic::Image, format!("{key}{said}"));
            }
            Refused(instead) => return Err(below.wrong(format!("this cannot be honoured: {instead}"))),
        }
    }
    Ok(())
}

fn unknown(key: &str, known: &Keys) -> String {
    let near = nearest(key, known.iter().map(|(name, _)| (*name).to_owned()));
    if let Some(near) = near.first() {
        return format!("no such key is known; did you mean `{near}`?");
    }
    let honoured = known.iter().filter(|(_, rule)| matches!(rule, Honoured));
    let names: Vec<String> = honoured.map(|(name, _)| format!("`{name}`")).collect();
    format!("no such key is known; expected one of {}", names.join(", "))
}
