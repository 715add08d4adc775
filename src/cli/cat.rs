//! `vds cat`.

use std::io::{self, BufWriter, Write};

use serde_json::json;

use super::answer::{Form, settle};
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::ls::missing;
use crate::history::Location;
use crate::store::Store;
use crate::{content, view};

/// Write a file's content to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds cat settlement/select@main~5:best.csv
  vds cat ticks@v1:2024/05/01/14/14.csv | head")]
pub(super) struct Args {
    /// REPO@REV:PATH; in a workspace, :PATH, or :./PATH from where you are
    #[arg(value_name = "LOCATION")]
    location: String,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location = cx.named(&store, Some(&args.location))?;
    print(&store, &location, cx)
}

/// Writes the content as it is; as JSON, as text or in base 64.
pub(super) fn print(store: &Store, location: &Location, cx: &Context) -> Answer {
    let found = resolve(store, location)?;
    let tree = snapshot(store, &found)?;
    let Some(path) = &found.path else {
        return Err(usage(format!("{location} names no file"), format!("write {location}:PATH")));
    };
    let Some(entry) = tree.find(path.as_str())? else {
        if tree.totals(Some(path))?.count > 0 {
            return Err(usage(
                format!("{location} is a directory"),
                format!("`vds ls {location}` shows what is in it"),
            ));
        }
        return Err(missing(tree, location));
    };
    if cx.form == Form::Json {
        let (encoding, content) = view::encoded(content::load(store.objects(), entry.blob)?);
        let mut document = json!(view::File::new(path, &entry));
        if let Some(fields) = document.as_object_mut() {
            fields.insert("encoding".to_owned(), json!(encoding));
            fields.insert("content".to_owned(), json!(content));
        }
        return cx.say(&document, String::new, String::new);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match content::copy(store.objects(), entry.blob, &mut out) {
        Err(content::Error::Target { source, .. }) => settle(Err(source))?,
        other => {
            other?;
            settle(out.flush())?
        }
    };
    Ok(0)
}
