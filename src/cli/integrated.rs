//! What `merge`, `revert` and `cherry-pick` have in common: how a merge is made, and what is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::document;
use super::complaint::{complaint, failure, usage};
use super::context::{Answer, Context, Made, commit_of};
use crate::fault::{Cause, Kind};
use crate::history::{self, DEFAULT_BRANCH, Location, Revision, Target};
use crate::integrate::{self, Choice, Ends, Integrated, OnConflict, Outcome, Preview, Request};
use crate::merge::{Conflict, Labels, Manner, Renames, Rule, Rules, Side};
use crate::object::{CommitId, RepoName};
use crate::store::Store;
use crate::view;

/// How a merge is made.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// How files that both sides changed are settled: PATTERN=STRATEGY, or STRATEGY for all
    ///
    /// A strategy is ask (a conflict, the default), ours, theirs, newer (the side whose commit that changed the file has the later
    /// time), text (line by line, as git does), union (the lines of both), csv:key=COLUMN,... (row by row, cell by cell),
    /// json (value by value), or command:COMMAND (called as git calls a merge driver: %O %A %B %P). The last one that matches a path
    /// counts; those of the repo (`vds repo policy`) come before these.
    #[arg(short, long = "strategy", value_name = "RULE")]
    strategies: Vec<Rule>,
    /// Let what was changed under an old name go to the new one, where the other side renamed the file
    #[arg(long)]
    follow_renames: bool,
    /// Do not keep a merge that has conflicts open
    #[arg(long)]
    fail_on_conflict: bool,
    /// How many seconds a command:... may take for one file
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    driver_timeout: u64,
    /// Say what would come of it, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

/// What is brought onto a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// All of a branch, for which the repo's rules are made.
    Branch,
    /// What one commit changed. Of the repo's rules those hold that look into files.
    Change,
}

impl How {
    /// Whether triggered jobs are left for `vds run`.
    pub(super) fn later(&self) -> bool {
        self.no_run
    }

    /// The manner of a merge of `theirs` into the branch.
    pub(super) fn manner(
        &self,
        store: &Store,
        target: &Target,
        theirs: String,
        brought: Brought,
    ) -> Result<Manner, Cause> {
        let kept = {
            let facts = store.session()?;
            let repo = history::load_repo(&facts, &target.repo)?;
            integrate::load_policy(&facts, &repo)?
        };
        let kept = if brought == Brought::Branch { kept } else { kept.that_blend() };
        let rules = kept.then(Rules::new(self.strategies.clone()));
        let renames = if self.follow_renames { Renames::Follow } else { Renames::Tell };
        let labels = Labels { ours: target.branch.to_string(), theirs };
        Ok(Manner { rules, renames, labels, timeout: Duration::from_secs(self.driver_timeout) })
    }
}

/// The commit that was named, in the branch's repo.
pub(super) fn named(store: &Store, repo: &RepoName, text: &str) -> Result<CommitId, Cause> {
    let whole = text.parse::<Location>().ok().filter(|_| text.contains('@') && !text.starts_with('@'));
    let rev = match (text.strip_prefix('@').unwrap_or(text).parse::<Revision>(), whole) {
        (Ok(rev), _) => rev,
        (Err(_), Some(Location { repo: other, rev, path: None })) if other == *repo => rev,
        (Err(_), Some(Location { repo: other, path: None, .. })) => {
            return Err(usage(
                format!("{text} is in the repo {other}, and changes stay within one repo, here {repo}"),
                format!("`vds cp {repo} {text}:PATH TO` brings files over"),
            ));
        }
        (Err(error), _) => return Err(history::Error::from(error).into()),
    };
    commit_of(store, repo, rev)
}

