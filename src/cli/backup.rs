//! `vds backup`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use super::answer::Form;
use super::complaint::usage;
use super::context::{Answer, Context};
use crate::backup::{self, Archived};
use crate::store::Store;
use crate::view;

/// Copy the store, while it is in use, into a directory or a file
///
/// The copy is a store that opens and is whole, as of the moment at which the command began; each pack is checked on the way.
///
/// Into a directory: where that has an earlier backup of the store, only what is new is copied. What the store has collected since stays in the backup.
///
/// Into a new file, if its name ends with .tar, or to standard output, as -: all of it, as a tar archive. Unpacked, it is a store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds backup /mnt/backup/data
  vds verify --store /mnt/backup/data
  vds backup data.tar
  mkdir back && tar -xf data.tar -C back && vds verify --store back
  vds backup - | ssh safe 'cat > data.tar'")]
pub(super) struct Args {
    /// A new or empty directory, or one with an earlier backup; or a new file NAME.tar; or - for standard output
    #[arg(value_name = "DIR|FILE.tar|-", value_hint = ValueHint::AnyPath)]
    place: PathBuf,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let place = args.place.as_path();
    if place == Path::new("-") {
        return stream(&store, cx);
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    if (name.contains(".tar.") || name.ends_with(".tgz")) && !place.is_dir() {
        let hint = "name a file that ends with .tar; packs are compressed already";
        return Err(usage("an archive of a store is not compressed", hint));
    }
    if name.ends_with(".tar") && !place.is_dir() {
        let archived = backup::archive(&store, place, cx.progress())?;
        let shown = place.to_string_lossy();
        let Archived { operation, packs, bytes } = archived;
        let shape = json!({ "backup": shown, "last_operation": operation, "packs": packs, "bytes": bytes });
        return cx.tell(&shape, || told(&shown, archived), || format!("{shown}\n"));
    }
    let done = backup::backup(&store, place, cx.progress())?;
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

/// Standard output is the archive, so what there is to say is said elsewhere.
fn stream(store: &Store, cx: &Context) -> Answer {
    if cx.form == Form::Json {
        return Err(usage(
            "standard output is the archive, and no document",
            "leave out --json, or name a file",
        ));
    }
    if io::stdout().is_terminal() {
        return Err(usage(
            "an archive is nothing for a terminal",
            "name a file, or send it somewhere: vds backup - | ...",
        ));
    }
    let archived = backup::stream(store, io::stdout().lock(), Path::new("standard output"), cx.progress())?;
    cx.note(told("it", archived).trim_end());
    Ok(0)
}

fn told(name: &str, Archived { operation, packs, bytes }: Archived) -> String {
    let (packs, bytes) = (view::count(packs, "pack"), view::bytes(bytes));
    format!("{name} has all up to operation {operation}: {packs}, {bytes}\n")
}
