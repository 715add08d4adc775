//! `vds init`.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use super::complaint::{io_error, usage};
use super::context::{Answer, Context};
use crate::store::{DIR_NAME, Store, network};

/// Make a store in DIR/.vds
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds init          # here
  vds init ~/data   # in ~/data/.vds")]
pub(super) struct Args {
    /// The directory to make it for [default: that of --store, else this one]
    #[arg(value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let named = args.dir.clone().or_else(|| cx.store_path.clone()).unwrap_or_else(|| PathBuf::from("."));
    // A store may be named by its own directory.
    let dir = match named.parent() {
        Some(parent) if named.file_name().is_some_and(|name| name == DIR_NAME) => match parent {
            empty if empty.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        },
        _ => &named,
    };
    if dir.exists() && !dir.is_dir() {
        return Err(usage(format!("{} is not a directory", dir.display()), "name a directory"));
    }
    std::fs::create_dir_all(dir).map_err(|error| {
        io_error(
            &format!("cannot make {}", dir.display()),
            &error,
            "choose a directory that you may write to",
        )
    })?;
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let store = Store::init(&dir, cx.wait)?;
    if let Some(name) = network(store.root()) {
        cx.note(&format!(
            "warning: {} is on {name}: what is acknowledged there is as safe as its server makes it; use the store from one machine at a time",
            dir.display()
        ));
    }
    let root = store.root().display().to_string();
    cx.tell(&json!({ "store": root }), || format!("made an empty store in {root}\n"), || format!("{root}\n"))
}
