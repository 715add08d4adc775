//! Specs and what becomes of them.

use super::{Translated, Untranslated, translate};
use crate::pipeline::spec::Spec;

fn read(text: &str) -> Result<Translated, String> {
    let untranslated = Untranslated { file: "f", stem: "my file", text, name: None };
    translate(&untranslated).map_err(|error| error.to_string())?.ok_or_else(|| "no spec".to_owned())
}

/// Checks what specs become, and that it can be read and is the same each time.
#[track_caller]
fn check(text: &str, want: &str, warnings: &[&str]) {
    let got = read(text).unwrap();
    assert_eq!(got.source, want);
    assert_eq!(got.warnings.len(), warnings.len(), "{:?}", got.warnings);
    for (got, want) in got.warnings.iter().zip(warnings) {
        assert!(got.contains(want), "{got:?} says nothing of {want:?}");
    }
    assert_eq!(Spec::parse("f", &got.source).unwrap().name, got.pipeline);
    assert_eq!(read(text).unwrap(), got);
}

const EDGES: &str = r#"{
  "pipeline": { "name": "edges" },
  "description": "finds the outlines of pictures",
  "transform": { "cmd": ["python3", "/edges.py"], "image": "cv:1.0" },
  "input": { "pfs": { "repo": "images", "glob": "/*" } }
}
"#;

const MONTAGE: &str = r#"{
  "pipeline": { "name": "montage" },
  "description": "puts all of them on one sheet\nof paper",
  "input": { "cross": [
    { "pfs": { "repo": "images", "branch": "master", "glob": "/" } },
    { "pfs": { "repo": "edges", "branch": "master", "glob": "/" } }
  ] },
  "transform": { "cmd": ["sh"], "stdin": ["cat /pfs/images/* /pfs/edges/* > /pfs/out/sheet", "echo done"], "image": "cv:1.0" },
  "datum_tries": 1
}"#;

const BOTH: &str = r#"# Translated from the Pachyderm pipelines edges, montage.
pipeline = "my-file"

# finds the outlines of pictures
[stage.edges]
input = { from = "images@main:/*", name = "images" }
command = ["python3", "/edges.py"]
tries = 3
compat = "pachyderm"

# puts all of them on one sheet
# of paper
[stage.montage]
input = { cross = [
  { from = "images@main:/", name = "images" },
  { from = "my-file/edges@main:/", name = "edges" },
] }
command = ["sh"]
stdin = ["cat /pfs/images/* /pfs/edges/* > /pfs/out/sheet", "echo done"]
tries = 1
isolation = "required"
compat = "pachyderm"
"#;

#[test]
fn several_specs_become_one_pipeline_however_they_are_put_together() {
    let warnings = ["(image cv:1.0)", "the branch master is main here: edges, images"];
    for text in [
        format!("{EDGES}{MONTAGE}"),
        format!("[{EDGES},{MONTAGE}]"),
        format!("{EDGES}---\n{MONTAGE}\n---\n"),
        format!("---\n{EDGES}\n--- # the other\n{MONTAGE}"),
        serde_json::from_str::<serde_json::Value>(EDGES).unwrap().to_string() + MONTAGE,
    ] {
        check(&text, BOTH, &warnings);
    }
}

