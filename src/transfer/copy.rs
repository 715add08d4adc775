//! Copying commits, with all that they name, to where they are not.

use std::collections::{HashMap, HashSet};

use super::closure::{self, Part};
use super::contract::{Delivery, Objects, Parcel, Peer};
use super::error::Error;
use crate::content::Manifest;
use crate::history::{self, LetGo};
use crate::object::{Commit, CommitId, Digest, NodeId, ObjectKind, ObjectRead, Payload};
use crate::progress::{Amount, Progress};
use crate::reach::Held;

/// How many objects are asked for at a time.
const TOGETHER: usize = 256;

/// How many objects are read at a time: with chunks at most 16 MiB in memory.
const READ_TOGETHER: usize = 64;

/// How many records are read at a time of commits that have no files any more.
const RECORDS_TOGETHER: usize = 4096;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many commits.
    pub commits: u64,
    /// How many of them without their files, which were let go.
    pub let_go: u64,
    /// How many objects of all kinds.
    pub objects: u64,
    /// Their bytes, uncompressed.
    pub bytes: u64,
}

/// Copies the commits `heads` and their history from `from` to where `to` goes. Nothing is sent that is there already. Of commits whose files
/// were let go the records are sent; a head must have its files. Memory holds the ids of the commits that are missing there, what is known
/// of files that were let go, and a few hundred objects.
pub fn copy(
    from: &dyn Peer,
    to: &mut dyn Delivery,
    heads: &[CommitId],
    progress: &dyn Progress,
) -> Result<Copied, Error> {
    progress.begin("comparing histories", Amount::Steps(None));
    let route = Route::find(&Objects(from), to, heads);
    progress.end();
    progress.begin("copying", Amount::Bytes(None));
    let copied = send(from, to, &route?, progress);
    progress.end();
    copied
}

/// What is to be copied.
#[derive(Debug)]
struct Route {
    /// The commits, each after those it follows.
    commits: Vec<CommitId>,
    /// Those of them whose files were let go.
    gone: HashMap<CommitId, LetGo>,
    /// How the tables of results were let go that some of them name.
    results: Option<LetGo>,
}

impl Route {
    fn find(from: &dyn ObjectRead, to: &dyn Delivery, heads: &[CommitId]) -> Result<Self, Error> {
        let commits = missing(from, to, heads)?;
        let mut gone = HashMap::new();
        for id in &commits {
            gone.extend(history::find_let_go(from, *id)?.map(|gone| (*id, gone)));
        }
        for head in heads.iter().filter(|head| gone.contains_key(head)) {
            history::load_whole(from, *head)?;
        }
        let mut results = history::find_results_let_go(from)?;
        if results.is_some() && !any_names_results(from, commits.iter().filter(|id| !gone.contains_key(id)))?
        {
            results = None;
        }
        Ok(Self { commits, gone, results })
    }

    /// What of the commits is sent.
    fn held(&self) -> Held {
        if self.results.is_some() { Held::Files } else { Held::All }
    }

    /// The commits in groups, in their order: one with its files, or some without.
    fn groups(&self) -> impl Iterator<Item = &[CommitId]> {
        let has_files = |id: &CommitId| !self.gone.contains_key(id);
        let runs = self.commits.chunk_by(move |a, b| !has_files(a) && !has_files(b));
        runs.flat_map(|run| run.chunks(RECORDS_TOGETHER))
    }
}

fn send(
    from: &dyn Peer,
    to: &mut dyn Delivery,
    route: &Route,
    progress: &dyn Progress,
) -> Result<Copied, Error> {
    if !route.gone.is_empty() {
        let gone: Vec<(CommitId, LetGo)> = route.gone.iter().map(|(id, gone)| (*id, gone.clone())).collect();
        to.let_go(&gone)?;
    }
    if let Some(gone) = &route.results {
        to.let_go_results(gone)?;
    }
    let mut sender =
        Sender { from, to, contents: Vec::new(), nodes: Vec::new(), copied: Copied::default(), progress };
    let mut known = HashSet::new();
    for group in route.groups() {
        match group {
            [id] if !route.gone.contains_key(id) => sender.send_files(*id, route.held(), &mut known)?,
            gone => sender.copied.let_go += gone.len() as u64,
        }
        let records: Vec<Digest> = group.iter().map(|id| *id.digest()).collect();
        sender.transfer_together(ObjectKind::Commit, &records, RECORDS_TOGETHER)?;
        sender.copied.commits += group.len() as u64;
    }
    Ok(sender.copied)
}

