//! The facts as they were at one moment.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::error::Error;
use crate::history::{self, Purges, Repo, Subject};
use crate::ledger::Session;
use crate::let_go;
use crate::object::{CommitId, NodeId};
use crate::reach::{self, Root};

/// All facts, as one session saw them. They are small and few, so that they can be worked with when it has ended.
#[derive(Debug)]
pub(super) struct Seen {
    /// The newest operation then.
    pub(super) newest: u64,
    pub(super) facts: Vec<(Vec<u8>, Vec<u8>)>,
    /// The repos, by number.
    pub(super) repos: BTreeMap<u64, Repo>,
    pub(super) purges: Purges,
    /// The table of commits whose files were let go.
    pub(super) let_go: Option<NodeId>,
}

impl Seen {
    pub(super) fn read(session: &Session) -> Result<Self, Error> {
        let mut facts = Vec::new();
        session.scan(b"", &mut |key, value| {
            facts.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let repos = history::list(session)?.into_iter().map(|repo| (repo.id, repo)).collect();
        let (purges, let_go) = (history::purges(session)?, let_go::root(session)?);
        Ok(Self { newest: session.newest(), facts, repos, purges, let_go })
    }

    /// The name of the repo of this number.
    pub(super) fn name(&self, id: u64) -> String {
        self.repos.get(&id).map_or_else(|| format!("repo-{id}"), |repo| repo.name.to_string())
    }

    /// The facts of history, each with what it is about.
    pub(super) fn history(&self) -> impl Iterator<Item = (Subject, &[u8], &[u8])> {
        self.facts.iter().filter_map(|(key, value)| Some((history::subject(key)?, &**key, &**value)))
    }

    /// The commits that facts name, those too that a repo is only known to have.
    pub(super) fn commits(&self) -> Result<Vec<CommitId>, Error> {
        let mut commits = Vec::new();
        for (key, value) in &self.facts {
            match history::subject(key) {
                Some(Subject::Commit(_, id)) => commits.push(id),
                Some(Subject::Derived(_, input)) => {
                    commits.extend([Some(input), history::commit_id(value)].into_iter().flatten());
                }
                _ => {
                    let roots = reach::named_by(key, value)?.into_iter().flat_map(|named| named.roots);
                    commits.extend(roots.filter_map(|root| match root {
                        Root::Commit(id) => Some(id),
                        _ => None,
                    }));
                }
            }
        }
        Ok(commits)
    }

    /// The commits from which all of the repo's history is reached.
    pub(super) fn commits_of(&self, repo: &Repo) -> Vec<CommitId> {
        let of = self.history().filter_map(|(subject, _, value)| match subject {
            Subject::Commit(of, id) => Some((of, Some(id))),
            Subject::Branch(of, _) | Subject::Tag(of, _) | Subject::RemoteBranch(of, _) => {
                Some((of, history::commit_id(value)))
            }
            _ => None,
        });
        of.filter(|(of, _)| *of == repo.id).filter_map(|(_, id)| id).collect()
    }
}
