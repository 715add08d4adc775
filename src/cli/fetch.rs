//! `vds fetch`.

use serde_json::{Map, Value, json};

use super::context::{Answer, Context, undo};
use crate::fault::Cause;
use crate::history;
use crate::object::{RemoteName, RepoName};
use crate::store::Store;
use crate::transfer::remotes::{self, Remote};
use crate::transfer::{self, Choice, Copied, Desk, Fate, Fetched, Gone, Name, ORIGIN, Peer, Scope, Seen};
use crate::view;

/// Bring what is new in another store, without moving your branches
///
/// Its branches are then known as REPO@REMOTE/BRANCH: `vds log ticks@main..origin/main`. Tags that are new come too. Only
/// what is not here is read; what was brought before a fetch was cut short is not read again. Without REPO all repos are
/// meant that are in both stores.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds fetch
  vds fetch origin ticks truth@main
  vds fetch --all   # repos that are not here yet, too")]
pub(super) struct Args {
    /// The remote [default: origin], and REPO or REPO@BRANCH for parts of it
    #[arg(value_name = "REMOTE|REPO")]
    names: Vec<String>,
    /// All repos of the remote
    #[arg(long)]
    all: bool,
    /// Forget branches that are no longer there
    #[arg(long)]
    prune: bool,
}

/// What a transfer goes to or comes from: a remote, and how it is reached.
pub(super) struct Other {
    pub(super) remote: Remote,
    pub(super) peer: Box<dyn Peer>,
}

/// The remote that is named first, or `origin`; and the rest of the names.
pub(super) fn other<'n>(
    store: &Store,
    names: &'n [String],
    cx: &Context,
) -> Result<(Other, &'n [String]), Cause> {
    let (remote, rest) = {
        let facts = store.session()?;
        let named = match names.split_first() {
            Some((first, rest)) => match first.parse::<RemoteName>() {
                Ok(name) => remotes::find(&facts, &name)?.map(|remote| (remote, rest)),
                Err(_) => None,
            },
            None => None,
        };
        match named {
            Some(named) => named,
            None => (remotes::load(&facts, &ORIGIN.parse().map_err(history::Error::from)?)?, names),
        }
    };
    let peer = remote.connect(store, cx.wait)?;
    if let Some(first) = rest.first().filter(|_| rest.len() == names.len()) {
        check_remote(store, &*peer, first)?;
    }
    Ok((Other { remote, peer }, rest))
}

/// An error if the first name is no repo, here or there, and all but that of a remote.
fn check_remote(store: &Store, peer: &dyn Peer, first: &str) -> Result<(), Cause> {
    let (Ok(name), Ok(repo)) = (first.parse::<RemoteName>(), first.parse::<RepoName>()) else {
        return Ok(());
    };
    let remotes = {
        let facts = store.session()?;
        if history::find(&facts, &repo)?.is_some() {
            return Ok(());
        }
        remotes::list(&facts)?
    };
    let nearest = history::nearest(first, remotes.into_iter().map(|remote| remote.name.to_string()));
    if nearest.is_empty() || peer.names()?.iter().any(|names| names.repo == repo) {
        return Ok(());
    }
    Err(transfer::Error::UnknownRemote { name, nearest }.into())
}

/// Texts as what they name.
pub(super) fn parsed<T: std::str::FromStr>(names: &[String]) -> Result<Vec<T>, Cause>
where
    history::Error: From<T::Err>,
{
    names.iter().map(|name| Ok(name.parse::<T>().map_err(history::Error::from)?)).collect()
}

