//! A purge: looked at, or made.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::commits::{Commits, Place, Reach};
use super::error::Error;
use super::facts::{self, MovedRef, Writes};
use super::others::{Other, others};
use super::seen::Seen;
use crate::history::{self, Author, Purge, PurgeMap};
use crate::ledger::{Origin, Outcome, Session};
use crate::meta::Batch;
use crate::object::{BlobId, NodeId, ObjectKind, ObjectRead, ObjectWrite, TreePath};
use crate::pipeline::{
    self,
    trigger::{self, Caused, Concerned, Moved, Runs},
};
use crate::progress::{Amount, Progress};
use crate::refs::Mode;
use crate::store::Store;
use crate::workspace;

/// How often it is looked again when others change the store meanwhile.
const TRIES: usize = 50;

/// What is to go.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What lies, or ever lay, at these paths.
    pub places: Vec<Place>,
    /// These blobs, wherever they lie.
    pub blobs: BTreeSet<BlobId>,
    /// How far it goes with what lay at the paths.
    pub reach: Reach,
    /// Why.
    pub reason: String,
    /// What was asked for, for the record.
    pub asked: Vec<String>,
}

/// What was purged, or would be.
#[derive(Debug, Clone)]
pub struct Purged {
    /// The operation that did it; `None` when nothing was changed.
    pub operation: Option<u64>,
    /// What went, each with a path that it had in a commit.
    pub blobs: Vec<(BlobId, Option<TreePath>)>,
    /// The repos whose commits are written anew, and how many of each.
    pub commits: Vec<(String, u64)>,
    /// The branches and tags that move.
    pub refs: Vec<MovedRef>,
    /// Branches of other stores that are forgotten: what these have could not be reached.
    pub forgotten: Vec<String>,
    /// Who else names what went.
    pub others: Vec<Other>,
    /// The workspaces that come from a commit which had it, and may have it still.
    pub workspaces: Vec<PathBuf>,
    /// How many bytes of packs it takes. What others name too, or other files have in common with it, stays.
    pub bytes: u64,
    /// What this causes.
    pub caused: Caused,
}

/// Takes out of all history what is wanted, or finds out what that would be.
pub fn purge(
    store: &Store,
    author: &Author,
    wanted: &Wanted,
    mode: Mode,
    progress: &dyn Progress,
) -> Result<Purged, Error> {
    // One that nothing names any more may go too: a collection would leave it where little else goes.
    for blob in &wanted.blobs {
        let found = store.objects().find(blob.digest())?;
        if !found.is_some_and(|found| matches!(found.at.kind, ObjectKind::Chunk | ObjectKind::Manifest)) {
            return Err(Error::NoSuchBlob { blob: *blob });
        }
    }
    let mut commits = Commits::new(&wanted.places, wanted.reach, wanted.blobs.clone());
    progress.begin("writing commits anew", Amount::Steps(None));
    for _ in 0..TRIES {
        let seen = Seen::read(&store.session()?)?;
        let origin = author.now();
        let made = match mode {
            Mode::Make => {
                let writer = store.writer();
                let decided = Decided::of(&writer, &seen, &mut commits)?;
                writer.finish()?;
                let purged = decided.look(store, &store.rehearsal(), &seen, &commits)?;
                decided.make(store, &seen, &origin, wanted, purged)?
            }
            Mode::DryRun => {
                let sink = store.rehearsal();
                let decided = Decided::of(&sink, &seen, &mut commits)?;
                let mut purged = decided.look(store, &sink, &seen, &commits)?;
                let mut facts = store.session()?;
                purged.caused =
                    caused(&mut facts, &sink, &decided.batch(), &decided.writes.moved, &origin)?.0;
                Some(purged)
            }
        };
        if let Some(purged) = made {
            progress.end();
            return Ok(purged);
        }
    }
    Err(Error::Contended)
}

/// What is to be done, by the facts of one moment.
pub(super) struct Decided {
    writes: Writes,
    map: PurgeMap,
    /// Where the map lies.
    root: NodeId,
}

impl Decided {
    pub(super) fn of(sink: &dyn ObjectWrite, seen: &Seen, commits: &mut Commits) -> Result<Self, Error> {
        commits.rewrite(sink, seen)?;
        if let Some(place) = commits.missed() {
            return Err(Error::NoSuchPath { repo: place.repo.clone(), path: place.path.clone() });
        }
        let writes = facts::writes(sink, seen, commits)?;
        let map = facts::map(sink, commits)?;
        let root = map.write(sink)?;
        Ok(Self { writes, map, root })
    }

    /// What all this comes to.
    pub(super) fn look(
        &self,
        store: &Store,
        sink: &dyn ObjectWrite,
        seen: &Seen,
        commits: &Commits,
    ) -> Result<Purged, Error> {
        let others = others(sink, seen, commits, commits.staying())?;
        let mut bytes = 0;
        for digest in self.map.contents.iter().collect::<BTreeSet<_>>() {
            bytes += store.objects().place(digest)?.at.footprint();
        }
        let mut workspaces = workspace::known(store)?;
        workspaces.retain(|workspace| workspace.commits.iter().any(|id| commits.edited.contains(id)));
        let Writes { refs, forgotten, commits, .. } = &self.writes;
        Ok(Purged {
            operation: None,
            blobs: self.map.blobs.iter().map(|(blob, path)| (*blob, path.clone())).collect(),
            commits: commits.iter().map(|(repo, count)| (repo.clone(), *count)).collect(),
            refs: refs.clone(),
            forgotten: forgotten.clone(),
            others,
            workspaces: workspaces.into_iter().map(|workspace| workspace.dir).collect(),
            bytes,
            caused: Caused::default(),
        })
    }

    fn batch(&self) -> Batch {
        let writes = self.writes.facts.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Batch { writes, ..Batch::default() }
    }

    /// Makes it; `None` if the store was changed since it was seen.
    pub(super) fn make(
        &self,
        store: &Store,
        seen: &Seen,
        origin: &Origin,
        wanted: &Wanted,
        purged: Purged,
    ) -> Result<Option<Purged>, Error> {
        let mut facts = store.session()?;
        if facts.newest() != seen.newest {
            return Ok(None);
        }
        let operation = seen.newest + 1;
        let mut batch = self.batch();
        let record = Purge {
            operation,
            time: origin.time,
            author: origin.author.clone(),
            reason: wanted.reason.clone(),
            asked: wanted.asked.clone(),
            blobs: self.map.blobs.len() as u64,
            commits: purged.commits.clone(),
            map: self.root,
        };
        history::record_purge(&mut batch, &record)?;
        // What the operations up to this one had can not come back.
        history::keep_since(&mut batch, operation + 1);
        let (caused, next) = caused(&mut facts, store.objects(), &batch, &self.writes.moved, origin)?;
        batch.then(next);
        match facts.commit(origin, &batch)? {
            Outcome::Done { number } => Ok(Some(Purged { operation: Some(number), caused, ..purged })),
            Outcome::Stale { .. } => Ok(None),
        }
    }
}

/// What these moves cause when the batch is applied, and what is to be applied with it for that.
fn caused(
    facts: &mut Session,
    objects: &dyn ObjectRead,
    batch: &Batch,
    moved: &[Moved],
    origin: &Origin,
) -> Result<(Caused, Batch), Error> {
    Ok(facts.suppose(&batch.writes, |facts| {
        let mut next = Batch::default();
        let caused =
            trigger::enqueue(facts, Some(objects), &mut next, moved, Concerned::All, Runs::ByBranch, origin)?;
        Ok::<_, pipeline::Error>((caused, next))
    })?)
}
