//! Fetching: what another store has comes here, and its branches are known by its name. No branch of ours moves.

use super::choice::{Choice, choose};
use super::contract::{Name, Names, Peer};
use super::copy::{Copied, copy};
use super::error::Error;
use super::index;
use super::local::LocalPeer;
use super::update::{contended, ground};
use crate::fault::{Fault, Kind};
use crate::history::{self, Author, RemoteBranch, Repo};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{CommitId, RemoteName, RepoName};
use crate::progress::Progress;
use crate::store::Store;

/// Which repos of another store are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those that are here too.
    Shared,
    /// All.
    All,
    /// These.
    Chosen(Vec<Choice>),
}

/// What is done about branches that the other store no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// They stay known.
    Keep,
    /// They are forgotten.
    Forget,
}

/// What came of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not known.
    New,
    /// It has gone on.
    Forward,
    /// It stands somewhere else.
    Moved,
    /// It stands where it stood.
    Same,
    /// A tag, or a branch of a tag's name, is something else here, and was left so.
    Kept,
    /// It is no longer there.
    Gone,
}

/// A name of another store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The repo.
    pub repo: RepoName,
    /// The name there.
    pub name: Name,
    /// Where it was known to stand.
    pub before: Option<CommitId>,
    /// Where it stands.
    pub after: Option<CommitId>,
    /// What came of it.
    pub fate: Fate,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The names that were asked for.
    pub seen: Vec<Seen>,
    /// What was copied.
    pub copied: Copied,
    /// The operation, if it made repos.
    pub operation: Option<u64>,
}

/// What a transfer is done with.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Our end.
    pub store: &'a Store,
    /// Who does it.
    pub author: &'a Author,
    /// Who is told how far it is.
    pub progress: &'a dyn Progress,
}

/// Fetches from `peer`, which is known as `remote`. Repos that are not here are made.
pub fn fetch(
    desk: &Desk<'_>,
    remote: &RemoteName,
    peer: &dyn Peer,
    scope: &Scope,
    gone: Gone,
) -> Result<Fetched, Error> {
    let (chosen, copied) = collect(desk, remote, peer, scope)?;
    let whole = |names: &Names| match scope {
        Scope::Chosen(choices) => choices.iter().any(|c| c.repo == names.repo && c.name.is_none()),
        Scope::All | Scope::Shared => true,
    };
    let is_new = {
        let facts = desk.store.session()?;
        let here = history::list(&facts)?;
        chosen.iter().any(|names| here.iter().all(|repo| repo.name != names.repo))
    };
    let names: Vec<(&Names, Gone)> =
        chosen.iter().map(|names| (names, if whole(names) { gone } else { Gone::Keep })).collect();
    let origin = if is_new { desk.author.now() } else { desk.author.housekeeping() };
    let Noted { seen, operation } = note(desk, remote, &names, &origin)?;
    Ok(Fetched { seen, copied, operation: operation.filter(|_| is_new) })
}

/// Brings what `scope` names of another store here, without any names.
pub(super) fn collect(
    desk: &Desk<'_>,
    remote: &RemoteName,
    peer: &dyn Peer,
    scope: &Scope,
) -> Result<(Vec<Names>, Copied), Error> {
    let there = peer.names()?;
    let chosen = match scope {
        Scope::All => there,
        Scope::Chosen(choices) => choose(&there, choices, &peer.place())?,
        Scope::Shared => shared(desk.store, there)?,
    };
    if chosen.is_empty() && *scope == Scope::Shared {
        return Err(Error::Nothing { remote: remote.clone() });
    }
    let heads: Vec<CommitId> = chosen.iter().flat_map(Names::commits).collect();
    let copied = deliver(desk, peer, &LocalPeer::from(desk.store.clone()), &heads)?;
    Ok((chosen, copied))
}

/// Those repos that are here too.
fn shared(store: &Store, mut there: Vec<Names>) -> Result<Vec<Names>, Error> {
    let here = history::list(&store.session()?)?;
    there.retain(|names| here.iter().any(|repo| repo.name == names.repo));
    Ok(there)
}

/// Copies the commits `heads` with their history from one end to the other. What has arrived is kept when the rest cannot, so
/// that it need not be sent again.
pub(super) fn deliver(
    desk: &Desk<'_>,
    from: &dyn Peer,
    to: &dyn Peer,
    heads: &[CommitId],
) -> Result<Copied, Error> {
    let mut delivery = to.receive(desk.author)?;
    match copy(from, &mut *delivery, heads, desk.progress) {
        Err(error) if error.kind() == Kind::Damaged => Err(error),
        copied => {
            let kept = delivery.finish();
            let copied = copied?;
            kept.map(|()| copied)
        }
    }
}