/// Whether a stage has made any of these commits.
fn any_names_results<'a>(
    from: &dyn ObjectRead,
    mut commits: impl Iterator<Item = &'a CommitId>,
) -> Result<bool, Error> {
    commits.try_fold(false, |any, id| Ok(any || history::load(from, *id)?.provenance.is_some()))
}

/// The commits that `to` lacks of the history of `heads`, each after those it follows.
fn missing(from: &dyn ObjectRead, to: &dyn Delivery, heads: &[CommitId]) -> Result<Vec<CommitId>, Error> {
    let mut parents: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    let mut seen: HashSet<CommitId> = HashSet::new();
    let mut waiting: Vec<CommitId> = heads.iter().copied().filter(|id| seen.insert(*id)).collect();
    while !waiting.is_empty() {
        let part = waiting.split_off(waiting.len().saturating_sub(TOGETHER));
        let digests: Vec<Digest> = part.iter().map(|id| *id.digest()).collect();
        for (id, there) in part.iter().zip(to.have(&digests)?) {
            if there == Some(ObjectKind::Commit) {
                continue;
            }
            let Commit { parents: before, .. } = history::load(from, *id)?;
            waiting.extend(before.iter().copied().filter(|id| seen.insert(*id)));
            parents.insert(*id, before);
        }
    }
    Ok(in_order(heads, parents))
}

/// The keys of `parents`, each after those it follows.
fn in_order(heads: &[CommitId], mut parents: HashMap<CommitId, Vec<CommitId>>) -> Vec<CommitId> {
    let mut ordered = Vec::new();
    let mut stack: Vec<(CommitId, Vec<CommitId>)> = Vec::new();
    for head in heads {
        stack.extend(parents.remove(head).map(|before| (*head, before)));
        while let Some((id, before)) = stack.last_mut() {
            match before.pop() {
                None => {
                    ordered.push(*id);
                    stack.pop();
                }
                Some(next) => stack.extend(parents.remove(&next).map(|before| (next, before))),
            }
        }
    }
    ordered
}

/// What is about to be sent: contents before the nodes that name them, nodes in their order.
struct Sender<'a> {
    from: &'a dyn Peer,
    to: &'a mut dyn Delivery,
    contents: Vec<Digest>,
    nodes: Vec<Digest>,
    copied: Copied,
    progress: &'a dyn Progress,
}

