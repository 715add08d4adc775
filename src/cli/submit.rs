//! `vds commit` in a workspace.

use serde_json::json;

use super::answer::document;
use super::commit::Args;
use super::complaint::usage;
use super::context::{Answer, Context, Made};
use super::trigger;
use super::words;
use crate::draft::Tally;
use crate::fault::Cause;
use crate::scope::Scope;
use crate::submit::{self, Saying, Submitted};
use crate::view;
use crate::workspace::{Look, Workspace};

/// Which of the changes are meant.
fn selection(args: &Args, workspace: &Workspace) -> Result<Scope, Cause> {
    let words: Vec<String> = args.only.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    words::selection(workspace, &words)
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let mut workspace = cx.workspace()?;
    if args.to.is_some() || args.mirror {
        let hint =
            "name the repo for that; in a workspace every file has its place, and deletions are committed";
        return Err(usage("--to and --mirror are for what does not lie in a workspace", hint));
    }
    let message = args.message()?;
    let selection = selection(args, &workspace)?;
    if args.dry_run {
        return rehearse(&workspace, &selection, cx);
    }
    let saying = Saying { author: &cx.author, message: &message, empty: args.empty() };
    let submitted = submit::submit(&mut workspace, &selection, saying, cx.progress())?;
    let Submitted { target, published, look, over, behind } = submitted;
    look.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let counts = view::Counts::from(published.tally);
    let commit = published.commit;
    let document = document(&json!({
        "commit": commit.map(|id| id.to_string()), "repo": target.repo, "branch": target.branch,
        "files": look.files, "stored_bytes": published.stored, "counts": counts, "warnings": look.warnings,
        "over": over.map(|id| id.to_string()), "behind": behind.as_ref().map(ToString::to_string),
    }));
    if let Some(error) = &behind {
        cx.note_behind(error, &target.branch);
    }
    let Some(id) = commit else {
        let on = match over {
            Some(head) => {
                format!("; it has moved on to {head:.12}, which `vds switch {}` brings here", target.branch)
            }
            None => String::new(),
        };
        cx.note(&format!("nothing differs from {target}: no commit was made{on}"));
        cx.note_waiting(workspace.store(), &target)?;
        let made = Made { document, text: String::new(), quiet: String::new(), done: "", operation: None };
        return cx.made(workspace.store(), made, Vec::new(), args.no_run);
    };
    trigger::note_stopped(&published.caused.stopped, cx);
    let title = view::line(message.lines().next().unwrap_or(""));
    let over = over
        .map(|head| format!(" on top of {head:.12}, which others had made meanwhile\n"))
        .unwrap_or_default();
    let text = format!("[{target} {id:.12}] {title}\n {counts}\n{over}");
    let (quiet, operation) = (format!("{id}\n"), published.operation);
    let made = Made { document, text, quiet, done: "the commit is made", operation };
    cx.made(workspace.store(), made, published.caused, args.no_run)
}

/// Finds out what a commit would be, and leaves store and workspace as they are.
fn rehearse(workspace: &Workspace, selection: &Scope, cx: &Context) -> Answer {
    let look = submit::rehearse(workspace, selection, cx.progress())?;
    look.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
    let Look { changes, files, warnings, .. } = look;
    let mut tally = Tally::default();
    changes.iter().for_each(|change| tally.count(change.before.as_ref(), change.after.as_ref()));
    let counts = view::Counts::from(tally);
    let marker = workspace.marker();
    let document = json!({
        "dry_run": true, "repo": marker.repo, "branch": marker.at.branch, "files": files, "counts": counts,
        "warnings": warnings,
    });
    let text = || format!("would commit to {workspace}\n {counts}\n");
    cx.say(&document, text, String::new)
}
