//! Clocks: sources to which a file comes at each moment of a schedule, which has that moment's name.
//!
//! Nobody needs to be awake at the moment: whoever looks later finds which have passed, and makes one commit of them.

use chrono::{DateTime, SecondsFormat};

use super::error::Error;
use super::spec::{Clock, Earlier, Leaf};
use super::trigger::Moved;
use crate::content;
use crate::draft::Draft;
use crate::history::{self, Repo};
use crate::ledger::{Origin, Session};
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, Entry, FileKind, ObjectWrite};
use crate::snapshot::Snapshot;
use crate::tree;

pub(super) const CLOCK: &[u8] = b"clock/";

/// So many moments are made up for at most at a time, the oldest first.
const MOST: usize = 10_000;

/// A clock as it stands.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) repo: Repo,
    pub(super) branch: BranchName,
    pub(super) head: Option<CommitId>,
    clock: Clock,
    /// The last moment that counted, or that after which counting began.
    last: i64,
    before: Option<Vec<u8>>,
}

fn key(repo: &Repo) -> Vec<u8> {
    [CLOCK, &repo.id.to_be_bytes()[..]].concat()
}

/// How the clock stands that this source is; `None` if its repo is not there.
pub(super) fn standing(facts: &Session, leaf: &Leaf, clock: &Clock) -> Result<Option<Standing>, Error> {
    let Some(repo) = history::find(facts, &leaf.source.repo)? else { return Ok(None) };
    let branch: BranchName = "main".parse().map_err(history::Error::from)?;
    let head = history::head(facts, &repo, &branch)?;
    let before = facts.get(&key(&repo))?;
    let last = before.as_deref().and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    let last = last.or(clock.start).unwrap_or(repo.created);
    Ok(Some(Standing { repo, branch, head, clock: clock.clone(), last, before }))
}

impl Standing {
    /// When it strikes, for people.
    pub(super) fn when(&self) -> String {
        format!("cron {}", self.clock.schedule)
    }

    /// The next moment, passed or not, in milliseconds since 1970.
    pub(super) fn next(&self) -> Option<i64> {
        self.clock.schedule.next(self.last)
    }

    /// The moments that have passed since the last that counted.
    fn passed(&self, now: i64) -> Vec<i64> {
        let schedule = &self.clock.schedule;
        match self.clock.earlier {
            Earlier::Replaced => schedule.last(self.last, now).into_iter().collect(),
            Earlier::Kept => {
                let step = |last: &i64| schedule.next(*last);
                std::iter::successors(step(&self.last), step)
                    .take_while(|next| *next <= now)
                    .take(MOST)
                    .collect()
            }
        }
    }

    /// Writes the commit of the moments that have passed; `None` if none has.
    pub(super) fn commit(&self, sink: &dyn ObjectWrite, origin: &Origin) -> Result<Option<Struck>, Error> {
        let passed = self.passed(origin.time);
        let Some(last) = passed.last().copied() else { return Ok(None) };
        let base = match self.head {
            Some(head) => history::load(sink, head)?.tree,
            None => tree::empty(sink)?,
        };
        let mut draft = Draft::new(base);
        if self.clock.earlier == Earlier::Replaced {
            for file in Snapshot::new(sink, base).scan("")? {
                draft.remove(file?.0);
            }
        }
        for moment in &passed {
            let name = name(*moment);
            let kept = content::keep_bytes(sink, format!("{name}\n").as_bytes())?;
            let entry = Entry { kind: FileKind::File, blob: kept.blob, size: kept.size };
            if let Ok(path) = name.parse() {
                draft.put(path, entry);
            }
        }
        let (tree, _) = draft.finish(sink)?;
        let parents = self.head.into_iter().collect();
        let draft = history::Draft { parents, tree, message: name(last), provenance: None };
        let (commit, _) = history::write(sink, draft, origin)?;
        Ok(Some(Struck { commit, last }))
    }

    /// Adds to `batch` that the clock's branch moves to the commit.
    pub(super) fn strike(&self, batch: &mut Batch, struck: &Struck) -> Result<Moved, Error> {
        let Self { repo, branch, head, before, .. } = self;
        history::hold(batch, repo)?;
        history::move_head(batch, repo, branch, *head, Some(struck.commit));
        history::record_commit(batch, repo, &struck.commit);
        batch.expect(key(repo), before.clone()).put(key(repo), struck.last.to_be_bytes().to_vec());
        Ok(Moved { repo: repo.clone(), branch: branch.clone(), commit: struck.commit })
    }
}

/// A commit of moments that have passed.
pub(super) struct Struck {
    commit: CommitId,
    last: i64,
}

/// The name of a moment: `2024-05-01T06:00:00Z`.
fn name(moment: i64) -> String {
    let moment = DateTime::from_timestamp_millis(moment).unwrap_or_default();
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
