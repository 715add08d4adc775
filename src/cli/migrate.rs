//! `vds migrate`.

use std::env;

use serde_json::json;

use super::context::{Answer, Context};
use crate::store::{self, Migration, Store};
use crate::view;

/// Bring a store that an earlier vds made to the format of this one
///
/// No other command changes a store's format: a store in another one is refused. It may be interrupted at any moment, and is given again then.
/// After it no earlier vds can use the store; so back it up before, with the vds that made it. It waits for all who use the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds migrate --dry-run
  vds migrate")]
pub(super) struct Args {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let root = match &cx.store_path {
        Some(path) => Store::at(path)?,
        None => Store::above(&env::current_dir().unwrap_or_default())?,
    };
    let migration = if args.dry_run { store::migration(&root)? } else { store::migrate(&root, cx.wait)? };
    let Migration { found, newest, steps, .. } = &migration;
    let shape = json!({
        "store": root.to_string_lossy(), "format": found, "newest": newest, "steps": steps, "dry_run": args.dry_run,
    });
    cx.tell(&shape, || text(&migration, args.dry_run), || format!("{newest}\n"))
}

fn text(Migration { root, found, newest, steps }: &Migration, dry_run: bool) -> String {
    let root = root.display();
    if steps.is_empty() {
        return format!("{root} has format {found}, the newest that there is: nothing is to be done\n");
    }
    let verb = if dry_run { "would be brought" } else { "was brought" };
    let steps: String = steps.iter().map(|step| format!(" {}\n", view::line(step))).collect();
    format!("{root} {verb} from format {found} to {newest}:\n{steps}")
}
