//! `vds tag`.

use serde_json::json;

use super::answer::document;
use super::context::{Answer, Context, Made, commit_of};
use crate::fault::Cause;
use crate::history::{self, Revision, Target};
use crate::object::{RepoName, TagName};
use crate::{refs, view};

/// Make, list and delete tags
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Tag a commit
    #[command(after_help = "Examples:
  vds tag create ticks@v1
  vds tag create ticks@before-the-fix main~3")]
    Create {
        /// REPO@TAG
        target: Target,
        /// The commit
        #[arg(default_value = "main", value_name = "REV")]
        rev: Revision,
    },
    /// List the tags of a repo
    #[command(after_help = "Example:\n  vds tag list ticks")]
    List {
        /// The repo [default: the workspace's]
        repo: Option<RepoName>,
    },
    /// Delete a tag
    #[command(after_help = "Example:\n  vds tag delete ticks@v1")]
    Delete {
        /// REPO@TAG
        target: Target,
    },
}

fn name_of(target: &Target) -> Result<TagName, Cause> {
    Ok(target.branch.as_str().parse().map_err(history::Error::from)?)
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Create { target, rev } => {
            let name = name_of(&target)?;
            let id = commit_of(&store, &target.repo, rev)?;
            let created = refs::create_tag(&store, &cx.author, &target.repo, &name, id)?;
            let text = format!("tagged {id:.12} as {target}\n");
            let document = document(&view::Ref::new(&name, id));
            let (quiet, operation) = (format!("{id}\n"), Some(created.operation));
            cx.changed(Made { document, text, quiet, done: "the tag is made", operation })
        }
        Verb::List { repo } => {
            let repo = cx.repo(&store, repo.as_ref())?;
            let tags = {
                let facts = store.session()?;
                history::tags(&facts, &history::load_repo(&facts, &repo)?)?
            };
            let views: Vec<view::Ref> = tags.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
            let text = || tags.iter().map(|(name, id)| format!("{id:.12}  {name}\n")).collect();
            let names = || tags.iter().map(|(name, _)| format!("{name}\n")).collect();
            cx.say(&json!({ "tags": views }), text, names)
        }
        Verb::Delete { target } => {
            let name = name_of(&target)?;
            let deleted = refs::delete_tag(&store, &cx.author, &target.repo, &name)?;
            let was = deleted.before.map(|id| id.to_string()).unwrap_or_default();
            let text = format!("deleted the tag {target}, which was at {was}\n");
            let document = document(&json!({ "deleted": name, "commit": was }));
            let (quiet, operation) = (format!("{was}\n"), Some(deleted.operation));
            cx.changed(Made { document, text, quiet, done: "the tag is deleted", operation })
        }
    }
}
