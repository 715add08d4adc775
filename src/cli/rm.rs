//! `vds rm`.

use super::context::{Answer, Context};
use super::edit::{How, edit};
use crate::history::Target;
use crate::pick;

/// Remove files from a branch, by path or pattern
///
/// A directory stands for all that lies below it. In a pattern `*` and `?` stop at a slash and `**` does not. The data
/// stays in the commits that have it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds rm ticks 2024/05/01 -m 'no trading on that day'
  vds rm ticks@bbg '**/*.tmp' --dry-run")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH
    target: Target,
    /// Paths, directories and patterns
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let Args { target, paths, how } = args;
    let message = format!("remove {}", paths.join(", "));
    edit(cx, target, how, message, |_, tree, draft| {
        for path in paths {
            for picked in pick::pick(tree, path)? {
                picked.files.into_iter().for_each(|(path, _)| draft.remove(path));
            }
        }
        Ok(())
    })
}
