//! `vds repo`.

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::fault::Cause;
use crate::history;
use crate::integrate;
use crate::ledger::Session;
use crate::merge::{Rule, Rules};
use crate::object::RepoName;
use crate::refs::{self, DeletedRepo, Mode};
use crate::view;

/// Make, list, show, rename and delete repos
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a repo
    #[command(after_help = "Examples:
  vds repo create ticks
  vds repo create desk/ticks -d 'ticks of the desk'")]
    Create {
        /// Its name; slashes make a hierarchy
        name: RepoName,
        /// What it is for
        #[arg(short, long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// List repos
    #[command(after_help = "Examples:\n  vds repo list\n  vds repo list desk/")]
    List {
        /// Only those whose names start so
        #[arg(default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Show a repo, its branches and its tags
    #[command(after_help = "Example:\n  vds repo show ticks")]
    Show {
        /// The repo
        name: RepoName,
    },
    /// Show or set how merges into the branches of a repo settle files that both sides changed
    ///
    /// Rules are as in `vds merge --strategy`, whose own come after these; the last one that matches a path counts. What is given
    /// takes the place of what the repo had.
    #[command(after_help = "Examples:
  vds repo policy ticks
  vds repo policy ticks 'ref/**=theirs' '**/*.csv=csv:key=date,symbol'
  vds repo policy ticks --clear")]
    Policy {
        /// The repo
        name: RepoName,
        /// PATTERN=STRATEGY
        #[arg(value_name = "RULE")]
        rules: Vec<Rule>,
        /// Take all rules away
        #[arg(long, conflicts_with = "rules")]
        clear: bool,
    },
    /// Give a repo another name
    ///
    /// A repo that a pipeline reads or writes keeps its name, by which the pipeline knows it. A workspace of the repo comes
    /// along if one stands in it; in any other, `vds checkout NEW` tells it.
    #[command(after_help = "Example:\n  vds repo rename ticks desk/ticks")]
    Rename {
        /// The repo
        name: RepoName,
        /// Its new name
        new: RepoName,
    },
    /// Delete a repo with its branches and tags
    ///
    /// A repo that a pipeline reads or writes is not deleted.
    #[command(after_help = "Example:\n  vds repo delete scratch --dry-run")]
    Delete {
        /// The repo
        name: RepoName,
        /// Say what would be deleted, and delete nothing
        #[arg(long)]
        dry_run: bool,
    },
}

fn look(facts: &Session, repo: &history::Repo) -> Result<view::Repo, Cause> {
    Ok(view::Repo::new(repo, &history::branches(facts, repo)?, &history::tags(facts, repo)?))
}

fn line(repo: &view::Repo) -> String {
    let output = repo.output_of.as_ref().map(|_| "  (output of a stage)").unwrap_or_default();
    let branches: Vec<&str> = repo.branches.iter().map(|branch| branch.name.as_str()).collect();
    let branches = if branches.is_empty() { "no commits yet".to_owned() } else { branches.join(", ") };
    format!("{}  {branches}{output}\n", repo.name)
}

fn description(repo: &view::Repo) -> String {
    let mut text = format!("repo {}\ncreated {}\n", repo.name, repo.created);
    if !repo.description.is_empty() {
        text += &format!("description {}\n", view::line(&repo.description));
    }
    if let Some(stage) = &repo.output_of {
        text += &format!("output of {stage}\n");
    }
    let refs = [("branch", &repo.branches), ("tag", &repo.tags)];
    let lines = refs.into_iter().flat_map(|(what, refs)| refs.iter().map(move |r| (what, r)));
    text + &lines.map(|(what, r)| format!("{what} {} {:.12}\n", r.name, r.commit)).collect::<String>()
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Create { name, description } => {
            let created = refs::create_repo(&store, &cx.author, name, description)?;
            let name = &created.repo.name;
            let text = format!("made the repo {name}\n");
            let document = document(&view::Repo::new(&created.repo, &[], &[]));
            let (quiet, operation) = (format!("{name}\n"), Some(created.operation));
            cx.changed(Made { document, text, quiet, done: "the repo is made", operation })
        }
        Verb::List { prefix } => {
            let repos = {
                let facts = store.session()?;
                let mut all = history::list(&facts)?;
                all.retain(|repo| repo.name.as_str().starts_with(&prefix));
                all.iter().map(|repo| look(&facts, repo)).collect::<Result<Vec<_>, _>>()?
            };
            let names = || repos.iter().map(|repo| format!("{}\n", repo.name)).collect();
            cx.say(&json!({ "repos": repos }), || repos.iter().map(line).collect(), names)
        }
        Verb::Show { name } => {
            let repo = {
                let facts = store.session()?;
                look(&facts, &history::load_repo(&facts, &name)?)?
            };
            cx.say(&repo, || description(&repo), || format!("{}\n", repo.name))
        }
        Verb::Policy { name, rules, clear } => {
            let operation = match (rules.is_empty(), clear) {
                (true, false) => None,
                _ => Some(integrate::set_policy(&store, &cx.author, &name, &Rules::new(rules))?),
            };
            let rules = {
                let facts = store.session()?;
                integrate::load_policy(&facts, &history::load_repo(&facts, &name)?)?
            };
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            let lines: String = rules.iter().map(|rule| format!("{}\n", view::line(rule))).collect();
            let text = if rules.is_empty() { format!("{name} has no rules\n") } else { lines.clone() };
            let document = document(&json!({ "repo": name, "rules": rules }));
            cx.changed(Made { document, text, quiet: lines, done: "the rules are set", operation })
        }
        Verb::Rename { name, new } => {
            let renamed = refs::rename_repo(&store, &cx.author, &name, new.clone())?;
            cx.follow_rename(&name, &new)?;
            let text = format!("renamed {name} to {new}\n");
            let document = document(&json!({ "from": name, "name": new }));
            let (quiet, operation) = (format!("{new}\n"), Some(renamed.operation));
            cx.changed(Made { document, text, quiet, done: "the repo is renamed", operation })
        }
        Verb::Delete { name, dry_run } => {
            let mode = if dry_run { Mode::DryRun } else { Mode::Make };
            let DeletedRepo { operation, branches } = refs::delete_repo(&store, &cx.author, &name, mode)?;
            let heads: String = branches.iter().map(|(name, id)| format!("  {name} was at {id}\n")).collect();
            let did = if dry_run { "would delete" } else { "deleted" };
            let views: Vec<view::Ref> = branches.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
            let document = document(&json!({ "deleted": name, "branches": views, "dry_run": dry_run }));
            let (text, quiet) = (format!("{did} {name}\n{heads}"), format!("{name}\n"));
            cx.changed(Made { document, text, quiet, done: "the repo is deleted", operation })
        }
    }
}
