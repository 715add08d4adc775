//! `vds branch` and `vds tag`.

use serde_json::json;

use super::commit::finish_jobs;
use super::context::{Answer, Context, resolve, usage};
use crate::change;
use crate::fault::Cause;
use crate::history::{self, Base, Error, Location, Repo, Revision, Target};
use crate::ledger::Outcome;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, RepoName, TagName};
use crate::store::Store;
use crate::view;

/// Make, list, move, rename and delete branches
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Begin a branch
    #[command(after_help = "Example:\n  vds branch create ticks@feature/x --from main~2")]
    Create {
        /// REPO@NEW
        target: Target,
        /// Where it begins
        #[arg(long, default_value = "main")]
        from: Revision,
    },
    /// List the branches of a repo
    List {
        /// The repo
        repo: RepoName,
    },
    /// Point a branch at another commit
    #[command(after_help = "Example:\n  vds branch move ticks@main main~1")]
    Move {
        /// REPO@BRANCH
        target: Target,
        /// Where it is to point
        to: Revision,
    },
    /// Give a branch another name
    Rename {
        /// REPO@BRANCH
        target: Target,
        /// Its new name
        name: BranchName,
    },
    /// Delete a branch; its commits stay until they are collected
    Delete {
        /// REPO@BRANCH
        target: Target,
    },
}

/// Make, list and delete tags
#[derive(Debug, clap::Subcommand)]
pub(super) enum TagVerb {
    /// Tag a commit
    #[command(after_help = "Example:\n  vds tag create ticks@v1 main~3")]
    Create {
        /// REPO@TAG
        target: Target,
        /// The commit
        #[arg(default_value = "main")]
        rev: Revision,
    },
    /// List the tags of a repo
    List {
        /// The repo
        repo: RepoName,
    },
    /// Delete a tag
    Delete {
        /// REPO@TAG
        target: Target,
    },
}

fn find(store: &Store, target: &Target) -> Result<(Repo, Option<CommitId>), Cause> {
    let facts = store.session()?;
    let repo = history::load_repo(&facts, &target.repo)?;
    let head = history::head(&facts, &repo, &target.branch)?;
    Ok((repo, head))
}

fn unknown(store: &Store, repo: &Repo, what: &'static str, name: &str) -> Cause {
    let names: Vec<String> = store
        .session()
        .ok()
        .and_then(|facts| history::branches(&facts, repo).ok())
        .map(|all| all.into_iter().map(|(name, _)| name.to_string()).collect())
        .unwrap_or_default();
    let nearest = if what == "branch" { names.into_iter().take(3).collect() } else { Vec::new() };
    Error::UnknownRef { repo: repo.name.clone(), what, name: name.to_owned(), nearest }.into()
}

fn commit_of(store: &Store, repo: &RepoName, rev: Revision) -> Result<CommitId, Cause> {
    Ok(resolve(store, &Location { repo: repo.clone(), rev, path: None })?.commit)
}

