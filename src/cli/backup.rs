//! `vds backup`.

use std::path::PathBuf;

use clap::ValueHint;
use serde_json::json;

use super::context::{Answer, Context};
use crate::backup;
use crate::view;

/// Copy the store into a directory, while it is in use
///
/// The copy is a store that opens and is whole, as of the moment at which the command began. Where the directory has an earlier backup of the
/// store, only what is new is copied. Each pack is checked on the way. What the store has collected since stays in the backup.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds backup /mnt/backup/data
  vds verify --store /mnt/backup/data")]
pub(super) struct Args {
    /// A new or empty directory, or one with an earlier backup
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let done = backup::backup(&cx.store()?, &args.dir, cx.progress())?;
    let root = done.root.to_string_lossy();
    let shape = json!({
        "backup": root, "last_operation": done.operation, "packs": done.packs,
        "packs_copied": done.copied, "bytes_copied": done.bytes,
    });
    let text = || {
        let (copied, bytes) = (view::count(done.copied, "new pack"), view::bytes(done.bytes));
        format!("{root} has all up to operation {}: {copied}, {bytes}\n", done.operation)
    };
    cx.say(&shape, text, || format!("{root}\n"))
}
