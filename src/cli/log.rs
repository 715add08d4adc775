//! `vds log`.

use chrono::Local;
use serde_json::{Value, json};

use super::answer::{Form, Listing};
use super::changes::{Show, changes_in, of_commit, pieces, untold};
use super::complaint::usage;
use super::context::{Answer, Context, resolve, snapshot};
use super::ends::Ends;
use super::ink::{Ink, Tone};
use super::range::Range;
use super::words;
use crate::fault::Cause;
use crate::history::{self, Location, Log, Resolved};
use crate::object::{Commit, CommitId};
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::trace::{self, Follow, Lineage, Merges, Selection, Sight, Step, Walk};
use crate::view;
use crate::view::Graph;

/// Show the history of a revision, newest first
///
/// With paths, a merge that is like one of its parents there is passed over, and only that parent is followed. A single file
/// is followed to the names it had before, if it was renamed without a change. Changes are shown against the first parent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds log ticks -n 10
  vds log ticks@v1..main --oneline --graph
  vds log truth --since '2 weeks ago' --author ann -p -- ecb.csv
  vds log truth -- '*.csv'
  vds log ticks@bbg --json -- 2024/05/01")]
pub(super) struct Args {
    /// REPO@REV, or REPO@A..B for what B has and A has not [default: the workspace's]
    #[arg(value_name = "REPO@REV")]
    range: Option<String>,
    /// At most so many commits
    #[arg(short = 'n', long, value_name = "COUNT")]
    max_count: Option<usize>,
    /// One line a commit
    #[arg(long)]
    oneline: bool,
    /// With lines from each commit to its parents, at its left
    #[arg(long)]
    graph: bool,
    #[command(flatten)]
    show: Show,
    /// Only commits not older than this: 2024-05-01, "2 hours ago", yesterday
    #[arg(long, value_name = "TIME", visible_alias = "after")]
    since: Option<String>,
    /// Only commits not newer than this
    #[arg(long, value_name = "TIME", visible_alias = "before")]
    until: Option<String>,
    /// Only commits by somebody whose name has this in it
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Only the first parent of each merge
    #[arg(long)]
    first_parent: bool,
    /// Only merges
    #[arg(long)]
    merges: bool,
    /// No merges
    #[arg(long, conflicts_with = "merges")]
    no_merges: bool,
    /// Follow the file to the names it had before (what is done for a single file)
    #[arg(long)]
    follow: bool,
    /// Do not follow it
    #[arg(long, conflicts_with = "follow")]
    no_follow: bool,
    /// Only commits that changed these files and directories, or what matches these patterns; in a workspace, from where you are
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<String>,
}

/// A commit as it is told, in the form that is asked for.
struct Item {
    id: CommitId,
    text: String,
    document: Value,
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let range: Range = cx.named(&store, args.range.as_deref())?;
    let head = range.end(&store)?;
    let is_about_files = !args.paths.is_empty() || head.path.is_some();
    // History can be told of commits whose files were let go, as long as nobody asks about files.
    let tree = if is_about_files { snapshot(&store, &head)? } else { recorded(&store, &head)? };
    let selection = selection(args, scope(args, &store, tree, &range.to, &head, cx)?, &tree)?;
    let mut log = Log::new(store.objects(), [head.commit]);
    if let Some(from) = &range.from {
        log = log.without(resolve(&store, from)?.commit);
    }
    let ends = Ends::new(store.objects());
    let walk = Walk::new(store.objects(), log, selection).map(|step| {
        let step = step?;
        if is_about_files {
            ends.look_beyond(&step.commit)?;
        }
        Ok::<_, Cause>(step)
    });
    let most = args.max_count.unwrap_or(usize::MAX);
    cx.page();
    let listing = Listing {
        name: "commits",
        document: &|item: &Item| item.document.clone(),
        text: &|item| item.text.clone(),
        quiet: &|item| format!("{}\n", item.id),
    };
    if args.graph {
        let mut graph = Graph::default();
        let steps = trace::in_lines(walk.collect::<Result<Vec<Step>, Cause>>()?);
        let items = steps.into_iter().map(|step| {
            let item = item(&store, &step, args, cx)?;
            let text = graph.draw(step.id, &step.parents, &item.text);
            Ok(Item { text, ..item })
        });
        let answer = cx.list(items.take(most), &listing);
        ends.tell(cx);
        return answer;
    }
    let is_shown = |step: &Result<Step, Cause>| step.as_ref().map_or(true, |step| step.sight == Sight::Shown);
    let items = walk.filter(is_shown).map(|step| item(&store, &step?, args, cx));
    let answer = cx.list(items.take(most), &listing);
    ends.tell(cx);
    answer
}

