//! What is told of a merge: what came of it, and the conflicts that are left.

use serde_json::{Value, json};

use super::answer::document;
use super::complaint::{complaint, failure};
use super::context::{Answer, Context, undo};
use crate::fault::{Cause, Kind};
use crate::history::Target;
use crate::integrate::{Action, Ends, Integrated, Outcome, Request};
use crate::merge::{Conflict, ConflictKind};
use crate::store::Store;
use crate::view;

/// So many places of a renamed file are told to people.
const PLACES: usize = 5;

/// Gives an answer about what did not change the branch, and the refusal that goes with it.
pub(super) fn answer(cx: &Context, told: Told, outcome: &Outcome, refusal: Option<Cause>) -> Answer {
    let Told { mut document, text, .. } = told;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("operation".to_owned(), json!(outcome.operation));
        if let Some(cause) = &refusal {
            fields.insert("error".to_owned(), failure(cause));
        }
    }
    let quiet = || outcome.conflicts.iter().map(|conflict| format!("{}\n", conflict.clash.path)).collect();
    cx.say(&document, || text + &undo(outcome.operation), quiet)?;
    refusal.map_or(Ok(0), Err)
}

/// Whether a merge with conflicts waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is open.
    Open,
    /// It is not kept.
    No,
}

/// The refusal that conflicts mean, if there are any.
pub(super) fn refusal(target: &Target, request: &Request, outcome: &Outcome, kept: Kept) -> Option<Cause> {
    let count = outcome.conflicts.len() as u64;
    let message = format!(
        "{} of {} into {target}: {}",
        request.action.verb(),
        brought(request),
        view::count(count, "conflict")
    );
    let hint = match kept {
        Kept::Open => format!(
            "the branch is as it was; `vds resolve --on {target} PATH --with ours|theirs|base|FILE`, then `vds merge --continue {target}`; or `vds merge --abort {target}`"
        ),
        Kept::No => {
            "nothing was changed; -s PATTERN=STRATEGY settles files that both sides changed".to_owned()
        }
    };
    (count > 0).then(|| complaint(Kind::Refused, message, hint))
}

/// What came of a merge, for programs and people.
pub(super) struct Told {
    pub(super) document: Value,
    pub(super) text: String,
    pub(super) quiet: String,
}

/// Whether it is done, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tense {
    /// It is done.
    Did,
    /// It would be.
    Would,
}

/// What is brought, as people call it.
pub(super) fn brought(request: &Request) -> String {
    match request.action {
        Action::Revert { commit, .. } => format!("{commit:.12}"),
        _ => view::line(&request.manner.labels.theirs),
    }
}