/// Names that were noted.
#[derive(Debug)]
pub struct Noted {
    /// What came of each.
    pub seen: Vec<Seen>,
    /// The operation; `None` when nothing is new.
    pub operation: Option<u64>,
}

/// Notes in one step where the names of repos in another store stand, after what they stand for has come.
pub fn note(
    desk: &Desk<'_>,
    remote: &RemoteName,
    names: &[(&Names, Gone)],
    origin: &Origin,
) -> Result<Noted, Error> {
    let (mut batch, mut repos, mut seen) = (Batch::default(), Vec::new(), Vec::new());
    for (names, gone) in names {
        let (repo, found) = add(desk, &mut batch, remote, names, *gone)?;
        repos.push(repo);
        seen.extend(found);
    }
    let mut operation = None;
    if !batch.writes.is_empty() {
        let mut facts = desk.store.session()?;
        match facts.commit(origin, &batch)? {
            Outcome::Done { number } => operation = Some(number),
            Outcome::Stale { .. } => return Err(contended(desk.store, &facts, &repos)?),
        }
    }
    for Seen { before, after, fate, .. } in &mut seen {
        if let (Fate::Moved, Some(before), Some(after)) = (*fate, *before, *after)
            && history::is_ancestor(desk.store.objects(), before, after)?
        {
            *fate = Fate::Forward;
        }
    }
    Ok(Noted { seen, operation })
}

/// Adds to `batch` what notes the names of one repo. If all is known, nothing is written.
pub(super) fn add(
    desk: &Desk<'_>,
    batch: &mut Batch,
    remote: &RemoteName,
    names: &Names,
    gone: Gone,
) -> Result<(Repo, Vec<Seen>), Error> {
    let heads: Vec<CommitId> = names.commits().collect();
    let repo = ground(desk.store, desk.author, batch, &names.repo, &names.description, &heads)?;
    let seen = {
        let facts = desk.store.session()?;
        let mut seen = tags(&facts, batch, &repo, names)?;
        seen.extend(branches(&facts, batch, &repo, remote, names, gone)?);
        seen
    };
    let is_news = |seen: &&Seen| matches!(seen.fate, Fate::New | Fate::Moved);
    let heads: Vec<CommitId> = seen.iter().filter(is_news).filter_map(|seen| seen.after).collect();
    index::list(desk.store, desk.author, batch, &repo, &heads)?;
    Ok((repo, seen))
}

/// Tags that are new here are made.
fn tags(facts: &Session, batch: &mut Batch, repo: &Repo, names: &Names) -> Result<Vec<Seen>, Error> {
    let ours = history::tags(facts, repo)?;
    let mut seen = Vec::new();
    for (tag, id) in &names.tags {
        let before = ours.iter().find(|(name, _)| name == tag).map(|(_, id)| *id);
        let fate = match before {
            Some(before) if before == *id => Fate::Same,
            Some(_) => Fate::Kept,
            None if history::check_free(facts, repo, tag.as_str()).is_err() => Fate::Kept,
            None => {
                history::create_tag(batch, repo, tag, *id);
                Fate::New
            }
        };
        let (repo, name) = (repo.name.clone(), Name::Tag(tag.clone()));
        seen.push(Seen { repo, name, before, after: Some(*id), fate });
    }
    Ok(seen)
}

fn branches(
    facts: &Session,
    batch: &mut Batch,
    repo: &Repo,
    remote: &RemoteName,
    names: &Names,
    gone: Gone,
) -> Result<Vec<Seen>, Error> {
    let mut seen = Vec::new();
    let mut known = history::remote_branches(facts, repo)?;
    known.retain(|(name, _)| name.remote == *remote);
    let entry = |name: &RemoteBranch, before, after, fate| {
        let (repo, name) = (repo.name.clone(), Name::Branch(name.branch.clone()));
        Seen { repo, name, before, after, fate }
    };
    for (branch, id) in &names.branches {
        let name = RemoteBranch { remote: remote.clone(), branch: branch.clone() };
        let before = known.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        let fate = match before {
            None => Fate::New,
            Some(before) if before == *id => Fate::Same,
            Some(_) => Fate::Moved,
        };
        if fate != Fate::Same {
            history::see(batch, repo, &name, Some(*id));
        }
        seen.push(entry(&name, before, Some(*id), fate));
    }
    let there = |name: &RemoteBranch| names.branches.iter().any(|(branch, _)| *branch == name.branch);
    for (name, before) in known.iter().filter(|(name, _)| gone == Gone::Forget && !there(name)) {
        history::see(batch, repo, name, None);
        seen.push(entry(name, Some(*before), None, Fate::Gone));
    }
    Ok(seen)
}
