//! `vds clone`.

use std::path::PathBuf;

use clap::ValueHint;
use serde_json::json;

use super::context::{Answer, Context};
use super::fetch::{amount, amount_fields};
use crate::object::RepoName;
use crate::transfer::{self, Choice, Scope};
use crate::view;

/// Make a store with all that another one has
///
/// The new store knows the other one as `origin`. Repos come with their branches, tags and whole history; pipelines do not,
/// so what a stage made is an ordinary repo in the clone, whose commits still say what they were made from. A clone that was
/// cut short is gone on with by the same command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds clone /mnt/desk/data ~/data
  vds clone /mnt/desk/data ~/data ticks truth   # only these repos")]
pub(super) struct Args {
    /// The store to take from, or the directory it was made for
    #[arg(value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    source: PathBuf,
    /// Where to make the new store: an empty directory, or a new one
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// Only these repos [default: all]
    #[arg(value_name = "REPO")]
    repos: Vec<RepoName>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let choices = args.repos.iter().map(|repo| Choice { repo: repo.clone(), name: None }).collect();
    let scope = if args.repos.is_empty() { Scope::All } else { Scope::Chosen(choices) };
    let cloned = transfer::clone(&args.source, &args.dir, &scope, &cx.author, cx.wait, cx.progress())?;
    let root = cloned.store.root().display().to_string();
    let mut document = json!({ "store": root, "remote": cloned.remote.name, "place": cloned.remote.place });
    let repos: Vec<_> = cloned.names.iter().map(|names| names.repo.as_str()).collect();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("repos".to_owned(), json!(repos));
        fields.extend(amount_fields(&cloned.copied));
    }
    let text = || {
        let count = view::count(repos.len() as u64, "repo");
        format!("cloned {count} into {root}: {}\n", amount(&cloned.copied))
    };
    cx.tell(&document, text, || format!("{root}\n"))
}
