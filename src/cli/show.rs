//! `vds show`.

use std::iter;

use serde_json::json;

use super::answer::{Form, stream};
use super::changes::{Detail, Show, changes_in, of_commit, pieces, untold};
use super::context::{Answer, Context, resolve, snapshot};
use super::log::commit_text;
use super::{cat, ls};
use crate::history::{self, Location};
use crate::scope::Scope;
use crate::view;

/// Show a commit and what it changed; with a path, the file or the directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds show ticks~1
  vds show truth -p
  vds show settlement/select@4c9f21ab
  vds show settlement/select:best.csv")]
pub(super) struct Args {
    /// REPO@REV, or REPO@REV:PATH [default: the workspace's]
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    show: Show,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location: Location = cx.named(&store, args.location.as_deref())?;
    let found = resolve(&store, &location)?;
    if let Some(path) = &found.path {
        let is_file = snapshot(&store, &found)?.find(path.as_str())?.is_some();
        return if is_file { cat::print(&store, &location, cx) } else { ls::list(&store, &location, cx) };
    }
    let commit = history::load(store.objects(), found.commit)?;
    let compared = of_commit(store.objects(), found.commit, &commit, &Scope::whole())?;
    let detail = args.show.asked().unwrap_or(Detail::Names);
    cx.page();
    if cx.form == Form::Text {
        let head = format!("{}\n", commit_text(found.commit, &commit, cx.ink));
        let head = iter::once(Ok(head.into_bytes()));
        return match &compared {
            Ok(compared) => stream(head.chain(pieces(store.objects(), compared, detail, cx.ink))),
            Err(why) => stream(head.chain(iter::once(Ok(untold(why).into_bytes())))),
        }
        .map(|()| 0);
    }
    let mut document = json!(view::Commit::new(found.commit, &commit));
    if let Some(fields) = document.as_object_mut() {
        changes_in(fields, store.objects(), &compared, detail)?;
    }
    cx.say(&document, String::new, || format!("{}\n", found.commit))
}