pub(super) fn run(args: &Args, cx: &Context) -> Answer {
    let store = cx.store()?;
    let (other, names) = other(&store, &args.names, cx)?;
    let choices: Vec<Choice> = parsed(names)?;
    let scope = match choices.as_slice() {
        _ if args.all => Scope::All,
        [] => Scope::Shared,
        _ => Scope::Chosen(choices),
    };
    let gone = if args.prune { Gone::Forget } else { Gone::Keep };
    let desk = Desk { store: &store, author: &cx.author, progress: cx.progress() };
    let name = &other.remote.name;
    let fetched = transfer::fetch(&desk, name, &*other.peer, &scope, gone)?;
    let mut document = json!({ "remote": name });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(fields_of(&fetched, name));
    }
    cx.tell(
        &document,
        || text(&fetched, name) + &undo(fetched.operation),
        || {
            fetched
                .seen
                .iter()
                .filter(|seen| seen.fate != Fate::Same)
                .map(|seen| format!("{}\n", place(seen, name)))
                .collect()
        },
    )
}

/// What was copied, for people.
pub(super) fn amount(copied: &Copied) -> String {
    let [commits, objects] =
        [(copied.commits, "commit"), (copied.objects, "object")].map(|(n, what)| view::count(n, what));
    let without = match copied.let_go {
        0 => String::new(),
        let_go => format!(" ({let_go} without files, which were let go)"),
    };
    format!("{commits}{without}, {objects}, {}", view::bytes(copied.bytes))
}

/// What was copied, for programs.
pub(super) fn amount_fields(copied: &Copied) -> Map<String, Value> {
    let Copied { commits, let_go, objects, bytes } = *copied;
    [("commits", commits), ("let_go", let_go), ("objects", objects), ("bytes", bytes)]
        .into_iter()
        .map(|(name, number)| (name.to_owned(), number.into()))
        .collect()
}

/// How what was seen is named here.
fn place(seen: &Seen, remote: &RemoteName) -> String {
    match &seen.name {
        Name::Branch(branch) => format!("{}@{remote}/{branch}", seen.repo),
        Name::Tag(tag) => format!("{}@{tag}", seen.repo),
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::New => "new",
        Fate::Forward => "forward",
        Fate::Moved => "moved",
        Fate::Same => "same",
        Fate::Kept => "kept",
        Fate::Gone => "gone",
    }
}

pub(super) fn fields_of(fetched: &Fetched, remote: &RemoteName) -> Map<String, Value> {
    let mut fields = amount_fields(&fetched.copied);
    fields.insert("operation".to_owned(), json!(fetched.operation));
    fields.insert("fetched".to_owned(), shapes(&fetched.seen, remote));
    fields
}

/// What was seen, for programs.
pub(super) fn shapes(seen: &[Seen], remote: &RemoteName) -> Value {
    let shape = |seen: &Seen| {
        json!({
            "repo": seen.repo, "kind": seen.name.what(), "name": seen.name.to_string(), "as": place(seen, remote),
            "before": seen.before.map(|id| id.to_string()), "after": seen.after.map(|id| id.to_string()),
            "change": word(seen.fate),
        })
    };
    seen.iter().map(shape).collect()
}

pub(super) fn text(fetched: &Fetched, remote: &RemoteName) -> String {
    let mut text = lines(&fetched.seen, remote);
    if fetched.copied.objects > 0 {
        text += &format!("copied {}\n", amount(&fetched.copied));
    }
    text
}

/// What was seen, for people.
pub(super) fn lines(seen: &[Seen], remote: &RemoteName) -> String {
    let mut text = String::new();
    for seen in seen {
        let name = place(seen, remote);
        let [before, after] =
            [seen.before, seen.after].map(|id| id.map(|id| format!("{id:.12}")).unwrap_or_default());
        text += &match seen.fate {
            Fate::Same => continue,
            Fate::New => format!("{name} is new, at {after}\n"),
            Fate::Forward => format!("{name} went on from {before} to {after}\n"),
            Fate::Moved => format!("{name} was moved from {before} to {after}\n"),
            Fate::Kept => format!("{name} stays as it is here; in {remote} it is {after}\n"),
            Fate::Gone => format!("{name} is gone; it was at {before}\n"),
        };
    }
    if text.is_empty() { format!("nothing is new in {remote}\n") } else { text }
}