/// The files of the head as its record names them, which may have been let go.
fn recorded<'a>(store: &'a Store, head: &Resolved) -> Result<Snapshot<'a>, Cause> {
    Ok(Snapshot::new(store.objects(), history::load(store.objects(), head.commit)?.tree))
}

/// What the commits are to have changed. An error for what neither the head nor any commit before it has.
fn scope(
    args: &Args,
    store: &Store,
    tree: Snapshot<'_>,
    to: &Location,
    head: &Resolved,
    cx: &Context,
) -> Result<Scope, Cause> {
    let mut words = args.paths.clone();
    words.extend(head.path.iter().map(|path| format!(":/{path}")));
    let scope = cx.start(&to.repo)?.scope(&words, |path| words::is_in(&tree, path))?;
    for part in scope.parts()? {
        let log = Log::new(store.objects(), [head.commit]);
        if !part.is_in(&tree)? && !trace::was_there(store.objects(), log, &part)? {
            return Err(words::nowhere(
                &part,
                &[tree],
                &[format!("{}@{}", to.repo, to.rev), "its history".to_owned()],
            ));
        }
    }
    Ok(scope)
}

fn selection(args: &Args, scope: Scope, tree: &Snapshot<'_>) -> Result<Selection, Cause> {
    let now = Local::now();
    let time = |text: &Option<String>| text.as_ref().map(|text| history::parse_time(text, now)).transpose();
    let is_file = match scope.paths() {
        [path] if scope.globs().is_empty() => tree.totals(Some(path))?.count == 0,
        _ => false,
    };
    if args.follow && !is_file {
        return Err(usage("--follow needs one path that is a file", "name it after --"));
    }
    let merges = match (args.merges, args.no_merges) {
        (true, _) => Merges::Only,
        (_, true) => Merges::Untold,
        _ => Merges::Told,
    };
    Ok(Selection {
        scope,
        follow: if is_file && !args.no_follow { Follow::Renames } else { Follow::Nothing },
        lineage: if args.first_parent { Lineage::First } else { Lineage::All },
        merges,
        since: time(&args.since)?,
        until: time(&args.until)?,
        author: args.author.clone(),
    })
}

/// The commit with its changes, if these are asked for.
fn item(store: &Store, step: &Step, args: &Args, cx: &Context) -> Result<Item, Cause> {
    let mut item = Item { id: step.id, text: String::new(), document: Value::Null };
    let compared = match args.show.asked() {
        Some(detail) if cx.form != Form::Quiet => {
            Some((of_commit(store.objects(), step.id, &step.commit, &step.scope)?, detail))
        }
        _ => None,
    };
    match cx.form {
        Form::Quiet => {}
        Form::Json => {
            item.document = json!(view::Commit::new(step.id, &step.commit));
            if let (Some((compared, detail)), Some(fields)) = (compared, item.document.as_object_mut()) {
                changes_in(fields, store.objects(), &compared, detail)?;
            }
        }
        Form::Text => {
            let mut text = if args.oneline {
                let id = cx.ink.paint(Tone::Id, &format!("{:.12}", step.id));
                format!("{id} {}\n", view::line(step.commit.title()))
            } else {
                format!("{}\n", commit_text(step.id, &step.commit, cx.ink))
            };
            if let Some((compared, detail)) = &compared {
                match compared {
                    Ok(compared) => {
                        for piece in pieces(store.objects(), compared, *detail, cx.ink) {
                            text += &String::from_utf8_lossy(&piece?);
                        }
                    }
                    Err(why) => text += &untold(why),
                }
                if !args.oneline {
                    text.push('\n');
                }
            }
            item.text = text;
        }
    }
    Ok(item)
}

pub(super) fn commit_text(id: CommitId, commit: &Commit, ink: Ink) -> String {
    let view = view::Commit::new(id, commit);
    let mut text = format!("{}\n", ink.paint(Tone::Id, &format!("commit {id}")));
    if commit.parents.len() > 1 {
        let parents: Vec<String> = commit.parents.iter().map(|parent| format!("{parent:.12}")).collect();
        text += &format!("parents {}\n", parents.join(" "));
    }
    text += &format!("author {}\ndate   {}\n", view::line(&view.author), view.time);
    if let Some(made) = &view.made_by {
        text +=
            &format!("made by {} version {}, job {}, run {}\n", made.stage, made.version, made.job, made.run);
        for input in &made.inputs {
            text += &format!("  from {}@{} {}\n", input.repo, input.branch, input.commit);
        }
    }
    let message = view::text(&commit.message);
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text + "\n" + &message.lines().map(line).collect::<String>()
}
