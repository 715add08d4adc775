//! `vds remote`.

use std::path::PathBuf;

use clap::ValueHint;
use serde_json::{Value, json};

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::object::RemoteName;
use crate::transfer::remotes::{self, Remote};

/// Add, list, change and remove remotes: other stores, by a name of your own
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Know another store by a name
    #[command(after_help = "Example:\n  vds remote add origin /mnt/desk/data")]
    Add {
        /// Its name here
        name: RemoteName,
        /// The store, or the directory it was made for
        #[arg(value_name = "STORE", value_hint = ValueHint::DirPath)]
        path: PathBuf,
    },
    /// List the remotes
    #[command(after_help = "Example:\n  vds remote list")]
    List,
    /// Say where a remote is now
    #[command(after_help = "Example:\n  vds remote set-url origin /mnt/disk2/data")]
    SetUrl {
        /// Its name here
        name: RemoteName,
        /// The store, or the directory it was made for
        #[arg(value_name = "STORE", value_hint = ValueHint::DirPath)]
        path: PathBuf,
    },
    /// Forget a remote, and where its branches stood; what came from it stays
    #[command(after_help = "Example:\n  vds remote remove origin")]
    Remove {
        /// Its name here
        name: RemoteName,
    },
}

fn shape(remote: &Remote) -> Value {
    json!({ "name": remote.name, "place": remote.place })
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Add { name, path } => {
            let (remote, operation) = remotes::add(&store, &cx.author, name, &path, cx.wait)?;
            cx.changed(Made {
                document: document(&shape(&remote)),
                text: format!("{} is {}\n", remote.name, remote.place),
                quiet: format!("{}\n", remote.name),
                done: "the remote is known",
                operation: Some(operation),
            })
        }
        Verb::List => {
            let all = remotes::list(&store.session()?)?;
            let views: Vec<Value> = all.iter().map(shape).collect();
            let text = || all.iter().map(|remote| format!("{}  {}\n", remote.name, remote.place)).collect();
            let names = || all.iter().map(|remote| format!("{}\n", remote.name)).collect();
            cx.say(&json!({ "remotes": views }), text, names)
        }
        Verb::SetUrl { name, path } => {
            let (remote, operation) = remotes::set_place(&store, &cx.author, &name, &path, cx.wait)?;
            cx.changed(Made {
                document: document(&shape(&remote)),
                text: format!("{} is {}\n", remote.name, remote.place),
                quiet: format!("{}\n", remote.name),
                done: "the remote is known",
                operation,
            })
        }
        Verb::Remove { name } => {
            let (was, operation) = remotes::remove(&store, &cx.author, &name)?;
            let place = was.map(|was| was.place);
            let was = place.as_deref().unwrap_or("what a bundle brought");
            cx.changed(Made {
                document: document(&json!({ "removed": name, "place": place })),
                text: format!("removed {name}, which was {was}\n"),
                quiet: format!("{name}\n"),
                done: "the remote is forgotten",
                operation: Some(operation),
            })
        }
    }
}
