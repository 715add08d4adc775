//! `vds bundle`.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::{Value, json};

use super::answer::document;
use super::complaint::io_error;
use super::context::{Answer, Context, Made};
use super::fetch::{amount, amount_fields, lines, shapes};
use super::pull::{told, word};
use crate::bundle::{self, Applied, Bundle, Head, Landed, Landing};
use crate::fault::{Cause, Kind};
use crate::history::Revision;
use crate::object::RemoteName;
use crate::store::Store;
use crate::transfer::{Choice, Desk, Noted, Relation};
use crate::view;

/// Carry history as one file, where no line leads
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Write repos, or what is new in them, into a file
    ///
    /// REPO is all of a repo with its branches and tags, REPO@NAME one branch or tag. With --since only what that does not have
    /// goes in; whoever takes the bundle must have those commits. A file that is there is replaced when the new one is whole.
    #[command(after_help = "Examples:
  vds bundle create ticks.vdsb ticks
  vds bundle create may.vdsb ticks@main --since 'main@{7 days ago}'
  vds bundle create new.vdsb ticks truth --since v1")]
    Create {
        /// The file to write
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// What goes in: REPO, or REPO@BRANCH, or REPO@TAG
        #[arg(required = true, value_name = "REPO[@NAME]")]
        names: Vec<Choice>,
        /// Leave out this commit and its history, in each of the repos; may be given several times
        #[arg(long, value_name = "REV")]
        since: Vec<Revision>,
    },
    /// Check a bundle, and say what it is of
    ///
    /// All of it is read and checked as if it were taken. What it goes on from must be in the store, if it needs any.
    #[command(after_help = "Example:\n  vds bundle verify may.vdsb")]
    Verify {
        /// The bundle
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Take what is in a bundle
    ///
    /// Branches are made or go on; if one of them does not follow what is here, nothing is moved, and the exit code is 1. With
    /// --as they are known as REPO@NAME/BRANCH instead, and no branch of yours moves. A damaged bundle is refused whole.
    #[command(after_help = "Examples:
  vds bundle apply may.vdsb
  ssh desk cat may.vdsb | vds bundle apply -
  vds bundle apply may.vdsb --as desk && vds log ticks@main..desk/main")]
    Apply {
        /// The bundle, or - for standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Make its branches known as those of a remote of this name
        #[arg(long = "as", value_name = "NAME")]
        remote: Option<RemoteName>,
        /// Leave triggered jobs for `vds run`
        #[arg(long)]
        no_run: bool,
    },
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    match verb {
        Verb::Create { file, names, since } => {
            let made = bundle::create(&cx.store()?, &file, &names, &since, cx.progress())?;
            let mut document = fields(&file, &made.head);
            if let Some(fields) = document.as_object_mut() {
                fields.extend(amount_fields(&made.copied));
                fields.insert("size".to_owned(), made.size.into());
            }
            let text = || {
                let (copied, size) = (amount(&made.copied), view::bytes(made.size));
                format!("wrote {}, {size}: {copied}\n{}", file.display(), summary(&made.head))
            };
            cx.tell(&document, text, || format!("{}\n", file.display()))
        }
        Verb::Verify { file } => {
            let bundle = Bundle::open(&file, cx.progress())?;
            bundle::verify(&bundle, store(cx)?.as_ref(), cx.progress())?;
            let objects = view::count(bundle.objects(), "object");
            let without = match bundle.head.let_go() {
                0 => String::new(),
                let_go => format!(", {} without files, which were let go", view::count(let_go, "commit")),
            };
            let text =
                || format!("{} is whole: {objects}{without}\n{}", file.display(), summary(&bundle.head));
            let mut document = fields(&file, &bundle.head);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("objects".to_owned(), bundle.objects().into());
                fields.insert("let_go".to_owned(), bundle.head.let_go().into());
            }
            cx.say(&document, text, || format!("{}\n", file.display()))
        }
        Verb::Apply { file, remote, no_run } => {
            let store = cx.store()?;
            let file = if file == Path::new("-") { from_input(&store)? } else { file };
            let bundle = Bundle::open(&file, cx.progress())?;
            let desk = Desk { store: &store, author: &cx.author, progress: cx.progress() };
            let landing = remote.map_or(Landing::Branches, Landing::Remote);
            match bundle::apply(&desk, &bundle, landing)? {
                Applied::Branches(landed, moved) => {
                    let new =
                        |landed: &&Landed| matches!(landed.relation, Relation::Absent | Relation::Behind);
                    let made = Made {
                        document: document(
                            &json!({ "applied": landed.iter().map(shape).collect::<Value>() }),
                        ),
                        text: landed.iter().map(line).collect(),
                        quiet: landed
                            .iter()
                            .filter(new)
                            .map(|l| format!("{}@{}\n", l.repo, l.name))
                            .collect(),
                        done: "the bundle is taken",
                        operation: moved.operation,
                    };
                    cx.made(&store, made, moved.caused, no_run)
                }
                Applied::Remote(remote, Noted { seen, operation }) => cx.changed(Made {
                    document: document(&json!({ "remote": remote, "fetched": shapes(&seen, &remote) })),
                    text: lines(&seen, &remote),
                    quiet: String::new(),
                    done: "the bundle is taken",
                    operation,
                }),
            }
        }
    }
}

/// What comes from standard input, as a file: a bundle is read more than once. It goes with the other temporary files.
fn from_input(store: &Store) -> Result<PathBuf, Cause> {
    let fail = |error: &std::io::Error| {
        io_error("cannot keep what comes from standard input", error, "free some space and try again")
    };
    let path = store.tmp().path().map_err(|error| fail(&error))?;
    let copy = || std::io::copy(&mut std::io::stdin().lock(), &mut std::fs::File::create(&path)?);
    copy().map_err(|error| fail(&error))?;
    Ok(path)
}

/// The store, where there is one: a bundle that needs nothing can be checked without.
fn store(cx: &Context) -> Result<Option<Store>, Cause> {
    match cx.store() {
        Err(cause) if cause.kind() == Kind::NotFound && cx.store_path.is_none() => Ok(None),
        found => found.map(Some),
    }
}

fn fields(file: &Path, head: &Head) -> Value {
    let repo = |repo: &bundle::Repo| {
        let branches: Vec<_> = repo.branches.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
        let tags: Vec<_> = repo.tags.iter().map(|(name, id)| view::Ref::new(name, *id)).collect();
        json!({ "name": repo.name, "description": repo.description, "branches": branches, "tags": tags })
    };
    let needs: Vec<String> = head.needs.iter().map(ToString::to_string).collect();
    json!({ "file": file.to_string_lossy(), "repos": head.repos.iter().map(repo).collect::<Value>(), "needs": needs })
}

/// What a bundle is of, for people.
fn summary(head: &Head) -> String {
    let mut text = String::new();
    for names in head.names() {
        text +=
            &names.all().map(|(name, id)| format!(" {}@{name} {id:.12}\n", names.repo)).collect::<String>();
    }
    let needs = head.needs.iter().map(|id| format!(" goes on from {id:.12}\n"));
    text + &needs.collect::<String>()
}

fn shape(landed: &Landed) -> Value {
    json!({
        "repo": landed.repo, "kind": landed.name.what(), "name": landed.name.to_string(),
        "change": word(landed.relation),
        "before": landed.before.map(|id| id.to_string()), "theirs": landed.theirs.to_string(),
    })
}

fn line(landed: &Landed) -> String {
    let Landed { repo, name, theirs, .. } = landed;
    told(&format!("{repo}@{name}"), landed.before, *theirs, landed.relation)
}
