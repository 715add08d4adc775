//! What `merge`, `revert` and `cherry-pick` have in common: how a merge is made, and what is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::complaint::{complaint, usage};
use super::context::{Answer, Context, Made, commit_of};
use super::merged::{Kept, Tense, Told, answer, refusal, told};
use crate::fault::{Cause, Kind};
use crate::history::{self, Location, Revision, Target};
use crate::integrate::{self, Integrated, OnConflict, Outcome, Preview, Request};
use crate::merge::{DRIVER_TIMEOUT, Labels, Manner, Renames, Rule, Rules};
use crate::object::{CommitId, RepoName};
use crate::pipeline::Foreseen;
use crate::progress::Amount;
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
    #[arg(long, value_name = "SECONDS", default_value_t = DRIVER_TIMEOUT.as_secs())]
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
        cx.progress().begin("merging", Amount::Steps(None));
        let foreseen = integrate::foresee(store, &cx.author, target, request);
        cx.progress().end();
        let Preview { outcome, stages } = foreseen?;
        let mut told = told(store, target, request, &outcome, Tense::Would)?;
        told.text += &stages.as_ref().map_or_else(
            || " which stages would run is known when the conflicts are settled\n".to_owned(),
            |stages| stages.iter().map(stage_line).collect(),
        );
        let shape = |stage: &Foreseen| json!({ "stage": stage.stage, "branch": stage.branch, "datums": stage.datums });
        let stages: Option<Vec<Value>> = stages.map(|stages| stages.iter().map(shape).collect());
        if let Some(fields) = told.document.as_object_mut() {
            fields.insert("dry_run".to_owned(), json!(true));
            fields.insert("stages".to_owned(), json!(stages));
        }
        return answer(cx, told, &outcome, refusal(target, request, &outcome, Kept::No));
    }
    let (on_conflict, kept) =
        if how.fail_on_conflict { (OnConflict::Fail, Kept::No) } else { (OnConflict::Keep, Kept::Open) };
    let local = cx.local(target)?;
    cx.progress().begin("merging", Amount::Steps(None));
    let outcome = integrate::integrate(store, &cx.author, target, request, on_conflict, local.as_ref());
    cx.progress().end();
    let outcome = outcome?;
    tell(cx, store, target, request, outcome, kept, how.no_run)
}

fn stage_line(stage: &Foreseen) -> String {
    let datums = stage
        .datums
        .map_or_else(|| "after the stage before it".to_owned(), |count| view::count(count, "datum"));
    format!(" would run {}@{} ({datums})\n", stage.stage, stage.branch)
}

/// Tells what came of a merge, and runs what it triggered.
pub(super) fn tell(
    cx: &Context,
    store: &Store,
    target: &Target,
    request: &Request,
    outcome: Outcome,
    kept: Kept,
    later: bool,
) -> Answer {
    let told = told(store, target, request, &outcome, Tense::Did)?;
    if outcome.came == Integrated::Conflicted {
        return answer(cx, told, &outcome, refusal(target, request, &outcome, kept));
    }
    if outcome.came != Integrated::Nothing {
        cx.follow(target, outcome.commit)?;
    } else if cx.target_here()?.as_ref() == Some(target) && !cx.stands_at(target, outcome.commit)? {
        let branch = &target.branch;
        cx.note(&format!(
            "here the files are still those of an earlier commit: `vds switch {branch}` brings them to the head; `vds switch -c NAME` keeps changes that meet it on a branch of their own, to be merged"
        ));
    }
    let Told { document, text, quiet } = told;
    let made =
        Made { document, text, quiet, done: "what was asked for is done", operation: outcome.operation };
    cx.made(store, made, outcome.caused, later)
}

/// The verb of which it may not have been said what is to be brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    /// `vds merge`.
    Merge,
    /// `vds revert`.
    Revert,
    /// `vds cherry-pick`.
    CherryPick,
}

impl Lacking {
    /// That only the branch was named.
    fn complaint(self, target: &Target) -> Cause {
        let (verb, done, what) = match self {
            Self::Merge => ("merge", "merged into", "FROM"),
            Self::Revert => ("revert", "reverted on", "COMMIT"),
            Self::CherryPick => ("cherry-pick", "picked onto", "COMMIT"),
        };
        usage(format!("what is to be {done} {target} is missing"), format!("`vds {verb} {target} {what}`"))
    }
}

/// The branch and what is to be brought onto it, as they were named; a branch that was not is that of the workspace.
pub(super) fn onto(cx: &Context, names: &[String], lacking: Lacking) -> Result<(Target, String), Cause> {
    match names {
        [target, what] => Ok((target.parse().map_err(history::Error::from)?, what.clone())),
        [what] => match cx.target_here()? {
            Some(target) => Ok((target, what.clone())),
            // Without the @ it is as likely what is to be brought.
            None => match what.parse::<Target>().ok().filter(|_| what.contains('@')) {
                Some(target) => Err(lacking.complaint(&target)),
                None => Err(usage(
                    "no branch was named, and this directory is not in a workspace of one",
                    format!("name the branch first: REPO@BRANCH {what}"),
                )),
            },
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
