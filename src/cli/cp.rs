//! `vds cp`.

use super::context::{Answer, Context, resolve, snapshot};
use super::edit::{How, edit};
use super::ls::missing;
use crate::fault::Cause;
use crate::history::{Location, Target};
use crate::pick::{self, Manner, Picked, Place};
use crate::snapshot::Snapshot;
use crate::store::Store;

/// Copy files within a branch, or from another repo or commit
///
/// No content is read or written. One file or directory becomes TO; several, or a TO that ends with a slash, go into the
/// directory TO. A copied directory is laid over one that is there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds cp ticks 2024/05/01 backup/01
  vds cp ticks ticks@v1:2024/05 2024/05 -m 'as it was in v1'
  vds cp ticks '2024/05/*/notes.txt' truth@main:ecb.csv extras/")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH
    target: Target,
    /// Paths and patterns on the branch, or REPO@REV:PATH
    #[arg(required = true, value_name = "FROM")]
    from: Vec<String>,
    /// Where it goes
    to: Place,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let Args { target, from, to, how } = args;
    let message = format!("copy {} to {to}", from.join(", "));
    edit(cx, target, how, message, |store, tree, draft| {
        let mut picked = Vec::new();
        for text in from {
            picked.extend(find(store, tree, text)?);
        }
        for (path, entry) in pick::place(tree, &picked, to, Manner::Copy)? {
            draft.put(path, entry);
        }
        Ok(())
    })
}

/// What exists on the branch is meant before a repo of that name is.
fn find(store: &Store, tree: Snapshot<'_>, text: &str) -> Result<Vec<Picked>, Cause> {
    let here = pick::pick(tree, text);
    let elsewhere = text.parse::<Location>().ok().filter(|_| text.contains(['@', ':', '~', '^']));
    match (here, elsewhere) {
        (
            Err(pick::Error::Nothing { .. } | pick::Error::NoMatch { .. } | pick::Error::Path(_)),
            Some(location),
        ) => {
            let found = resolve(store, &location)?;
            let there = snapshot(store, &found)?;
            let files = there.files_at(found.path.as_ref())?;
            if files.is_empty() {
                return Err(missing(there, &location));
            }
            Ok(vec![Picked { path: found.path, files }])
        }
        (here, _) => Ok(here?),
    }
}
