//! `vds why`.

use serde_json::{Value, json};

use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::ends::Ends;
use super::ink::{Ink, Tone};
use super::ls::missing;
use crate::fault::Cause;
use crate::history::Location;
use crate::object::InputCommit;
use crate::trace::{self, DatumWhy, Datums, InputWhy, Source, Why};
use crate::view;

/// So many datums of a file, and files of an input, are told unless more are asked for.
const MOST: usize = 5;

/// Show why a file is what it is: who committed it, or which stage made it from what
///
/// For a stage's output: the job and the datum that made it, the files that this read, and why each of those is what it is, down to what
/// a person committed. A store into which an output was copied does not know its pipeline: there the commits are told that the stage
/// read, and what those were made from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds why settlement/select:best.csv
  vds why mean/daily@main~3:2024/05/01.csv --json
  vds why ticks:2024/05/01/14/14.csv")]
pub(super) struct Args {
    /// REPO@REV:PATH; in a workspace, :PATH, or :./PATH from where you are
    #[arg(value_name = "LOCATION")]
    location: String,
    /// At most so many datums of each file, and files of each input
    #[arg(short = 'n', long, default_value_t = MOST, value_name = "COUNT")]
    max_count: usize,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let location: Location = cx.named(&store, Some(&args.location))?;
    let found = resolve(&store, &location)?;
    let tree = snapshot(&store, &found)?;
    let Some(path) = &found.path else {
        return Err(usage(format!("{location} names no file"), format!("write {location}:PATH")));
    };
    let is_file = tree.find(path.as_str())?.is_some();
    if !is_file && tree.totals(Some(path))?.count > 0 {
        let hint = format!("name a file in it; `vds blame {location}` tells of all that is in it");
        return Err(usage(format!("{location} is a directory"), hint));
    }
    let repo = found.repo.name.as_str();
    let why = if is_file { trace::why(&store, repo, found.commit, path, args.max_count)? } else { None };
    let Some(why) = why else { return Err(missing(tree, &location)) };
    let ends = Ends::new(store.objects());
    look_beyond(&why, &ends)?;
    ends.tell(cx);
    cx.page();
    let text = || {
        let mut lines = Vec::new();
        tell(&why, 0, cx.ink, &mut lines);
        lines.concat()
    };
    cx.say(&document(&why), text, || format!("{}\n", why.id))
}

/// Looks where it cannot be told who set a file first.
fn look_beyond(why: &Why, ends: &Ends<'_>) -> Result<(), Cause> {
    ends.look_beyond(&why.commit)?;
    if let Datums::Known(datums, _) = &why.datums {
        let files = datums.iter().flat_map(|datum| &datum.inputs).flat_map(|input| &input.files);
        for file in files {
            look_beyond(file, ends)?;
        }
    }
    Ok(())
}

fn line(depth: usize, text: &str) -> String {
    format!("{}{text}\n", "  ".repeat(depth))
}

/// Tells of a file, and below it of all that it was made from.
fn tell(why: &Why, depth: usize, ink: Ink, lines: &mut Vec<String>) {
    let path = ink.paint(Tone::Head, &view::path(why.path.as_str()));
    let commit = view::Commit::new(why.id, &why.commit);
    let id = ink.paint(Tone::Id, &format!("{:.12}", why.id));
    let Some(made) = &commit.made_by else {
        let (author, title) = (view::line(&commit.author), view::line(why.commit.title()));
        lines.push(line(depth, &format!("{path}: {id} {} {author}: {title}", commit.time)));
        return;
    };
    let by = format!("{} version {}, job {}, run {}", made.stage, made.version, made.job, made.run);
    lines.push(line(depth, &format!("{path}: {id} {} made by {by}", commit.time)));
    match &why.datums {
        Datums::Person => {}
        Datums::Known(datums, more) => {
            for datum in datums {
                tell_datum(datum, depth + 1, ink, lines);
            }
            tell_more(*more, "datum", depth + 1, lines);
        }
        Datums::Unknown(sources) => {
            let known = "of which files in these it was made, the store knows where the stage ran";
            lines.push(line(depth + 1, known));
            sources.iter().for_each(|source| tell_source(source, depth + 1, ink, lines));
        }
    }
}

fn tell_datum(datum: &DatumWhy, depth: usize, ink: Ink, lines: &mut Vec<String>) {
    lines.push(line(depth, &format!("datum {}", view::line(&datum.name))));
    for InputWhy { input, files, more } in datum.inputs.iter().filter(|input| !input.files.is_empty()) {
        lines.push(line(depth, &head(input, ink)));
        files.iter().for_each(|file| tell(file, depth + 1, ink, lines));
        tell_more(*more, "file", depth + 1, lines);
    }
}

fn tell_source(Source { input, commit, sources }: &Source, depth: usize, ink: Ink, lines: &mut Vec<String>) {
    let what = match commit.as_ref().map(|commit| (commit, view::Commit::new(input.commit, commit).made_by)) {
        None => "which is not here".to_owned(),
        Some((_, Some(made))) => format!("made by {} version {}, job {}", made.stage, made.version, made.job),
        Some((commit, None)) => format!("{}: {}", view::line(&commit.author), view::line(commit.title())),
    };
    lines.push(line(depth, &format!("{} {what}", head(input, ink))));
    sources.iter().for_each(|source| tell_source(source, depth + 1, ink, lines));
}

fn head(input: &InputCommit, ink: Ink) -> String {
    let id = ink.paint(Tone::Id, &format!("{:.12}", input.commit));
    format!("from {}@{} {id}", input.repo, input.branch)
}

fn tell_more(more: usize, what: &str, depth: usize, lines: &mut Vec<String>) {
    if more > 0 {
        lines.push(line(depth, &format!("and {}", view::count(more as u64, &format!("more {what}")))));
    }
}

fn document(why: &Why) -> Value {
    let datums = match &why.datums {
        Datums::Person | Datums::Unknown(_) => Value::Null,
        Datums::Known(datums, _) => datums.iter().map(datum_document).collect(),
    };
    let more = if let Datums::Known(_, more) = &why.datums { *more } else { 0 };
    let sources = match &why.datums {
        Datums::Unknown(sources) => sources.iter().map(source_document).collect(),
        Datums::Person | Datums::Known(..) => Value::Null,
    };
    json!({
        "repo": why.repo, "path": why.path.as_str(), "commit": view::Commit::new(why.id, &why.commit),
        "datums": datums, "more": more, "sources": sources,
    })
}

fn source_document(Source { input, commit, sources }: &Source) -> Value {
    json!({
        "name": input.name, "repo": input.repo, "branch": input.branch,
        "commit": commit.as_ref().map(|commit| view::Commit::new(input.commit, commit)),
        "id": input.commit.to_string(), "sources": sources.iter().map(source_document).collect::<Vec<_>>(),
    })
}

fn datum_document(datum: &DatumWhy) -> Value {
    let input = |InputWhy { input, files, more }: &InputWhy| {
        json!({
            "name": input.name, "repo": input.repo, "branch": input.branch, "commit": input.commit.to_string(),
            "files": files.iter().map(document).collect::<Vec<_>>(), "more": more,
        })
    };
    json!({ "name": datum.name, "inputs": datum.inputs.iter().map(input).collect::<Vec<_>>() })
}