impl Sender<'_> {
    /// Sends all that the commit names, but for its parents.
    fn send_files(&mut self, id: CommitId, held: Held, known: &mut HashSet<NodeId>) -> Result<(), Error> {
        let objects = Objects(self.from);
        let commit = history::load(&objects, id)?;
        let earlier = match commit.parents.first() {
            Some(parent) => self.whole(&objects, *parent)?,
            None => None,
        };
        closure::visit(&objects, held, &commit, earlier.as_ref(), known, &mut |part| match part {
            Part::Node(id) => self.add_node(*id.digest()),
            Part::Path { site, .. } => self.add_content(*site.value.blob.digest()),
            Part::Content { entry, .. } => self.add_content(*entry.blob.digest()),
        })?;
        self.flush()
    }

    /// The commit, if its files are on both sides. They may have been let go on either.
    fn whole(&self, objects: &dyn ObjectRead, id: CommitId) -> Result<Option<Commit>, Error> {
        match history::load_whole(objects, id) {
            Err(history::Error::LetGo { .. }) => Ok(None),
            commit => Ok(if self.to.has_files(id)? { Some(commit?) } else { None }),
        }
    }

    fn add_content(&mut self, digest: Digest) -> Result<(), Error> {
        self.contents.push(digest);
        if self.contents.len() < TOGETHER { Ok(()) } else { self.flush() }
    }

    fn add_node(&mut self, digest: Digest) -> Result<(), Error> {
        self.nodes.push(digest);
        if self.nodes.len() < TOGETHER { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let contents = std::mem::take(&mut self.contents);
        self.send_contents(&contents)?;
        let nodes = std::mem::take(&mut self.nodes);
        let lacking = self.lacking(&nodes, |kind| kind != ObjectKind::Manifest)?;
        self.transfer(ObjectKind::Node, &lacking)
    }

    /// Those of `digests`, each once, that the other side does not have as what `right` says.
    fn lacking(&self, digests: &[Digest], right: fn(ObjectKind) -> bool) -> Result<Vec<Digest>, Error> {
        let mut seen = HashSet::new();
        let each: Vec<Digest> = digests.iter().copied().filter(|digest| seen.insert(*digest)).collect();
        let mut lacking = Vec::new();
        for part in each.chunks(TOGETHER) {
            let have = self.to.have(part)?;
            let without = part.iter().zip(have).filter(|(_, there)| !there.is_some_and(right));
            lacking.extend(without.map(|(digest, _)| *digest));
        }
        Ok(lacking)
    }

    /// Sends contents, the large ones chunk by chunk. Of those that are there in chunks every chunk is asked for, since what an
    /// earlier transfer left may be less than all.
    fn send_contents(&mut self, digests: &[Digest]) -> Result<(), Error> {
        let lacking = self.lacking(digests, |kind| kind != ObjectKind::Manifest)?;
        for part in lacking.chunks(READ_TOGETHER) {
            let payloads = self.from.read(part)?;
            let mut parcels = Vec::new();
            for (digest, payload) in part.iter().zip(payloads) {
                // A file may have the bytes of something else, and be kept as that.
                let kind = match payload.kind {
                    ObjectKind::Manifest => ObjectKind::Manifest,
                    _ => ObjectKind::Chunk,
                };
                if kind == ObjectKind::Manifest {
                    self.send_chunks(digest, &payload)?;
                }
                parcels.push(parcel(kind, digest, payload));
            }
            let lists: Vec<Digest> =
                parcels.iter().filter(|p| p.kind == ObjectKind::Manifest).map(|p| p.digest).collect();
            let lists: HashSet<Digest> = self.lacking(&lists, |_| true)?.into_iter().collect();
            parcels.retain(|p| p.kind != ObjectKind::Manifest || lists.contains(&p.digest));
            self.put(&parcels)?;
        }
        Ok(())
    }

    fn send_chunks(&mut self, digest: &Digest, list: &Payload) -> Result<(), Error> {
        let malformed = || Error::Altered { kind: ObjectKind::Manifest, digest: *digest };
        let list = Manifest::from_bytes(&list.bytes).ok_or_else(malformed)?;
        for part in list.pieces.chunks(TOGETHER) {
            let chunks: Vec<Digest> = part.iter().map(|piece| piece.chunk).collect();
            let lacking = self.lacking(&chunks, |kind| kind != ObjectKind::Manifest)?;
            self.transfer(ObjectKind::Chunk, &lacking)?;
        }
        Ok(())
    }

    /// Reads and puts objects of this kind that the other side lacks.
    fn transfer(&mut self, kind: ObjectKind, digests: &[Digest]) -> Result<(), Error> {
        self.transfer_together(kind, digests, READ_TOGETHER)
    }

    fn transfer_together(
        &mut self,
        kind: ObjectKind,
        digests: &[Digest],
        together: usize,
    ) -> Result<(), Error> {
        for part in digests.chunks(together) {
            let payloads = self.from.read(part)?;
            let parcels: Vec<Parcel> =
                part.iter().zip(payloads).map(|(digest, payload)| parcel(kind, digest, payload)).collect();
            self.put(&parcels)?;
        }
        Ok(())
    }

    fn put(&mut self, parcels: &[Parcel]) -> Result<(), Error> {
        if parcels.is_empty() {
            return Ok(());
        }
        self.to.put(parcels)?;
        let bytes = parcels.iter().map(|parcel| parcel.bytes.len() as u64).sum();
        self.copied.objects += parcels.len() as u64;
        self.copied.bytes += bytes;
        self.progress.advance(bytes);
        Ok(())
    }
}

fn parcel(kind: ObjectKind, digest: &Digest, payload: Payload) -> Parcel {
    Parcel { digest: *digest, kind, bytes: payload.bytes }
}
