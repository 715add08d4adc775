//! `vds restore`.

use serde_json::json;

use super::context::{Answer, Context};
use super::here;
use super::switch::loss;
use super::words;
use crate::view;
use crate::workspace::Restored;

/// Take back local changes to files in this workspace
///
/// The files become what they are in the workspace's commit, or in --source. Those that are new here are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds restore 2024/05/01.csv
  vds restore .                     # everything below this directory
  vds restore '*.csv' --source main~3")]
pub(super) struct Args {
    /// Files, directories and patterns, from where you are
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// What they are to be
    #[arg(short, long, value_name = "REV")]
    source: Option<String>,
    /// Replace new files, too, that are in the way
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let mut workspace = cx.workspace()?;
    let held = workspace.hold()?;
    let source = match &args.source {
        Some(text) => Some(here::commit(&workspace, text)?),
        None => workspace.marker().at.commit,
    };
    let selection = words::selection(&workspace, &args.paths)?;
    let Restored { written, removed, unchanged } =
        workspace.restore(&held, &selection, source, loss(args.force), cx.progress())?;
    let document = json!({
        "source": source.map(|id| id.to_string()), "written": written, "removed": removed, "unchanged": unchanged,
    });
    let text = || {
        let written = view::count(written, "file");
        format!("{written} written, {removed} removed, {unchanged} unchanged\n")
    };
    cx.tell(&document, text, String::new)
}