/// Names that read as revisions of another kind would never be found again.
fn check_name(name: &str) -> Result<(), Cause> {
    match name.parse::<Revision>() {
        Ok(Revision { base: Base::Name(_), .. }) => Ok(()),
        _ => {
            Err(usage(&format!("{name:?} cannot be a name"), "choose letters, digits, '-', '_', '.' and '/'"))
        }
    }
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Create { target, from } => {
            check_name(target.branch.as_str())?;
            let (repo, head) = find(&store, &target)?;
            repo.writable()?;
            if head.is_some() {
                return Err(Error::RefExists {
                    repo: repo.name,
                    what: "branch",
                    name: target.branch.to_string(),
                }
                .into());
            }
            let id = commit_of(&store, &target.repo, from)?;
            let jobs = change::move_branch(&store, &cx.author, &repo, &target.branch, None, Some(id))?;
            cx.say(
                &view::Ref::new(&target.branch, id),
                || format!("{target} begins at {id:.12}\n"),
                || format!("{id}\n"),
            );
            finish_jobs(cx, &store, &jobs, false)
        }
        Verb::List { repo } => {
            let branches = {
                let facts = store.session()?;
                history::branches(&facts, &history::load_repo(&facts, &repo)?)?
            };
            let views: Vec<view::Ref> = branches.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
            let text = || branches.iter().map(|(name, id)| format!("{id:.12}  {name}\n")).collect();
            cx.say(&json!({ "branches": views }), text, || {
                branches.iter().map(|(name, _)| format!("{name}\n")).collect()
            });
            Ok(0)
        }
        Verb::Move { target, to } => {
            let (repo, head) = find(&store, &target)?;
            repo.writable()?;
            let head = head.ok_or_else(|| unknown(&store, &repo, "branch", target.branch.as_str()))?;
            let id = commit_of(&store, &target.repo, to)?;
            let jobs = change::move_branch(&store, &cx.author, &repo, &target.branch, Some(head), Some(id))?;
            let text = || format!("{target} moved from {head:.12} to {id:.12}\n");
            cx.say(&view::Ref::new(&target.branch, id), text, || format!("{id}\n"));
            finish_jobs(cx, &store, &jobs, false)
        }
        Verb::Rename { target, name } => {
            check_name(name.as_str())?;
            let (repo, head) = find(&store, &target)?;
            repo.writable()?;
            let head = head.ok_or_else(|| unknown(&store, &repo, "branch", target.branch.as_str()))?;
            let mut batch = Batch::default();
            history::move_head(&mut batch, &repo, &target.branch, Some(head), None);
            history::move_head(&mut batch, &repo, &name, None, Some(head));
            match store.session()?.commit(&cx.author.now(), &batch)? {
                Outcome::Done { .. } => {}
                Outcome::Stale { .. } => {
                    return Err(
                        Error::RefExists { repo: repo.name, what: "branch", name: name.to_string() }.into()
                    );
                }
            }
            cx.say(
                &view::Ref::new(&name, head),
                || format!("{target} is now {}@{name}\n", target.repo),
                || format!("{name}\n"),
            );
            Ok(0)
        }
        Verb::Delete { target } => {
            let (repo, head) = find(&store, &target)?;
            repo.writable()?;
            let head = head.ok_or_else(|| unknown(&store, &repo, "branch", target.branch.as_str()))?;
            change::move_branch(&store, &cx.author, &repo, &target.branch, Some(head), None)?;
            let text = || {
                format!(
                    "deleted {target}, which was at {head}\nto bring it back: vds branch create {target} --from {head:.12}\n"
                )
            };
            cx.say(&view::Ref::new(&target.branch, head), text, || format!("{head}\n"));
            Ok(0)
        }
    }
}

pub(super) fn tag(verb: TagVerb, cx: &Context) -> Answer {
    let store = cx.store()?;
    let name_of = |target: &Target| -> Result<TagName, Cause> {
        Ok(target.branch.as_str().parse().map_err(Error::from)?)
    };
    match verb {
        TagVerb::Create { target, rev } => {
            let name = name_of(&target)?;
            check_name(name.as_str())?;
            let id = commit_of(&store, &target.repo, rev)?;
            let mut facts = store.session()?;
            let repo = history::load_repo(&facts, &target.repo)?;
            let mut batch = Batch::default();
            history::create_tag(&facts, &mut batch, &repo, &name, id)?;
            if let Outcome::Stale { .. } = facts.commit(&cx.author.now(), &batch)? {
                return Err(Error::RefExists { repo: repo.name, what: "tag", name: name.to_string() }.into());
            }
            cx.say(
                &view::Ref::new(&name, id),
                || format!("tagged {id:.12} as {target}\n"),
                || format!("{id}\n"),
            );
        }
        TagVerb::List { repo } => {
            let facts = store.session()?;
            let tags = history::tags(&facts, &history::load_repo(&facts, &repo)?)?;
            let views: Vec<view::Ref> = tags.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
            let text = || tags.iter().map(|(name, id)| format!("{id:.12}  {name}\n")).collect();
            cx.say(&json!({ "tags": views }), text, || {
                tags.iter().map(|(name, _)| format!("{name}\n")).collect()
            });
        }
        TagVerb::Delete { target } => {
            let name = name_of(&target)?;
            let mut facts = store.session()?;
            let repo = history::load_repo(&facts, &target.repo)?;
            let tags = history::tags(&facts, &repo)?;
            let Some((_, id)) = tags.into_iter().find(|(known, _)| *known == name) else {
                drop(facts);
                return Err(unknown(&store, &repo, "tag", name.as_str()));
            };
            let mut batch = Batch::default();
            history::delete_tag(&mut batch, &repo, &name, id);
            facts.commit(&cx.author.now(), &batch)?;
            cx.say(
                &view::Ref::new(&name, id),
                || format!("deleted the tag {target}, which was at {id}\n"),
                || format!("{id}\n"),
            );
        }
    }
    Ok(0)
}
