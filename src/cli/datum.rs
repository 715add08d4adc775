//! `vds datum`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::answer::{Listing, document};
use super::context::{Answer, Context, Made};
use super::job::load;
use super::preview;
use crate::content;
use crate::fault::Cause;
use crate::object::{BranchName, Entry, StageName, TreePath};
use crate::pipeline::{self, Fate, Part, Shown};
use crate::store::Store;
use crate::view;

/// List a job's datums, show one, run one by hand
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the datums of a job, with what became of each
    #[command(after_help = "Examples:
  vds datum list 7
  vds datum list 7 --state failed --quiet

Of a job that has published nothing, those are listed that it had to do with.")]
    List {
        /// The job's number
        job: u64,
        /// Only datums in this state, or one of these: processed, reused, failed or recovered
        #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = ["processed", "reused", "failed", "recovered"])]
        state: Vec<String>,
    },
    /// List the datums that a pipeline file would make, without creating it
    #[command(after_help = "Examples:
  vds datum preview settlement.toml
  vds datum preview settlement.toml --stage report --branch main --json

Of each datum it is told what it reads, and whether its result is known, so that it would not run. A stage that reads another's
output shows its datums when that has run.")]
    Preview {
        /// The pipeline file
        file: PathBuf,
        /// Only this stage
        #[arg(long)]
        stage: Option<StageName>,
        /// Only this branch
        #[arg(long)]
        branch: Option<BranchName>,
    },
    /// Show a datum: what it read and wrote, and what its program printed
    #[command(after_help = "Example:\n  vds datum show 7 2024/05/03")]
    Show {
        /// The job's number
        job: u64,
        /// The datum's name
        name: String,
    },
    /// Lay a datum out in a directory, with a script that runs its command as the job did
    #[command(after_help = "Example:
  vds datum debug 7 2024/05/03 /tmp/debug && /tmp/debug/run.sh

The directory gets `in`, `code`, `out`, `tmp` and `run.sh`, which empties `out` and `tmp` and runs the command with
nothing but its own environment. What is changed in `code` there is changed there only.")]
    Debug {
        /// The job's number
        job: u64,
        /// The datum's name
        name: String,
        /// The directory, which is made
        dir: PathBuf,
    },
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::List { job, state } => list(&store, job, &state, cx),
        Verb::Preview { file, stage, branch } => {
            preview::run(&store, &file, stage.as_ref(), branch.as_ref(), cx)
        }
        Verb::Show { job, name } => show(&store, job, &name, cx),
        Verb::Debug { job, name, dir } => {
            let script = pipeline::lay_out(&store, &cx.author, &load(&store, job)?, &name, &dir)?;
            let script = script.display().to_string();
            let text = format!("datum {name} of job {job} is laid out; run {script}\n");
            let document = document(&json!({ "job": job, "datum": name, "script": script }));
            let (quiet, done) = (format!("{script}\n"), "the datum is laid out");
            cx.changed(Made { document, text, quiet, done, operation: None })
        }
    }
}

/// What became of a datum, in a word, and why if it failed.
fn told(fate: &Fate) -> (&'static str, Option<&str>) {
    match fate {
        Fate::Processed => ("processed", None),
        Fate::Reused => ("reused", None),
        Fate::Recovered => ("recovered", None),
        Fate::Failed(reason) => ("failed", Some(reason)),
    }
}

fn list(store: &Store, job: u64, states: &[String], cx: &Context) -> Answer {
    type Item = (String, Fate);
    let job = load(store, job)?;
    let document = |(name, fate): &Item| {
        let (state, reason) = told(fate);
        json!({ "datum": name, "state": state, "reason": reason })
    };
    let text = |(name, fate): &Item| {
        let (state, reason) = told(fate);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{state:<9}  {}{}\n", view::line(name), view::line(&reason))
    };
    let quiet = |(name, _): &Item| format!("{}\n", view::line(name));
    let listing = Listing { name: "datums", document: &document, text: &text, quiet: &quiet };
    cx.feed(&listing, |put| {
        pipeline::datums(store, &job, &mut |name, fate| {
            let is_wanted = states.is_empty() || states.iter().any(|state| state == told(&fate).0);
            if is_wanted { put(&(name, fate)) } else { ControlFlow::Continue(()) }
        })?;
        Ok(())
    })
}

fn show(store: &Store, job: u64, name: &str, cx: &Context) -> Answer {
    let Shown { name, fate, key, parts, output, log } = pipeline::datum(store, &load(store, job)?, name)?;
    let printed = log.map(|log| content::load(store.objects(), log.blob)).transpose().map_err(Cause::from)?;
    let printed = printed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (state, reason) = told(&fate);
    let document = json!({
        "job": job,
        "datum": name,
        "state": state,
        "reason": reason,
        "key": key.map(|key| key.to_string()),
        "inputs": parts.iter().map(input).collect::<Vec<_>>(),
        "output": output.as_ref().map(|files| views(files)),
        "log": printed,
    });
    let text = || {
        let mut text = format!("datum {} of job {job}\nstate {state}\n", view::line(&name));
        text += &reason.map(|reason| format!("reason {}\n", view::line(reason))).unwrap_or_default();
        text += &key.map(|key| format!("key {key}\n")).unwrap_or_default();
        for Part { input, files } in &parts {
            text += &format!("input {} ({}@{}) {}\n", input.name, input.repo, input.branch, input.commit);
            text += &paths(files);
        }
        if let Some(files) = &output {
            text += &format!("output {}\n{}", view::count(files.len() as u64, "file"), paths(files));
        }
        text + &printed.as_ref().map(|printed| format!("log\n{printed}")).unwrap_or_default()
    };
    cx.say(&document, text, || key.map(|key| format!("{key}\n")).unwrap_or_default())
}

fn input(Part { input, files }: &Part) -> Value {
    json!({
        "name": input.name,
        "repo": input.repo,
        "branch": input.branch,
        "commit": input.commit.to_string(),
        "files": views(files),
    })
}

fn views(files: &[(TreePath, Entry)]) -> Vec<view::File> {
    files.iter().map(|(path, entry)| view::File::new(path, entry)).collect()
}

fn paths(files: &[(TreePath, Entry)]) -> String {
    let line = |(path, entry): &(TreePath, Entry)| {
        format!("  {:.12}  {:>9}  {}\n", entry.blob.to_string(), entry.size, view::path(path.as_str()))
    };
    files.iter().map(line).collect()
}
