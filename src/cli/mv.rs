//! `vds mv`.

use super::context::{Answer, Context};
use super::edit::{How, edit};
use crate::history::Target;
use crate::pick::{self, Manner, Place};

/// Move or rename files within a branch
///
/// No content is read or written. One file or directory becomes TO; several, or a TO that ends with a slash, go into the
/// directory TO.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds mv ticks 2024/5 2024/05
  vds mv ticks '2024/05/*.txt' notes/")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH
    target: Target,
    /// Files, directories and patterns
    #[arg(required = true, value_name = "FROM")]
    from: Vec<String>,
    /// Where it goes
    to: Place,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let Args { target, from, to, how } = args;
    let message = format!("move {} to {to}", from.join(", "));
    edit(cx, target, how, message, |_, tree, draft| {
        let mut picked = Vec::new();
        for text in from {
            picked.extend(pick::pick(tree, text)?);
        }
        let placed = pick::place(tree, &picked, to, Manner::Move)?;
        for (path, _) in picked.iter().flat_map(|picked| &picked.files) {
            draft.remove(path.clone());
        }
        for (path, entry) in placed {
            draft.put(path, entry);
        }
        Ok(())
    })
}
