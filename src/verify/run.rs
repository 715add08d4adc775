//! The whole verification, in rounds: what is found to be missing must be so while nothing else changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use rayon::prelude::*;

use super::choice::{Choice, choose};
use super::error::Error;
use super::facts;
use super::group::{damage, groups};
use super::hurts::{Aim, Hurts, Name};
use super::links::Links;
use super::packs::{DamagedPack, Reading, Scan, chain};
use super::report::{Finding, Hurt, Note, Report, Thing};
use super::shelf::{Shelf, bare};
use super::state::State;
use crate::backend::Listed;
use crate::content::{self, Manifest};
use crate::let_go;
use crate::object::{BlobId, Digest, ObjectKind, ObjectRead};
use crate::pack::{self, Located};
use crate::progress::{Amount, Progress};
use crate::store::Store;

/// How often all is looked at again when others change the store and something is missing.
const ROUNDS: usize = 8;

/// How thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What packs say of themselves, the index, the journal, and commits and trees; no contents.
    Quick,
    /// Besides, each byte of each pack, and each object.
    Whole,
    /// Besides, each large file, put together and hashed.
    Full,
}

/// Where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With nothing.
    Anew,
    /// With what one that was interrupted had found whole.
    Resumed,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How thoroughly.
    pub depth: Depth,
    /// Which packs are read.
    pub choice: Choice,
    /// Where it begins.
    pub start: Start,
}

/// What a verification found, for who is to mend it.
#[derive(Debug)]
pub struct Diagnosis {
    /// What is told of it.
    pub report: Report,
    /// The packs that are damaged.
    pub packs: BTreeMap<Digest, DamagedPack>,
    /// The packs that are missing, with something that is needed.
    pub gone: BTreeSet<Digest>,
    /// The objects that are needed and not there, as far as names lead to them.
    pub lost: BTreeSet<Digest>,
    moment: Moment,
}

/// What the store was like at a moment: the last operation, and the packs.
type Moment = (u64, Vec<Listed>);

/// Looks whether the store is whole. Nothing of it is changed; what was found whole is remembered until the end, to go on from.
pub fn verify(store: &Store, options: &Options, progress: &dyn Progress) -> Result<Report, Error> {
    let reads_all = options.depth > Depth::Quick && options.choice == Choice::All;
    let state = match options.start {
        Start::Resumed => State::resumed(store)?,
        Start::Anew if reads_all => State::fresh(store),
        Start::Anew => State::forgetful(store),
    };
    look(store, options, state, progress).map(|diagnosis| diagnosis.report)
}

/// Looks at all packs and all names for what is to be mended.
pub fn diagnose(store: &Store, depth: Depth, progress: &dyn Progress) -> Result<Diagnosis, Error> {
    let options = Options { depth, choice: Choice::All, start: Start::Anew };
    look(store, &options, State::forgetful(store), progress)
}

fn look(store: &Store, options: &Options, state: State, progress: &dyn Progress) -> Result<Diagnosis, Error> {
    let mut look = Look { store, options, progress, state, scan: Scan::default(), read: HashSet::new() };
    let listed = bare(store).0.list()?;
    let chosen =
        if options.depth == Depth::Quick { Vec::new() } else { choose(store, &listed, options.choice) };
    look.read(&chosen);
    let mut before: Option<Moment> = None;
    let mut rounds = 0;
    let diagnosis = loop {
        rounds += 1;
        let found = look.round()?;
        let is_so = found.report.findings.is_empty() || before.as_ref() == Some(&found.moment);
        if is_so || rounds == ROUNDS {
            break found;
        }
        before = Some(found.moment);
    };
    look.state.end();
    Ok(diagnosis)
}

struct Look<'a> {
    store: &'a Store,
    options: &'a Options,
    progress: &'a dyn Progress,
    state: State,
    scan: Scan,
    /// The packs that were read whole.
    read: HashSet<Digest>,
}

