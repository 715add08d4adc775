//! What the journal and the facts say: what is wrong with them, and the names that lead to what is kept.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::error::Error;
use super::hurts::{Aim, Name};
use super::links::Link;
use super::packs::chain;
use super::report::{Finding, Hurt, Note, Report, Thing};
use crate::history::{self, Subject};
use crate::ledger::{Fault, Inspected, Session};
use crate::reach::{self, Holder};

/// Tells in the report what is wrong with the journal and the facts.
pub(super) fn tell(report: &mut Report, found: &Inspected) {
    report.operations = found.operations;
    report.facts = found.facts;
    let names = found.session.as_ref().map(repos).unwrap_or_default();
    // A store in which nothing has happened yet has no journal.
    let is_new = report.packs == 0 && found.facts == 0;
    for fault in found.faults.iter().filter(|fault| !(is_new && fault.is_loss())) {
        let (thing, text) = told(fault, &names);
        if fault.mends_itself() {
            report.notes.push(Note { thing, text });
        } else {
            report.findings.push(Finding { thing, reason: text, lost: 0, hurt: Hurt::default() });
        }
    }
}

fn told(fault: &Fault, names: &HashMap<u64, String>) -> (Thing, String) {
    match fault {
        Fault::Journal(_) | Fault::Operation(_) | Fault::Tail(_) => (Thing::Journal, fault.to_string()),
        Fault::Unopenable(_) | Fault::Behind(_) | Fault::AtOdds(_) => (Thing::Facts, fault.to_string()),
        Fault::Fact(key) => (Thing::Facts, format!("{} is not as the journal says", subject(key, names))),
    }
}

/// What a fact is about, for people.
fn subject(key: &[u8], names: &HashMap<u64, String>) -> String {
    let repo = |number: &u64| names.get(number).cloned().unwrap_or_else(|| format!("repo {number}"));
    match history::subject(key) {
        Some(Subject::Repo(name)) => format!("the repo {name}"),
        Some(Subject::Branch(number, name)) => format!("the branch {}@{name}", repo(&number)),
        Some(Subject::Tag(number, name)) => format!("the tag {}@{name}", repo(&number)),
        Some(Subject::Pin(number, id)) => format!("the pin of {}@{id:.12}", repo(&number)),
        _ => format!("the fact {}", key.escape_ascii()),
    }
}

/// The names of repos, by number.
fn repos(session: &Session) -> HashMap<u64, String> {
    let repos = history::list(session).unwrap_or_default();
    repos.into_iter().map(|repo| (repo.id, repo.name.to_string())).collect()
}

/// All names that lead to something, the most telling first, and what cannot be read of the facts.
pub(super) fn names(session: &Session) -> Result<(Vec<Name>, Vec<Finding>), Error> {
    let repos = repos(session);
    let (mut names, mut findings) = (Vec::new(), Vec::new());
    session.scan(b"", &mut |key, value| {
        match reach::named_by(key, value) {
            Ok(Some(named)) => {
                let (rank, text) = holder(&named.holder, key, &repos);
                let aims = named.roots.into_iter().map(|root| aim(root, &named.holder));
                names.extend(aims.map(|to| (rank, Name { text: text.clone(), to })));
            }
            Ok(None) => names.extend(commit(key, &repos).map(|name| (Rank::Commit, name))),
            Err(error) => {
                let reason = format!("{} cannot be read: {}", subject(key, &repos), chain(&error));
                findings.push(Finding { thing: Thing::Facts, reason, lost: 0, hurt: Hurt::default() });
            }
        }
        ControlFlow::Continue(())
    })?;
    names.sort_by_key(|(rank, _)| *rank);
    Ok((names.into_iter().map(|(_, name)| name).collect(), findings))
}

/// In which order names are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Branch,
    Tag,
    Other,
    Commit,
}

fn holder(holder: &Holder, key: &[u8], repos: &HashMap<u64, String>) -> (Rank, String) {
    let repo = |number: &u64| repos.get(number).cloned().unwrap_or_else(|| format!("repo {number}"));
    match holder {
        Holder::Branch(number, name) => (Rank::Branch, format!("{}@{name}", repo(number))),
        Holder::Tag(number, name) => (Rank::Tag, format!("{}@{name}", repo(number))),
        Holder::Pin(number) => match history::subject(key) {
            Some(Subject::Pin(_, id)) => (Rank::Other, format!("{}@{id:.12}, pinned", repo(number))),
            _ => (Rank::Other, repo(number)),
        },
        Holder::Remote(number) => match history::subject(key) {
            Some(Subject::RemoteBranch(_, branch)) => (Rank::Other, format!("{}@{branch}", repo(number))),
            _ => (Rank::Other, repo(number)),
        },
        Holder::Merge(number, name) => (Rank::Other, format!("the open merge into {}@{name}", repo(number))),
        Holder::Results(number) => (Rank::Other, format!("the results of {}", repo(number))),
        Holder::Jobs => (Rank::Other, "jobs".to_owned()),
        Holder::Workspaces => (Rank::Other, "workspaces".to_owned()),
        Holder::Rules => (Rank::Other, "what is known of files that were let go".to_owned()),
        Holder::Pipelines => (Rank::Other, "pipelines".to_owned()),
        Holder::Purges => (Rank::Other, "the records of purges".to_owned()),
    }
}

fn aim(root: reach::Root, holder: &Holder) -> Aim {
    match Link::from(root) {
        Link::Commit(id) if matches!(holder, Holder::Branch(..) | Holder::Tag(..) | Holder::Pin(_)) => {
            Aim::Head(id)
        }
        Link::Commit(id) => Aim::Commit(id),
        Link::Tree(root) => Aim::Tree(root),
        Link::File(entry) => Aim::File(entry),
    }
}

/// That a repo has a commit.
fn commit(key: &[u8], repos: &HashMap<u64, String>) -> Option<Name> {
    let Some(Subject::Commit(number, id)) = history::subject(key) else { return None };
    let repo = repos.get(&number)?;
    Some(Name { text: format!("{repo}@{id:.12}"), to: Aim::Commit(id) })
}
