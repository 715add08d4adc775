//! What `rm`, `cp` and `mv` have in common: a commit made of edits alone, without the data.

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::change::{self, Base, Empty};
use crate::draft::Draft;
use crate::fault::Cause;
use crate::history::Target;
use crate::object::ObjectWrite;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::view;

#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// What is to be said of the commit
    #[arg(short, long)]
    message: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

/// Makes the edits that `decide` adds to a draft of the branch.
pub(super) fn edit(
    cx: &Context,
    target: &Target,
    how: &How,
    message: String,
    decide: impl Fn(&Store, Snapshot<'_>, &mut Draft) -> Result<(), Cause>,
) -> Answer {
    let store = cx.store()?;
    let begin = |sink: &dyn ObjectWrite| -> Result<(Base, Draft), Cause> {
        let base = change::open(&store, target, sink)?;
        let mut draft = Draft::new(base.tree);
        decide(&store, Snapshot::new(sink, base.tree), &mut draft)?;
        Ok((base, draft))
    };
    if how.dry_run {
        let rehearsal = store.rehearsal();
        let (_, draft) = begin(&rehearsal)?;
        let (_, tally) = draft.finish(&rehearsal)?;
        let counts = view::Counts::from(tally);
        let document =
            json!({ "dry_run": true, "repo": target.repo, "branch": target.branch, "counts": counts });
        return cx.say(&document, || format!("would change {target}: {counts}\n"), String::new);
    }
    let writer = store.writer();
    let (base, draft) = begin(&writer)?;
    let message = how.message.clone().unwrap_or(message);
    let published = change::publish(&store, &cx.author, base, draft, writer, &message, Empty::Skip)?;
    let counts = view::Counts::from(published.tally);
    let id = published.commit.map(|id| id.to_string());
    let text = if let Some(id) = published.commit {
        let title = view::line(message.lines().next().unwrap_or(""));
        format!("[{target} {id:.12}] {title}\n {counts}\n")
    } else {
        cx.note_waiting(&store, target)?;
        "nothing differs: no commit was made\n".to_owned()
    };
    let document = document(&json!({
        "commit": id, "repo": target.repo, "branch": target.branch, "counts": counts,
    }));
    let quiet = id.iter().map(|id| format!("{id}\n")).collect();
    let operation = published.operation;
    let made = Made { document, text, quiet, done: "the commit is made", operation };
    cx.made(&store, made, published.caused, how.no_run)
}
