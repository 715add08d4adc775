//! `vds du`.

use serde_json::json;

use super::context::{Answer, Context, resolve, snapshot};
use super::ls::missing;
use crate::history::Location;
use crate::view;

/// Show how many files and bytes a revision or a path in it has
///
/// What is counted is what the files hold; in the store it takes less, since equal content is kept once, compressed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds du ticks
  vds du ticks@v1:2024/05")]
pub(super) struct Args {
    /// REPO@REV:PATH
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location: Location = cx.named(&store, args.location.as_deref())?;
    let found = resolve(&store, &location)?;
    let tree = snapshot(&store, &found)?;
    let file = found.path.as_ref().map_or(Ok(None), |path| tree.find(path.as_str()))?;
    let (files, bytes) = if let Some(entry) = file {
        (1, entry.size)
    } else {
        let totals = tree.totals(found.path.as_ref())?;
        (totals.count, totals.weight)
    };
    if files == 0 && found.path.is_some() {
        return Err(missing(tree, &location));
    }
    let text = || format!("{}  {}  {}\n", view::bytes(bytes), view::count(files, "file"), location);
    let document = json!({ "location": location.to_string(), "files": files, "bytes": bytes });
    cx.say(&document, text, || format!("{bytes}\n"))
}
