//! `vds init`.

use std::path::PathBuf;

use serde_json::json;

use super::context::{Answer, Context, usage};
use crate::store::Store;

/// Make a store in DIR/.vds
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vds init          # here\n  vds init ~/data   # in ~/data/.vds")]
pub(super) struct Args {
    /// The directory to make it for
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let dir = cx.store_path.clone().unwrap_or_else(|| args.dir.clone());
    std::fs::create_dir_all(&dir).map_err(|error| {
        usage(&format!("cannot make {}: {error}", dir.display()), "choose a directory that you may write to")
    })?;
    let store = Store::init(&dir, cx.wait)?;
    let root = std::fs::canonicalize(store.root()).unwrap_or_else(|_| store.root().to_owned());
    let root = root.display().to_string();
    cx.say(&json!({ "store": root }), || format!("made an empty store in {root}\n"), || format!("{root}\n"));
    Ok(0)
}
