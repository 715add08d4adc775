//! `vds import`.

use std::path::Path;

use clap::ValueHint;
use serde_json::json;

use super::answer::document;
use super::commit::looked_at;
use super::complaint::usage;
use super::context::{Answer, Context, Made};
use crate::archive::{self, Imported, Source};
use crate::change::{self, Base, Empty};
use crate::fault::Cause;
use crate::history::Target;
use crate::object::{ObjectWrite, TreePath};
use crate::pick::Place;
use crate::store::Store;
use crate::view;

/// Put the members of an archive on top of a branch, as a new commit
///
/// tar, tar.gz, tar.zst and zip are told apart by their contents, not by their names; a gz or zst of anything else is one
/// file. Members are read straight into the store, nothing is unpacked to disk. Links that stay within the archive are kept,
/// hard links become files. An archive with a member that would lead out of it, a device, or a name that no path can have
/// is refused as a whole.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds import ticks may.tar.gz -m 'May as the vendor sent it'
  vds import ticks@bbg export.zip --to 2024/05
  curl -fL https://example.com/may.tar.zst | vds import ticks -
  vds import ticks may.zip --dry-run")]
pub(super) struct Args {
    /// REPO or REPO@BRANCH; a branch that does not exist is begun
    target: Target,
    /// The archive, or a file:// address; - is a tar on standard input, which may be compressed
    #[arg(value_hint = ValueHint::FilePath)]
    archive: String,
    /// Put everything below this path
    #[arg(long, value_name = "PREFIX")]
    to: Option<Place>,
    /// What is to be said of the commit [default: import and the archive's name]
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Say what would be committed, and write nothing to the store
    #[arg(long)]
    dry_run: bool,
    /// Leave triggered jobs for `vds run`
    #[arg(long)]
    no_run: bool,
}

impl Args {
    fn source(&self) -> Result<Source, Cause> {
        let text = self.archive.as_str();
        if text == "-" {
            return Ok(Source::StandardInput);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Source::File(text.into())) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path =
                    rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
                Ok(Source::File(unescaped(path).into()))
            }
            "http" | "https" | "ftp" => {
                let target = &self.target;
                let is_zip = Path::new(rest).extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
                let hint = if is_zip {
                    format!("fetch it first, as with `curl -fLO '{text}'`, then import the file")
                } else {
                    format!("have curl fetch it: `curl -fL '{text}' | vds import {target} -`")
                };
                Err(usage("vds fetches nothing from the web itself", hint))
            }
            _ => Ok(Source::File(text.into())),
        }
    }

    fn to(&self) -> Option<&TreePath> {
        match &self.to {
            Some(Place::At(dir) | Place::Into(Some(dir))) => Some(dir),
            Some(Place::Into(None)) | None => None,
        }
    }

    fn gather(&self, store: &Store, sink: &dyn ObjectWrite, cx: &Context) -> Result<(Base, Imported), Cause> {
        let source = self.source()?;
        let base = change::open(store, &self.target, sink)?;
        let imported = archive::import(sink, base.tree, store, &source, self.to(), cx.progress())?;
        imported.warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
        Ok((base, imported))
    }

    fn message(&self) -> String {
        self.message.clone().unwrap_or_else(|| match self.archive.as_str() {
            "-" => "import from standard input".to_owned(),
            name => format!("import {}", name.rsplit('/').next().unwrap_or(name)),
        })
    }
}

/// A path as it stands in an address, where `%20` is a space.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.split_at_checked(2).filter(|_| *first == b'%');
        let code = code.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = code.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let target = &args.target;
    if args.dry_run {
        return rehearse(args, &store, cx);
    }
    let message = args.message();
    let writer = store.writer();
    let (base, imported) = args.gather(&store, &writer, cx)?;
    let Imported { draft, files, bytes, new_bytes, warnings } = imported;
    let published = change::publish(&store, &cx.author, base, draft, writer, &message, Empty::Skip)?;
    let counts = view::Counts::from(published.tally);
    let commit = published.commit;
    let document = document(&json!({
        "commit": commit.map(|id| id.to_string()), "repo": target.repo, "branch": target.branch,
        "files": files, "bytes": bytes, "new_bytes": new_bytes, "stored_bytes": published.stored,
        "counts": counts, "warnings": warnings,
    }));
    let (mut text, mut quiet) = (String::new(), String::new());
    if let Some(id) = commit {
        let looked = looked_at(files, new_bytes, bytes);
        let title = view::line(message.lines().next().unwrap_or(""));
        text = format!("[{target} {id:.12}] {title}\n {counts}  ({looked})\n");
        quiet = format!("{id}\n");
    } else {
        cx.note(&format!("nothing differs from {target}: no commit was made"));
        cx.note_waiting(&store, target)?;
    }
    let made = Made { document, text, quiet, done: "the commit is made", operation: published.operation };
    cx.made(&store, made, published.caused, args.no_run)
}

/// Finds out what the commit would be, and leaves the store as it is.
fn rehearse(args: &Args, store: &Store, cx: &Context) -> Answer {
    let (rehearsal, target) = (store.rehearsal(), &args.target);
    let (_, imported) = args.gather(store, &rehearsal, cx)?;
    let Imported { draft, files, bytes, new_bytes, warnings } = imported;
    let (_, tally) = draft.finish(&rehearsal)?;
    let counts = view::Counts::from(tally);
    let document = json!({
        "dry_run": true, "repo": target.repo, "branch": target.branch,
        "files": files, "bytes": bytes, "new_bytes": new_bytes, "counts": counts, "warnings": warnings,
    });
    let text = || format!("would commit to {target}\n {counts}  ({})\n", looked_at(files, new_bytes, bytes));
    cx.say(&document, text, String::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_paths() {
        for (path, want) in
            [("/a%20b/c%2Fd", "/a b/c/d"), ("/100%", "/100%"), ("/%zz%c3%a4%+1", "/%zz\u{e4}%+1")]
        {
            assert_eq!(unescaped(path), want, "{path}");
        }
    }
}
