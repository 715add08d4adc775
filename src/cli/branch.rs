//! `vds branch`.

use serde_json::json;

use super::answer::document;
use super::complaint::usage;
use super::context::{Answer, Context, Made, commit_of};
use super::trigger;
use crate::fault::Cause;
use crate::history::{self, Revision, Target};
use crate::object::{BranchName, RepoName};
use crate::pipeline::trigger::Caused;
use crate::pipeline::{self, follow};
use crate::store::Store;
use crate::{refs, view};

/// Make, list, move, rename and delete branches
///
/// A name may have slashes (feature/x), and a and a/b may stand side by side. A branch and a tag of one repo never have
/// the same name.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Begin a branch
    #[command(after_help = "Examples:
  vds branch create ticks@feature/x --from main~2
  vds branch create ticks@cleaned
  vds branch create ticks@main --trigger staging --commits 10")]
    Create {
        /// REPO@NEW
        target: Target,
        /// Where it begins [default: main; with --trigger, nowhere until that lets something through]
        #[arg(long, value_name = "REV")]
        from: Option<Revision>,
        /// Let it follow this branch, as `vds trigger set` does
        #[arg(long, value_name = "BRANCH")]
        trigger: Option<BranchName>,
        #[command(flatten)]
        when: Box<trigger::When>,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// List the branches of a repo
    #[command(after_help = "Examples:\n  vds branch list ticks\n  vds branch list ticks --all")]
    List {
        /// The repo [default: the workspace's]
        repo: Option<RepoName>,
        /// Those of remotes too, where they were last seen
        #[arg(short, long)]
        all: bool,
    },
    /// Point a branch at another commit
    #[command(after_help = "Example:\n  vds branch move ticks@main main~1")]
    Move {
        /// REPO@BRANCH
        target: Target,
        /// Where it is to point
        #[arg(value_name = "REV")]
        to: Revision,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// Give a branch another name
    #[command(after_help = "Example:\n  vds branch rename ticks@feature/x cleaned")]
    Rename {
        /// REPO@BRANCH
        target: Target,
        /// Its new name
        name: BranchName,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
    /// Delete a branch; its commits stay until they are collected
    #[command(after_help = "Example:\n  vds branch delete ticks@feature/x")]
    Delete {
        /// REPO@BRANCH
        target: Target,
    },
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Create { target, from, trigger: None, when, no_run } => {
            if !when.is_empty() {
                return Err(usage(
                    "a branch that follows none has nothing to wait for",
                    "name with --trigger the branch that it is to follow",
                ));
            }
            let from = from.map_or_else(|| "main".parse().map_err(history::Error::from), Ok)?;
            let id = commit_of(&store, &target.repo, from)?;
            let created = refs::create_branch(&store, &cx.author, &target, id)?;
            let text = format!("{target} begins at {id:.12}\n");
            let document = document(&view::Ref::new(&target.branch, id));
            let (quiet, operation) = (format!("{id}\n"), Some(created.operation));
            let made = Made { document, text, quiet, done: "the branch is made", operation };
            cx.made(&store, made, created.caused, no_run)
        }
        Verb::Create { target, from, trigger: Some(source), when, no_run } => {
            let condition = when.condition()?;
            let mut text = String::new();
            let mut caused = Caused::default();
            if let Some(from) = from {
                let id = commit_of(&store, &target.repo, from)?;
                caused = refs::create_branch(&store, &cx.author, &target, id)?.caused;
                text = format!("{target} begins at {id:.12}\n");
            }
            text += &format!("{target} follows {source}: {condition}\n");
            let operation = follow::follow(&store, &cx.author, &target, source.clone(), condition.clone())?;
            let set =
                trigger::Set { target: &target, source: &source, when: &condition, operation, text, caused };
            trigger::tell(&store, set, no_run, cx)
        }
        Verb::List { repo, all } => list(&store, &cx.repo(&store, repo.as_ref())?, all, cx),
        Verb::Move { target, to, no_run } => {
            let id = commit_of(&store, &target.repo, to)?;
            let moved = refs::move_branch(&store, &cx.author, &target, id)?;
            let before = moved.before.map(|id| format!("{id:.12}")).unwrap_or_default();
            let text = format!("{target} moved from {before} to {id:.12}\n");
            let mut document = document(&view::Ref::new(&target.branch, id));
            if let Some(fields) = document.as_object_mut() {
                fields.insert("before".to_owned(), json!(moved.before.map(|id| id.to_string())));
            }
            let (quiet, operation) = (format!("{id}\n"), Some(moved.operation));
            let made = Made { document, text, quiet, done: "the branch is moved", operation };
            cx.made(&store, made, moved.caused, no_run)
        }
        Verb::Rename { target, name, no_run } => {
            let moved = refs::rename_branch(&store, &cx.author, &target, &name)?;
            warn_readers(&store, &target, cx)?;
            let text = format!("{target} is now {}@{name}\n", target.repo);
            let commit = moved.after.map(|id| id.to_string());
            let document = document(&json!({ "from": target.branch, "name": name, "commit": commit }));
            let (quiet, operation) = (format!("{name}\n"), Some(moved.operation));
            let made = Made { document, text, quiet, done: "the branch is renamed", operation };
            cx.made(&store, made, moved.caused, no_run)
        }
        Verb::Delete { target } => {
            let deleted = refs::delete_branch(&store, &cx.author, &target)?;
            let was = deleted.was;
            let had_merge = deleted.merge == history::Carried::Along;
            let with = if had_merge { "; the merge into it that was open went with it" } else { "" };
            let text = format!("deleted {target}, which was at {was}{with}\n");
            let document = document(
                &json!({ "deleted": target.branch, "commit": was.to_string(), "open_merge": had_merge }),
            );
            warn_readers(&store, &target, cx)?;
            let (quiet, operation) = (format!("{was}\n"), Some(deleted.operation));
            cx.changed(Made { document, text, quiet, done: "the branch is deleted", operation })
        }
    }
}

/// Tells of the stages that read a branch which is gone.
fn warn_readers(store: &Store, gone: &Target, cx: &Context) -> Result<(), Cause> {
    let readers = pipeline::readers(&store.session()?, &gone.repo, &gone.branch)?;
    if !readers.is_empty() {
        let wait = if readers.len() == 1 { "reads it, and waits for it" } else { "read it, and wait for it" };
        cx.note(&format!("warning: {gone} is gone, and {} {wait}", readers.join(", ")));
    }
    Ok(())
}

fn list(store: &Store, repo: &RepoName, all: bool, cx: &Context) -> Answer {
    let (branches, seen) = {
        let facts = store.session()?;
        let repo = history::load_repo(&facts, repo)?;
        let seen = if all { history::remote_branches(&facts, &repo)? } else { Vec::new() };
        (history::branches(&facts, &repo)?, seen)
    };
    let ours = branches.iter().map(|(name, id)| view::Ref::new(name, *id));
    let theirs = seen.iter().map(|(name, id)| view::Ref::new(name, *id));
    let (ours, theirs): (Vec<_>, Vec<_>) = (ours.collect(), theirs.collect());
    let lines = |line: fn(&view::Ref) -> String| ours.iter().chain(&theirs).map(line).collect();
    let mut document = json!({ "branches": ours });
    if all && let Some(fields) = document.as_object_mut() {
        fields.insert("remote_branches".to_owned(), json!(theirs));
    }
    cx.say(
        &document,
        || lines(|r| format!("{:.12}  {}\n", r.commit, r.name)),
        || lines(|r| format!("{}\n", r.name)),
    )
}