impl Look<'_> {
    fn index(&self) -> std::path::PathBuf {
        self.store.root().join("index")
    }

    /// Reads these packs, unless they were found whole before.
    fn read(&mut self, packs: &[Listed]) {
        let left: Vec<Listed> =
            packs.iter().filter(|pack| !self.state.done.contains(&pack.name)).copied().collect();
        let bytes = left.iter().map(|pack| pack.len).sum();
        self.progress.begin("reading packs", Amount::Bytes(Some(bytes)));
        let (_, bare, _tmp) = bare(self.store);
        let index = self.index();
        let known = |name: &Digest| known(&index, name);
        let reading = Reading { packs: &bare, known: &known, state: &self.state, progress: self.progress };
        let found = reading.scan(&left);
        self.progress.end();
        self.scan.bytes += found.bytes;
        self.scan.bad.extend(found.bad);
        self.read.extend(packs.iter().map(|pack| pack.name));
    }

    fn round(&mut self) -> Result<Diagnosis, Error> {
        // What the journal names was in packs before.
        let ledger = self.store.ledger().inspect()?;
        let listed = bare(self.store).0.list()?;
        if self.options.depth > Depth::Quick && self.options.choice == Choice::All {
            let new: Vec<Listed> =
                listed.iter().filter(|pack| !self.read.contains(&pack.name)).copied().collect();
            self.read(&new);
        }
        let there: HashSet<Digest> = listed.iter().map(|pack| pack.name).collect();
        self.scan.bad.retain(|name, _| there.contains(name));
        let mut shelf = Shelf::of(self.store, &listed, &self.scan.bad)?;
        let mut report = Report {
            packs: listed.len() as u64,
            packs_read: self.read.intersection(&there).count() as u64,
            bytes: listed.iter().map(|pack| pack.len).sum(),
            bytes_read: self.scan.bytes,
            objects: shelf.objects,
            ..Report::default()
        };
        facts::tell(&mut report, &ledger);
        self.tables(&mut report, &shelf)?;
        if self.options.depth == Depth::Full {
            self.large(&mut shelf, &listed);
        }
        let mut links = Links::new(&shelf);
        let mut names = Vec::new();
        if let Some(session) = &ledger.session {
            shelf.packs.tell_let_go(let_go::root(session)?);
            let (all, findings) = facts::names(session)?;
            report.findings.extend(findings);
            names = all;
            self.follow(&mut links, &names)?;
        }
        report.commits = links.commits.len() as u64;
        report.nodes = links.nodes();
        let lost = std::mem::take(&mut links.lost);
        let groups = groups(&self.index(), &lost, &self.scan.bad, &shelf, &there)?;
        links.lost = lost;
        let hurts =
            if links.lost.is_empty() { BTreeMap::new() } else { Hurts::of(&mut links, &names, &groups)? };
        damage(&mut report, &self.scan.bad, &links, &groups, hurts)?;
        let gone = groups.values().filter_map(|thing| match thing {
            Thing::Pack(pack) if !there.contains(pack) => Some(*pack),
            _ => None,
        });
        let (gone, lost) = (gone.collect(), links.lost.into_keys().collect());
        let packs = self.scan.bad.clone();
        Ok(Diagnosis { report, packs, gone, lost, moment: (ledger.operations, listed) })
    }

    /// Follows all names.
    fn follow(&self, links: &mut Links<'_>, names: &[Name]) -> Result<(), Error> {
        self.progress.begin("following commits and trees", Amount::Steps(Some(names.len() as u64)));
        for name in names {
            match name.to {
                Aim::Head(id) | Aim::Commit(id) => links.commit(id)?,
                Aim::Tree(root) => links.tree(root)?,
                Aim::File(entry) => drop(links.file(&entry)?),
            }
            self.progress.advance(1);
        }
        self.progress.end();
        Ok(())
    }

    /// Compares the store's tables with the packs.
    fn tables(&self, report: &mut Report, shelf: &Shelf) -> Result<(), Error> {
        let dir = self.index();
        let found = pack::inspect_tables(&dir, &shelf.prints);
        let found = found.map_err(|source| Error::Io { verb: "read", path: dir, source })?;
        report.tables = found.count;
        if found.unlisted > 0 {
            let text = format!("{} of the packs are in no table", found.unlisted);
            report.notes.push(Note { thing: Thing::Index("tables".to_owned()), text });
        }
        let damaged = found.faults.into_iter().map(|pack::TableFault { path, reason }| Finding {
            thing: Thing::Index(file_name(&path)),
            reason,
            lost: 0,
            hurt: Hurt::default(),
        });
        report.findings.extend(damaged);
        Ok(())
    }

    /// Puts each large file together, and takes out those that are not what their ids say.
    fn large(&self, shelf: &mut Shelf, listed: &[Listed]) {
        self.progress.begin("putting large files together", Amount::Steps(Some(listed.len() as u64)));
        for Listed { name, len } in listed {
            let entries = shelf.packs.footer(name, *len).map_or_else(|_| Vec::new(), |footer| footer.entries);
            let lists: Vec<Digest> = entries
                .into_iter()
                .filter(|at| at.kind == ObjectKind::Manifest)
                .map(|at| at.digest)
                .collect();
            let wrong: Vec<(Digest, String)> =
                lists.into_par_iter().filter_map(|digest| Some((digest, wrong(shelf, digest)?))).collect();
            shelf.wrong.extend(wrong);
            self.progress.advance(1);
        }
        self.progress.end();
    }
}

/// What is wrong with a large file all of whose parts are there.
fn wrong(shelf: &Shelf, digest: Digest) -> Option<String> {
    let payload = shelf.read_object(&digest).ok()?;
    let manifest = Manifest::from_bytes(&payload.bytes)?;
    if manifest.pieces.iter().any(|piece| !matches!(shelf.find(&piece.chunk), Ok(Some(_)))) {
        return None;
    }
    content::check(shelf, BlobId::new(digest), manifest).err().map(|error| chain(&error))
}

fn known(index: &Path, name: &Digest) -> Vec<Located> {
    let listed = pack::listed(index, &|pack| pack == name);
    listed.ok().and_then(|mut all| all.remove(name)).unwrap_or_default()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