/// Brings it onto the branch and tells what came of it.
pub(super) fn bring(cx: &Context, store: &Store, target: &Target, request: &Request, how: &How) -> Answer {
    if how.dry_run {
        let Preview { outcome, stages } = integrate::foresee(store, &cx.author, target, request)?;
        let mut told = told(target, request, &outcome, Tense::Would);
        let stages: Vec<Value> = stages
            .iter()
            .map(|stage| json!({ "stage": stage.stage, "branch": stage.branch, "datums": stage.datums }))
            .collect();
        let lines: String = stages
            .iter()
            .map(|stage| {
                let datums = stage["datums"].as_u64().map_or_else(
                    || "after the stage before it".to_owned(),
                    |count| view::count(count, "datum"),
                );
                format!(" would run {}@{} ({datums})\n", text_of(&stage["stage"]), text_of(&stage["branch"]))
            })
            .collect();
        if let Some(fields) = told.document.as_object_mut() {
            fields.insert("dry_run".to_owned(), json!(true));
            fields.insert("stages".to_owned(), json!(stages));
        }
        let text = told.text + &lines;
        return answer(cx, told.document, text, &outcome, refusal(target, request, &outcome, Kept::No));
    }
    let on_conflict = if how.fail_on_conflict { OnConflict::Fail } else { OnConflict::Keep };
    let local = cx.local(target)?;
    let outcome = integrate::integrate(store, &cx.author, target, request, on_conflict, local.as_ref())?;
    tell(cx, store, target, request, outcome, how.no_run)
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Tells what came of a merge, and runs what it triggered.
pub(super) fn tell(
    cx: &Context,
    store: &Store,
    target: &Target,
    request: &Request,
    outcome: Outcome,
    later: bool,
) -> Answer {
    let Told { document, text, quiet } = told(target, request, &outcome, Tense::Did);
    if outcome.came == Integrated::Conflicted {
        let kept = if outcome.operation.is_some() { Kept::Open } else { Kept::No };
        return answer(cx, document, text, &outcome, refusal(target, request, &outcome, kept));
    }
    if outcome.came != Integrated::Nothing {
        cx.follow(target, outcome.commit)?;
    }
    let made =
        Made { document, text, quiet, done: "what was asked for is done", operation: outcome.operation };
    cx.made(store, made, outcome.jobs, later)
}

/// Gives an answer about what did not change the branch, and the refusal that goes with it.
fn answer(
    cx: &Context,
    mut document: Value,
    text: String,
    outcome: &Outcome,
    refusal: Option<Cause>,
) -> Answer {
    if let Some(fields) = document.as_object_mut() {
        fields.insert("operation".to_owned(), json!(outcome.operation));
        if let Some(cause) = &refusal {
            fields.insert("error".to_owned(), failure(cause));
        }
    }
    let quiet = || outcome.conflicts.iter().map(|conflict| format!("{}\n", conflict.clash.path)).collect();
    cx.say(&document, || text, quiet)?;
    refusal.map_or(Ok(0), Err)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Open,
    No,
}

fn refusal(target: &Target, request: &Request, outcome: &Outcome, kept: Kept) -> Option<Cause> {
    let count = outcome.conflicts.len() as u64;
    let message = format!(
        "{} of {} into {target}: {}",
        request.action.verb(),
        request.manner.labels.theirs,
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

struct Told {
    document: Value,
    text: String,
    quiet: String,
}

/// Whether it is done, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tense {
    Did,
    Would,
}

fn told(target: &Target, request: &Request, outcome: &Outcome, tense: Tense) -> Told {
    let counts = view::Counts::from(outcome.tally);
    let no_ends = Ends { ours: outcome.commit, theirs: None, bases: Vec::new() };
    let ends = outcome.ends.as_ref().unwrap_or(&no_ends);
    let conflicts: Vec<view::Conflict> =
        outcome.conflicts.iter().map(|conflict| view::Conflict::new(conflict, ends, None)).collect();
    let settled: Vec<view::Settled> = outcome.settled.iter().map(view::Settled::new).collect();
    let bases: Vec<String> = ends.bases.iter().map(ToString::to_string).collect();
    let document = document(&json!({
        "result": view::came(outcome.came), "repo": target.repo, "branch": target.branch,
        "commit": outcome.commit.to_string(), "bases": bases, "counts": counts,
        "settled": settled, "conflicts": conflicts,
    }));
    let id = outcome.commit;
    let theirs = &request.manner.labels.theirs;
    let lines: String = settled
        .iter()
        .map(|file| format!(" settled {} by {}\n", view::path(&file.path), view::line(&file.strategy)))
        .collect();
    let title = view::line(request.message.lines().next().unwrap_or_default());
    let text = match outcome.came {
        Integrated::Nothing => format!("{target} has all of {} already\n", view::line(theirs)),
        Integrated::Forwarded if tense == Tense::Would => {
            format!("would move {target} forward to {id:.12}\n {counts}\n")
        }
        Integrated::Forwarded => format!("{target} moved forward to {id:.12}\n {counts}\n"),
        Integrated::Made if tense == Tense::Would => {
            format!("would commit to {target}: {title}\n {counts}\n{lines}")
        }
        Integrated::Made => format!("[{target} {id:.12}] {title}\n {counts}\n{lines}"),
        Integrated::Conflicted => {
            let all: String =
                outcome.conflicts.iter().map(|conflict| conflict_lines(conflict, None)).collect();
            format!("{all}{lines} the rest goes together: {counts}\n")
        }
    };
    let quiet = if outcome.came == Integrated::Nothing { String::new() } else { format!("{id}\n") };
    Told { document, text, quiet }
}

/// A conflict for people.
pub(super) fn conflict_lines(conflict: &Conflict, choice: Option<Choice>) -> String {
    let clash = &conflict.clash;
    let deleter = if clash.versions.ours.is_none() { Side::Ours } else { Side::Theirs };
    let who = if deleter == Side::Ours { "ours" } else { "theirs" };
    let mut remarks = Vec::new();
    match clash.kind {
        crate::merge::ConflictKind::ModifyDelete => remarks.push(format!("deleted by {who}")),
        crate::merge::ConflictKind::FileDirectory => remarks.push(format!("a directory in {who}")),
        _ => {}
    }
    remarks.extend(clash.renamed_to.iter().map(|to| format!("which has it as {}", view::path(to.as_str()))));
    remarks.extend(choice.map(|choice| format!("settled with {}", view::choice(choice))));
    let remarks = if remarks.is_empty() { String::new() } else { format!("  ({})", remarks.join(", ")) };
    let details: String =
        conflict.details.iter().map(|detail| format!("    {}\n", view::line(detail))).collect();
    format!("{:<15} {}{remarks}\n{details}", clash.kind.word(), view::path(clash.path.as_str()))
}

/// The branch and what is to be brought onto it, as they were named; a branch that was not is that of the workspace.
pub(super) fn onto(cx: &Context, names: &[String]) -> Result<(Target, String), Cause> {
    match names {
        [target, what] => Ok((target.parse().map_err(history::Error::from)?, what.clone())),
        [what] => match cx.target_here()? {
            Some(target) => Ok((target, what.clone())),
            None => Err(usage(
                "no branch was named, and this directory is not in a workspace of one",
                format!("name the branch first: REPO@BRANCH {what}"),
            )),
        },
        _ => Err(usage(
            "it is not said what is to be brought onto which branch",
            "name both: REPO@BRANCH and what",
        )),
    }
}

/// The branch whose open merge is meant: the one that was named, else the workspace's, else the only one there is.
pub(super) fn open_target(cx: &Context, store: &Store, named: Option<&String>) -> Result<Target, Cause> {
    if let Some(target) = named {
        return Ok(target.parse().map_err(history::Error::from)?);
    }
    let mut open = integrate::list(store)?;
    // What others have open elsewhere is not meant.
    if let Some(here) = cx.target_here()? {
        return if open.contains(&here) {
            Ok(here)
        } else {
            Err(integrate::Error::NotOpen { target: here }.into())
        };
    }
    match (open.pop(), open.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => {
            Err(complaint(Kind::NotFound, "no merge is open", "`vds merge REPO@BRANCH FROM` begins one"))
        }
        (Some(last), false) => {
            open.push(last);
            let names: Vec<String> = open.iter().map(ToString::to_string).collect();
            Err(usage(
                format!("several merges are open: {}", names.join(", ")),
                "name the branch: REPO@BRANCH",
            ))
        }
    }
}

/// What a merge says when nothing else is said.
pub(super) fn default_message(verb: &str, theirs: &str, target: &Target) -> String {
    let into = if target.branch.as_str() == DEFAULT_BRANCH {
        String::new()
    } else {
        format!(" into {}", target.branch)
    };
    format!("{verb} {theirs}{into}")
}