/// Tells what came of a merge.
pub(super) fn told(
    store: &Store,
    target: &Target,
    request: &Request,
    outcome: &Outcome,
    tense: Tense,
) -> Result<Told, Cause> {
    let counts = view::Counts::from(outcome.tally);
    let no_ends = Ends { ours: outcome.commit, theirs: None, bases: Vec::new() };
    let ends = outcome.ends.as_ref().unwrap_or(&no_ends);
    let sink = store.rehearsal();
    let shape = |conflict: &Conflict| view::Conflict::new(&sink, conflict, ends, None);
    let conflicts = outcome.conflicts.iter().map(shape).collect::<Result<Vec<view::Conflict>, Cause>>()?;
    let settled: Vec<view::Settled> = outcome.settled.iter().map(view::Settled::new).collect();
    let followed: Vec<view::Followed> = outcome.followed.iter().map(view::Followed::from).collect();
    let parted: Vec<view::Parted> = outcome.parted.iter().map(view::Parted::from).collect();
    let bases: Vec<String> = ends.bases.iter().map(ToString::to_string).collect();
    let document = document(&json!({
        "result": view::came(outcome.came), "repo": target.repo, "branch": target.branch,
        "commit": outcome.commit.to_string(), "bases": bases, "counts": counts,
        "settled": settled, "followed": followed, "parted": parted, "conflicts": conflicts,
    }));
    let id = outcome.commit;
    let what = brought(request);
    let lines = settled_lines(&settled, &followed, &parted);
    let title = view::line(request.message.lines().next().unwrap_or_default());
    let text = match outcome.came {
        Integrated::Nothing if matches!(request.action, Action::Revert { .. }) => {
            format!("{target} has nothing of {what}\n")
        }
        Integrated::Nothing => format!("{target} has all of {what} already\n"),
        Integrated::Forwarded if tense == Tense::Would => {
            format!("would move {target} forward to {id:.12}\n {counts}\n")
        }
        Integrated::Forwarded => format!("{target} moved forward to {id:.12}\n {counts}\n"),
        Integrated::Made if tense == Tense::Would => {
            format!("would commit to {target}: {title}\n {counts}\n{lines}")
        }
        Integrated::Made => format!("[{target} {id:.12}] {title}\n {counts}\n{lines}"),
        Integrated::Conflicted => {
            let all: String = conflicts.iter().map(conflict_lines).collect();
            let rest =
                if outcome.tally.is_empty() { "nothing else changes" } else { "the rest goes together" };
            let counts = if outcome.tally.is_empty() { String::new() } else { format!(": {counts}") };
            format!("{all}{lines} {rest}{counts}\n")
        }
    };
    let quiet = if outcome.came == Integrated::Nothing { String::new() } else { format!("{id}\n") };
    Ok(Told { document, text, quiet })
}

/// What did not go together of itself, and what became of it.
fn settled_lines(settled: &[view::Settled], followed: &[view::Followed], parted: &[view::Parted]) -> String {
    let paths = |paths: &[String]| paths.iter().map(|path| view::path(path)).collect::<Vec<_>>().join(", ");
    let settled = settled
        .iter()
        .map(|file| format!(" settled {} by {}\n", view::path(&file.path), view::line(&file.strategy)));
    let followed = followed.iter().map(|file| {
        format!(" followed the rename of {} to {}\n", view::path(&file.from), view::path(&file.to))
    });
    let parted = parted.iter().map(|file| {
        let (from, ours, theirs) = (view::path(&file.from), paths(&file.ours), paths(&file.theirs));
        format!(" note: {from} was renamed to {ours} in ours, to {theirs} in theirs; all are kept\n")
    });
    settled.chain(followed).chain(parted).collect()
}

/// A conflict for people.
pub(super) fn conflict_lines(conflict: &view::Conflict) -> String {
    let sides = [("ours", &conflict.ours), ("theirs", &conflict.theirs)];
    let mut remarks = Vec::new();
    for (who, version) in sides {
        if let Some(directory) = &version.directory {
            remarks.push(format!("a directory in {who}, {}", view::count(directory.files, "file")));
        } else if version.file.is_none() && conflict.kind == ConflictKind::ModifyDelete.word() {
            remarks.push(format!("deleted by {who}"));
        }
    }
    let places: Vec<String> = conflict.renamed_to.iter().map(|to| view::path(to)).collect();
    match places.as_slice() {
        [] => {}
        [only] => remarks.push(format!("which has it as {only}")),
        several => {
            let (told, more) = several.split_at(several.len().min(PLACES));
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            remarks.push(format!("which has its content as {}{more}", told.join(", ")));
        }
    }
    remarks.extend(match (&conflict.moved_to, conflict.choice) {
        (Some(to), _) => Some(format!("goes to {}", view::path(to))),
        (None, Some(choice)) => Some(format!("settled with {choice}")),
        (None, None) => None,
    });
    let remarks = if remarks.is_empty() { String::new() } else { format!("  ({})", remarks.join(", ")) };
    let details: String =
        conflict.details.iter().map(|detail| format!("    {}\n", view::line(detail))).collect();
    format!("{:<15} {}{remarks}\n{details}", conflict.kind, view::path(&conflict.path))
}
