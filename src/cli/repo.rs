//! `vds repo`.

use serde_json::json;

use super::context::{Answer, Context, usage};
use crate::history::{self, Error, NewRepo};
use crate::ledger::{Outcome, Session};
use crate::meta::Batch;
use crate::object::RepoName;
use crate::{fault, view};

/// Make, list, show, rename and delete repos
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a repo
    #[command(after_help = "Example:\n  vds repo create desk/ticks -d 'ticks of the desk'")]
    Create {
        /// Its name; slashes make a hierarchy
        name: RepoName,
        /// What it is for
        #[arg(short, long, default_value = "")]
        description: String,
    },
    /// List repos
    List {
        /// Only those whose names start so
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Show a repo and its branches
    Show {
        /// The repo
        name: RepoName,
    },
    /// Give a repo another name
    Rename {
        /// The repo
        name: RepoName,
        /// Its new name
        new: RepoName,
    },
    /// Delete a repo with its branches and tags
    Delete {
        /// The repo
        name: RepoName,
        /// Say what would be deleted, and delete nothing
        #[arg(long)]
        dry_run: bool,
    },
}

fn commit(cx: &Context, facts: &mut Session, batch: &Batch) -> Result<(), fault::Cause> {
    match facts.commit(&cx.author.now(), batch)? {
        Outcome::Done { .. } => Ok(()),
        Outcome::Stale { .. } => Err(usage("another process changed the repo meanwhile", "try again")),
    }
}

fn show(facts: &Session, repo: &history::Repo) -> Result<view::Repo, fault::Cause> {
    Ok(view::Repo::new(repo, &history::branches(facts, repo)?))
}

fn line(repo: &view::Repo) -> String {
    let output = repo.output_of.as_ref().map(|_| "  (output of a stage)").unwrap_or_default();
    let branches: Vec<&str> = repo.branches.iter().map(|branch| branch.name.as_str()).collect();
    let branches = if branches.is_empty() { "no commits yet".to_owned() } else { branches.join(", ") };
    format!("{}  {branches}{output}\n", repo.name)
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    let mut facts = store.session()?;
    let mut batch = Batch::default();
    match verb {
        Verb::Create { name, description } => {
            let created = cx.author.now().time;
            let repo =
                history::create(&facts, &mut batch, NewRepo { name, created, description, output_of: None })?;
            commit(cx, &mut facts, &batch)?;
            let name = repo.name.to_string();
            cx.say(
                &view::Repo::new(&repo, &[]),
                || format!("made the repo {name}\n"),
                || format!("{name}\n"),
            );
        }
        Verb::List { prefix } => {
            let all =
                history::list(&facts)?.into_iter().filter(|repo| repo.name.as_str().starts_with(&prefix));
            let repos = all.map(|repo| show(&facts, &repo)).collect::<Result<Vec<_>, _>>()?;
            let names = || repos.iter().map(|repo| format!("{}\n", repo.name)).collect();
            cx.say(&json!({ "repos": repos }), || repos.iter().map(line).collect(), names);
        }
        Verb::Show { name } => {
            let repo = show(&facts, &history::load_repo(&facts, &name)?)?;
            let text = || {
                let mut text = format!("repo {}\ncreated {}\n", repo.name, repo.created);
                for (what, value) in
                    [("description", Some(&repo.description)), ("output of", repo.output_of.as_ref())]
                {
                    text +=
                        &value.filter(|v| !v.is_empty()).map(|v| format!("{what} {v}\n")).unwrap_or_default();
                }
                text + &repo
                    .branches
                    .iter()
                    .map(|b| format!("branch {} {:.12}\n", b.name, b.commit))
                    .collect::<String>()
            };
            cx.say(&repo, text, || format!("{}\n", repo.name));
        }
        Verb::Rename { name, new } => {
            let repo = history::load_repo(&facts, &name)?;
            repo.writable()?;
            history::rename(&facts, &mut batch, &repo, new.clone())?;
            commit(cx, &mut facts, &batch)?;
            cx.say(
                &json!({ "from": name, "to": new }),
                || format!("renamed {name} to {new}\n"),
                || format!("{new}\n"),
            );
        }
        Verb::Delete { name, dry_run } => {
            let repo = history::load_repo(&facts, &name)?;
            if repo.output_of.is_some() {
                return Err(Error::StageOutput { repo: name }.into());
            }
            let branches = history::branches(&facts, &repo)?.len() as u64;
            history::delete(&facts, &mut batch, &repo)?;
            if !dry_run {
                commit(cx, &mut facts, &batch)?;
            }
            let did = if dry_run { "would delete" } else { "deleted" };
            let text = || {
                format!(
                    "{did} {name} with {}\n",
                    view::count(branches, "branch").replace("branchs", "branches")
                )
            };
            cx.say(&json!({ "deleted": name, "dry_run": dry_run }), text, || format!("{name}\n"));
        }
    }
    Ok(0)
}