#[test]
fn yaml_and_camel_case_are_the_same() {
    let yaml = r#"# pictures
pipeline:
  name: edges
transform:
  cmd: [sh]
  stdin:
    - |
      for f in /pfs/images/*; do
        wc -c < $f
      done > /pfs/out/all
  errCmd: ["sh", "-c", "true"]
  acceptReturnCode: [3]
  env: { myName: "ann b", OTHER-ONE: x }
input:
  join:
    - pfs: { repo: images, glob: "(*)/*.png", joinOn: $1, outerJoin: true, emptyFiles: true, lazy: true }
    - pfs: { project: desk, repo: names, name: labels, glob: "/(*).txt/", joinOn: "$1", branch: dev }
datumTries: "5"
datumTimeout: 1h30m
jobTimeout: 100s
parallelismSpec: { constant: "4" }
resourceLimits: { memory: 2Gi, cpu: 1 }
resourceRequests: { memory: 1G }
reprocessSpec: every_job
autoscaling: true
podPatch: '[]'
spout: null
s3Out: false
---
"#;
    let want = r#"# Translated from the Pachyderm pipeline edges.
pipeline = "edges"

[stage.edges]
input = { join = [
  { empty_files = true, from = "images@main:/(*)/*.png", join_on = "$1", name = "images", outer_join = true },
  { from = "desk/names@dev:/(*).txt", join_on = "$1", name = "labels" },
] }
command = ["sh"]
stdin = ["""
for f in /pfs/images/*; do
  wc -c < $f
done > /pfs/out/all
"""]
env = { OTHER-ONE = "x", myName = "ann b" }
accept_return_code = [3]
err_cmd = ["sh", "-c", "true"]
tries = 5
timeout = "90m"
job_timeout = "100s"
limits = { memory = "2GiB" }
parallelism = 4
reprocess = "every_job"
isolation = "required"
compat = "pachyderm"
"#;
    let cluster = "no effect here: autoscaling, pod_patch, resource_limits.cpu, resource_requests";
    check(yaml, want, &[cluster, "address space"]);
}

#[test]
fn specs_of_1_x_put_outputs_together() {
    let old = r#"{"pipeline": {"name": "count"}, "transform": {"cmd": ["count"], "stdin": []}, "standby": true,
        "parallelism_spec": {"coefficient": 2}, "chunk_spec": {"number": 5}, "cache_size": "1G", "enable_stats": true,
        "input": {"union": [{"atom": {"repo": "a", "glob": "/*"}}, {"atom": {"name": "c", "repo": "b", "glob": "**.csv", "lazy": true}}]}}"#;
    let want = r#"# Translated from the Pachyderm pipeline count.
pipeline = "count"

[stage.count]
input = { union = [
  { from = "a@main:/*", name = "a" },
  { from = "b@main:/**.csv", lazy = true, name = "c" },
] }
command = ["count"]
tries = 3
compat = "pachyderm"
on_conflict = "concat"
"#;
    let cluster = "cache_size, chunk_spec, enable_stats, parallelism_spec.coefficient, standby";
    check(old, want, &[cluster, "on_conflict = \"concat\": count"]);
}

#[test]
fn what_pachctl_prints_of_a_pipeline_is_a_spec_too() {
    let printed = r#"{"pipeline": {"project": {"name": "desk"}, "name": "p"}, "version": "3", "specCommit": {"id": "1"}, "state": "PIPELINE_RUNNING",
        "details": {"transform": {"image": "x", "cmd": ["true"]}, "createdAt": "2024-01-01T00:00:00Z", "outputBranch": "master", "salt": "s",
        "input": {"pfs": {"project": "desk", "name": "r", "repo": "r", "repoType": "user", "branch": "master", "glob": "/"}}, "datumTries": "3"}}"#;
    let want = r#"# Translated from the Pachyderm pipeline p.
pipeline = "p"

[stage.p]
input = { from = "desk/r@main:/", name = "r" }
command = ["true"]
tries = 3
compat = "pachyderm"
"#;
    check(printed, want, &["(image x)", "salt, spec_commit", "main here: r"]);
}

/// A spec that reads `input` and has the keys `more`.
fn spec(name: &str, input: &str, more: &str) -> String {
    format!(r#"{{"pipeline": {{"name": "{name}"}}, "transform": {{"cmd": ["x"]}}, "input": {input} {more}}}"#)
}

#[test]
fn stages_read_each_other_where_they_write() {
    let file = spec("b", r#"{"pfs": {"repo": "a", "glob": "/"}}"#, "")
        + &spec(
            "a",
            r#"{"pfs": {"repo": "r", "branch": "staging", "glob": "/"}}"#,
            r#", "output_branch": "staging""#,
        );
    let got = read(&file).unwrap();
    assert!(got.source.contains(r#"from = "my-file/a@staging:/""#), "{}", got.source);
    assert_eq!(got.warnings.len(), 1);
    assert!(got.warnings[0].ends_with("read on: b on staging"), "{:?}", got.warnings);
}

#[track_caller]
#[test]
fn clocks_and_triggers_are_taken_over_and_outputs_are_read_where_they_go() {
    let trigger = r#"{"branch": "staging", "commits": 2, "size": "1K", "all": true}"#;
    let pfs = format!(r#"{{"pfs": {{"repo": "images", "glob": "/*", "trigger": {trigger}}}}}"#);
    let cron = r#"{"cron": {"name": "tick", "spec": "@daily", "overwrite": true}}"#;
    let file = spec("edges", &pfs, "")
        + &spec("montage", r#"{"pfs": {"repo": "edges", "glob": "/"}}"#, "")
        + &spec("nightly", cron, "");
    let source = read(&file).unwrap().source;
    for want in [
        r#"from = "images@staging:/*""#,
        r#"trigger = { all = [{ commits = 2 }, { size = "1kB" }] }"#,
        r#"edges@staging:/""#,
        r#"cron = "@daily""#,
        "overwrite = true",
    ] {
        assert!(source.contains(want), "{source} has no {want}");
    }
    Spec::parse("f", &source).unwrap();
}

fn refused(text: &str, want: &str) {
    let error = read(text).unwrap_err();
    assert!(error.contains(want), "{error:?} says nothing of {want:?}");
}

#[test]
fn what_would_change_the_result_is_refused_with_its_place() {
    let pfs = r#"{"pfs": {"repo": "r", "glob": "/*"}}"#;
    for (more, want) in [
        (
            r#", "spout": {"overwrite": true}"#,
            "f: document 1: spout: this cannot be honoured: vds runs no spouts",
        ),
        (r#", "service": {"internal_port": 1}"#, "document 1: service: "),
        (r#", "egress": {"URL": "s3://x"}"#, "document 1: egress: "),
        (r#", "s3Out": true"#, "document 1: s3_out: "),
        (r#", "incremental": true"#, "document 1: incremental: "),
        (r#", "output_branch": "dev""#, "document 1: output_branch: this cannot be honoured"),
        (r#", "datum_try": 1"#, "document 1: datum_try: no such key is known; did you mean `datum_tries`?"),
        (r#", "qqqqqq": 1"#, "expected one of `pipeline`, `description`"),
        (r#", "datum_timeout": "soon""#, "document 1: datum_timeout: \"soon\" is not a length of time"),
        (r#", "resource_limits": {"memory": "much"}"#, "resource_limits.memory: \"much\" is not a size"),
        (r#", "reprocess_spec": "always""#, "reprocess_spec: expected `until_success`"),
        (
            r#", "parallelism_spec": {"constant": "few"}"#,
            "parallelism_spec.constant: expected a whole number",
        ),
        (r#", "datum_tries": 1, "datumTries": 2"#, "document 1: datum_tries: this is said twice"),
        (r#", "datum_tries": -1"#, "document 1: datum_tries: expected a whole number, 0 or more"),
    ] {
        refused(&spec("p", pfs, more), want);
    }
    refused(&spec("p", pfs, r#", "spout": {}"#), "spout: this cannot be honoured");
    for (input, want) in [
        (r#"{"cron": {"name": "t", "spec": "daily"}}"#, "input.cron.spec: \"daily\" is not a schedule"),
        (r#"{"cron": {"spec": "@daily"}}"#, "input.cron: it needs a `name`"),
        (r#"{"pfs": {"repo": "r", "glob": "/", "trigger": {"size": "x"}}}"#, "input.pfs.trigger.size: "),
        (r#"{"git": {"URL": "x"}}"#, "input.git: "),
        (r#"{"cross": [{"pfs": {"repo": "r", "glob": "/", "s3": true}}]}"#, "input.cross[0].pfs.s3: "),
        (r#"{"pfs": {"repo": "r", "glob": "/["}}"#, "input.pfs.glob: "),
        (r#"{"pfs": {"repo": "r"}}"#, "input.pfs: it needs a `glob`"),
        (r#"{"pfs": {"glob": "/"}}"#, "input.pfs: it needs a `repo`"),
        (r#"{"pfs": {"repo": "a b", "glob": "/"}}"#, "input.pfs: "),
        (r#"{"pfs": {"repo": "r", "glob": 5}}"#, "input.pfs.glob: expected a text"),
        (r#"{"atom": {"repo": "r", "glob": "/", "from_commit": "1"}}"#, "input.pfs.from_commit: "),
        (r#"{"group": [{"cross": []}]}"#, "input.group[0]: the inputs of a `group` are sources"),
        (
            r#"{"join": [{"pfs": {"repo": "r", "glob": "/*"}}]}"#,
            "document 1: stage p: the input \"r\" needs a `join_on`",
        ),
        (
            r#"{"cross": [{"pfs": {"name": "x", "repo": "r", "glob": "/"}}, {"pfs": {"name": "x", "repo": "s", "glob": "/"}}]}"#,
            "two inputs are named \"x\"",
        ),
        ("{}", "document 1: it needs an `input`"),
        ("[1]", "document 1: input: expected keys and values"),
    ] {
        refused(&spec("p", input, ""), want);
    }
    for (transform, want) in [
        (r#"{"image": "x"}"#, "transform: it needs a `cmd`"),
        (r#"{"cmd": "x"}"#, "transform.cmd: expected a list"),
        (r#"{"cmd": ["x", 1]}"#, "transform.cmd[1]: expected a text"),
        (r#"{"cmd": ["x"], "working_dir": "/app"}"#, "transform.working_dir: "),
        (r#"{"cmd": ["x"], "err_stdin": ["x"]}"#, "transform.err_stdin: "),
        (r#"{"cmd": ["x"], "secrets": [{"name": "s", "env_var": "S"}]}"#, "transform.secrets[0].env_var: "),
        (r#"{"cmd": ["x"], "env": {"A": 1}}"#, "transform.env.A: expected a text"),
        (r#"{"cmd": ["x"], "stdn": ["x"]}"#, "transform.stdn: no such key is known; did you mean `stdin`?"),
    ] {
        let whole = format!(r#"{{"pipeline": {{"name": "p"}}, "transform": {transform}, "input": {pfs}}}"#);
        refused(&whole, want);
    }
    let two = spec("p", pfs, "") + &spec("q", pfs, r#", "spout": {"x": 1}"#);
    refused(&two, "f: document 2: spout: ");
    refused(&(spec("p", pfs, "") + &spec("p", pfs, "")), "document 2: pipeline.name: another document");
    refused(&(spec("p", pfs, "") + "{}"), "document 2: a spec has a `pipeline`");
    refused(&spec("...", pfs, ""), "document 1: pipeline.name: ");
}

#[test]
fn what_is_neither_is_told_in_its_own_words() {
    refused("{\"pipeline\": {\"name\": \"p\"},\n \"transform\": [,]}", "f: document 1: line 2, column ");
    refused("pipeline:\n  name: p\n---\npipeline:\n  name: q\n input: [\n", "f: document 2: line 6, column ");
    for other in ["", "pipeline = 'p'\n[stage.a]\n", "pipeline = ", "[stage.a\n", "5", "a: b\n", "[]"] {
        assert_eq!(read(other).unwrap_err(), "no spec", "{other}");
    }
    let deep = format!("pipeline:\n  name: p\ninput: {}{}\n", "[".repeat(9000), "]".repeat(9000));
    assert!(read(&deep).is_err());
    let bomb: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    assert!(read(&format!("pipeline:\n  name: p\na0: &a0 [x]\n{bomb}")).is_err());
}
