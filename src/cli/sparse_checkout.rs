//! `vds sparse-checkout`.

use serde_json::json;

use super::context::{Answer, Context};
use super::switch::loss;
use super::words;
use crate::fault::Cause;
use crate::scope::Scope;
use crate::view;
use crate::workspace::{Moved, Workspace};

/// Choose which part of its commit this workspace holds
///
/// What the workspace comes to hold is written, and what it no longer holds is removed; local changes are not lost by that. It commits
/// only what it holds, and leaves the rest of the branch as it is.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Say what it holds
    #[command(after_help = "Example:\n  vds sparse-checkout list")]
    List,
    /// Hold these files and directories, and what matches these patterns, and nothing else
    #[command(after_help = "Example:\n  vds sparse-checkout set 2024/05 '**/*.toml'")]
    Set(Args),
    /// Hold these as well
    #[command(after_help = "Example:\n  vds sparse-checkout add 2024/06")]
    Add(Args),
    /// Hold everything
    #[command(after_help = "Example:\n  vds sparse-checkout disable")]
    Disable {
        /// Replace new files that are in the way
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, directories and patterns, from where you are
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Lose local changes to what is no longer held, and new files that are in the way
    #[arg(long)]
    force: bool,
}

pub(super) fn run(verb: &Verb, cx: &Context) -> Answer {
    let mut workspace = cx.workspace()?;
    if let Verb::List = verb {
        return tell(&workspace, Moved::default(), String::new(), cx);
    }
    let held = workspace.hold()?;
    let (scope, force) = match verb {
        Verb::List => (workspace.scope().clone(), false),
        Verb::Disable { force } => (Scope::whole(), *force),
        Verb::Set(args) => (named(&workspace, args, cx)?, args.force),
        Verb::Add(args) => {
            let (now, more) = (workspace.scope().clone(), named(&workspace, args, cx)?);
            let both = [now.paths(), more.paths()].concat();
            // What holds everything cannot hold more.
            let whole = now.is_whole() || more.is_whole();
            let both =
                if whole { Scope::whole() } else { Scope::new(both, [now.globs(), more.globs()].concat())? };
            (both, args.force)
        }
    };
    let moved = workspace.choose(&held, scope, loss(force), cx.progress())?;
    let Moved { written, removed, .. } = moved;
    let did = format!("{} written, {removed} removed\n", view::count(written, "file"));
    tell(&workspace, moved, did, cx)
}

/// What was named.
fn named(workspace: &Workspace, args: &Args, cx: &Context) -> Result<Scope, Cause> {
    let start = cx.start(&workspace.marker().repo)?;
    words::scope_to_hold(cx, &start, &args.paths, workspace.snapshot()?, workspace.to_string())
}

fn tell(workspace: &Workspace, moved: Moved, did: String, cx: &Context) -> Answer {
    let scope = workspace.scope();
    let document = json!({
        "paths": scope.paths(), "globs": scope.globs(), "written": moved.written, "removed": moved.removed,
    });
    let held =
        if scope.is_whole() { "holds everything\n".to_owned() } else { format!("holds only {scope}\n") };
    let names = || scope.names().map(|name| format!("{name}\n")).collect();
    cx.tell(&document, || did + &held, names)
}
