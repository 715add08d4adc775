//! A collection, from the first look to the last byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::time::Duration;

use super::aging::{self, Aging};
use super::error::Error;
use super::letting::Letting;
use super::outgoing::{Outgoing, await_presences, lock, outlast};
use super::plan::{Plan, Share, Unneeded, decide};
use super::register::{self, Absent, Written};
use super::roots::{self, Roots};
use crate::history::{self, Author};
use crate::ledger::{Outcome, Session};
use crate::let_go;
use crate::meta::Batch;
use crate::object::{Digest, ObjectKind, ObjectRead};
use crate::owner;
use crate::pack::{Condemned, Location, Rehearsal};
use crate::progress::{Amount, Progress};
use crate::reach::{self, Bits, Held, Marks, Named, Root};
use crate::setting::Rules;
use crate::store::Store;
use crate::workspace;

/// How many facts go in one operation.
const FACTS: usize = 100_000;

/// How a collection is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it keeps beyond what it must.
    pub rules: Rules,
    /// How long is waited for another collection.
    pub wait: Duration,
    /// How long is waited, at the end, for processes that may have seen what goes.
    pub patience: Duration,
}

/// What a collection found and did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many objects there were, and what they took, in bytes.
    pub objects: (u64, u64),
    /// How many of them are needed, and what they take.
    pub needed: (u64, u64),
    /// How many commits nothing leads to, of those that facts know or packs have.
    pub commits: u64,
    /// Of how many commits the rules let the files go.
    pub let_go: u64,
    /// How many results they let go.
    pub results: u64,
    /// Of how many jobs they let go what these printed.
    pub logs: u64,
    /// Which packs went, and what was copied of them.
    pub plan: Plan,
    /// How many bytes were deleted, of packs of this collection and of earlier ones.
    pub deleted: u64,
    /// How many bytes wait for processes that may still read them.
    pub waiting: u64,
    /// How many processes these are.
    pub presences: u64,
    /// Which they are, as far as the kernel tells.
    pub holders: BTreeSet<u32>,
}

/// Collects what nothing needs. May be killed at any moment: the next collection goes on with what is left.
pub fn collect(
    store: &Store,
    author: &Author,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Collected, Error> {
    let _lock = turn(store, options.wait)?;
    let outgoing = Outgoing::find(store)?;
    let mut collection = Collection::begin(store, author, options, progress)?;
    let (commits, let_go) = collection.forget()?;
    let sums = collection.sums();
    let mut written = collection.copy(|marks, number, _| marks.catalogue.is_condemned(number))?;
    let mut deleted = outgoing.discard(store)?;
    let shares = collection.shares();
    let mut plan = decide(&shares);
    written.extend(collection.copy(|_, _, location| plan.packs.contains(&location.pack))?);
    // What a collection that was killed had copied is copied again: the very same pack, of which nothing was needed until now.
    plan.spare(&written, &shares);
    let goes = |location: &Location| plan.packs.contains(&location.pack);
    if !plan.packs.is_empty() {
        store.objects().condemn(&plan.packs.iter().copied().collect())?;
    }
    let presences = outlast(store, await_presences(store)?, options.patience)?;
    if presences.is_empty() {
        // Nobody is left who may have seen what went. What they made of it before they ended is found now.
        let now = Outgoing::find(store)?;
        collection.follow()?;
        collection.copy(|marks, number, location| marks.catalogue.is_condemned(number) || goes(location))?;
        deleted += now.discard(store)?;
    }
    workspace::forget_gone(store)?;
    let waiting = store.objects().condemned()?.iter().map(Condemned::bytes).sum();
    let (results, logs) = collection.aging.counts();
    Ok(Collected {
        commits: commits.max(sums.commits),
        let_go,
        results,
        logs,
        plan,
        deleted,
        waiting,
        presences: presences.len() as u64,
        holders: presences.iter().filter_map(|presence| owner::process_of(store.tmp(), presence)).collect(),
        ..sums
    })
}

/// The right to collect. Who waits for it uses nothing, so that he who has it does not wait for him.
fn turn(store: &Store, wait: Duration) -> Result<File, Error> {
    if let Some(lock) = lock(store, Duration::ZERO)? {
        return Ok(lock);
    }
    store.rest()?;
    let lock = lock(store, wait);
    store.resume()?;
    lock?.ok_or(Error::Busy)
}

fn all_roots(named: Vec<Named>) -> Vec<Root> {
    named.into_iter().flat_map(|named| named.roots).collect()
}

/// A collection that has found out what is needed.
pub(super) struct Collection<'a> {
    store: &'a Store,
    /// What is read, which may have been thought of only.
    pub(super) objects: &'a dyn ObjectRead,
    author: &'a Author,
    progress: &'a dyn Progress,
    pub(super) marks: Marks<'a>,
    pub(super) letting: Letting<'a>,
    pub(super) aging: Aging,
    copied: Bits,
    /// Packs of living writers, of which nothing may be known yet.
    fresh: BTreeSet<String>,
    /// The newest operation whose names were followed.
    newest: u64,
    since: u64,
    pub(super) repos: BTreeSet<u64>,
    /// Objects of what was taken out of history.
    purged: BTreeSet<Digest>,
}

impl<'a> Collection<'a> {
    pub(super) fn begin(
        store: &'a Store,
        author: &'a Author,
        options: &'a Options,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Self::look(store, None, author, options, progress)
    }

    /// Finds out what is needed. With a rehearsal nothing is written.
    pub(super) fn look(
        store: &'a Store,
        rehearsal: Option<&'a Rehearsal>,
        author: &'a Author,
        options: &'a Options,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let packs = store.objects();
        packs.complete()?;
        let catalogue = packs.catalogue()?;
        let fresh = owner::written(store.tmp())
            .map_err(|source| Error::Io { verb: "see what is being written", source })?;
        let (now, roots) = roots::now(store, author, &options.rules)?;
        if roots.newest == 0 && !catalogue.is_empty() {
            return Err(Error::Nothing);
        }
        let Roots { mut named, undoable, names, newest, since, repos, purges, memory } = roots;
        let (objects, aging): (&dyn ObjectRead, Aging) = if let Some(sink) = rehearsal {
            (sink, Aging::of(sink, &options.rules, now, memory)?)
        } else {
            let writer = store.writer();
            let aging = Aging::of(&writer, &options.rules, now, memory)?;
            writer.finish()?;
            (packs, aging)
        };
        named.extend(undoable);
        named.extend(aging.ruled(&repos)?);
        let letting = Letting::new(packs, &options.rules, now, names, roots::keepers(&named))?;
        let mut purged = BTreeSet::new();
        purges.contents(packs, &mut |digest| {
            purged.insert(digest);
        })?;
        let copied = Bits::new(catalogue.len());
        let mut marks = Marks::new(packs, catalogue);
        marks.pass(letting.goes().keys().copied().collect());
        if aging.told().is_some() {
            marks.pass_results();
        }
        let collection = Self {
            store,
            objects,
            author,
            progress,
            marks,
            letting,
            aging,
            copied,
            fresh,
            newest,
            since,
            repos,
            purged,
        };
        collection.mark(all_roots(named))?;
        Ok(collection)
    }

    fn mark(&self, roots: Vec<Root>) -> Result<(), Error> {
        self.progress.begin("finding what is needed", Amount::Steps(Some(roots.len() as u64)));
        for root in roots {
            reach::visit(self.objects, root, &self.marks)?;
            self.progress.advance(1);
        }
        self.progress.end();
        Ok(())
    }

    /// What has been named since it was looked last.
    fn news(&mut self, facts: &Session) -> Result<Vec<Named>, Error> {
        let named = roots::since(facts, self.newest)?;
        self.newest = facts.newest();
        Ok(named)
    }

    /// Marks what has been named since, and what workspaces came to.
    fn follow(&mut self) -> Result<(), Error> {
        let (mut named, purges) = {
            let facts = self.store.session()?;
            (self.news(&facts)?, history::purges(&facts)?)
        };
        named.extend(roots::of_workspaces(self.store, &self.repos, &purges)?);
        self.mark(all_roots(named))
    }

    /// Decides anew what is old if jobs and results are others now.
    fn age(&mut self) -> Result<(), Error> {
        if self.aging.renew(self.store)? {
            self.mark(all_roots(self.aging.named(&self.repos)?))
        } else {
            Ok(())
        }
    }

    /// Marks this, before it is known what is let go, and keeps the files that it needs.
    fn take_up(&mut self, mut named: Vec<Named>) -> Result<(), Error> {
        let stay = self.letting.keep(roots::keepers(&named))?;
        if self.aging.is_ruled() {
            named.retain(|named| !aging::is_about(named));
        }
        let mut roots = all_roots(named);
        if !stay.is_empty() {
            self.marks.pass(self.letting.goes().keys().copied().collect());
            let what =
                if self.aging.told().is_some() { Held::Files } else { Held::of(self.store.objects())? };
            for id in stay {
                roots.extend(reach::held(&history::load(self.store.objects(), id)?, what));
            }
        }
        self.mark(roots)
    }

    /// Forgets what is known of commits that nothing leads to, and says since when operations can be undone and which commits' files are let
    /// go. How many commits were forgotten, and of how many the files were let go.
    pub(super) fn forget(&mut self) -> Result<(u64, u64), Error> {
        let mut commits = BTreeSet::new();
        let purges = history::purges(&self.store.session()?)?;
        self.take_up(roots::of_workspaces(self.store, &self.repos, &purges)?)?;
        let mut absent = Absent::Go;
        loop {
            self.age()?;
            // A purge may have changed it meanwhile, or what comes from another store.
            let before = let_go::root(&self.store.session()?)?;
            let gone = (self.letting.goes(), self.aging.told());
            let Written { table, dropped } = register::write(self.store, &self.marks, before, gone, absent)?;
            let table = table.filter(|table| before != Some(*table));
            let mut facts = self.store.session()?;
            let named = self.news(&facts)?;
            if !named.is_empty() {
                drop(facts);
                self.take_up(named)?;
                continue;
            }
            if !register::may_drop(self.store, &dropped)? {
                absent = Absent::Stay;
                continue;
            }
            let dead = roots::dead(&facts, &self.repos, &|id| self.marks.has_entered(id), FACTS)?;
            let mut batch = Batch::default();
            dead.keys.iter().for_each(|key| {
                batch.remove(key.clone());
            });
            if history::kept_since(&facts)? < self.since {
                history::keep_since(&mut batch, self.since);
            }
            if let Some(table) = table.filter(|_| let_go::root(&facts).is_ok_and(|now| now == before)) {
                let_go::put(&mut batch, table);
            }
            self.aging.put(&mut batch);
            if batch == Batch::default() {
                return Ok((commits.len() as u64, self.letting.goes().len() as u64));
            }
            match facts.commit(&self.author.housekeeping(), &batch)? {
                Outcome::Done { number } => {
                    self.newest = number;
                    self.aging.settle();
                }
                Outcome::Stale { .. } => {}
            }
            commits.extend(dead.commits);
        }
    }

    /// What is known of each pack that may go.
    pub(super) fn shares(&self) -> BTreeMap<Digest, Share> {
        let mut shares: BTreeMap<Digest, Share> = BTreeMap::new();
        for (number, location) in self.marks.catalogue.iter() {
            if self.marks.catalogue.is_condemned(number) {
                continue;
            }
            let share = shares.entry(location.pack).or_default();
            let bytes = location.at.footprint();
            share.bytes += bytes;
            if self.marks.has(number) {
                share.needed += bytes;
            } else if location.at.kind != ObjectKind::Chunk || self.purged.contains(&location.at.digest) {
                share.unneeded = Unneeded::Leading;
            }
        }
        shares.retain(|pack, _| !self.fresh.contains(&pack.to_string()));
        shares
    }

    pub(super) fn sums(&self) -> Collected {
        let mut sums = Collected::default();
        for (number, location) in self.marks.catalogue.iter() {
            let bytes = location.at.footprint();
            sums.objects.0 += 1;
            sums.objects.1 += bytes;
            if self.marks.has(number) {
                sums.needed.0 += 1;
                sums.needed.1 += bytes;
            } else if location.at.kind == ObjectKind::Commit && !self.marks.catalogue.is_condemned(number) {
                sums.commits += 1;
            }
        }
        sums
    }

    /// Copies what is needed, lies where `there` says, and is not copied yet. Which packs that made.
    fn copy(&self, there: impl Fn(&Marks<'_>, usize, &Location) -> bool) -> Result<BTreeSet<Digest>, Error> {
        let is_meant = |(number, location): &(usize, Location)| {
            there(&self.marks, *number, location) && !self.copied.has(*number)
        };
        let mut needed: Vec<(usize, Location)> = self.marks.met().filter(is_meant).collect();
        if needed.is_empty() {
            return Ok(BTreeSet::new());
        }
        // In the order in which they lie: a pack is read from its beginning to its end.
        needed.sort_by_key(|(_, location)| (location.pack, location.at.offset));
        let bytes = needed.iter().map(|(_, location)| u64::from(location.at.stored)).sum();
        self.progress.begin("copying what is needed", Amount::Bytes(Some(bytes)));
        let writer = self.store.writer();
        for (number, location) in &needed {
            writer.copy(location)?;
            self.copied.set(*number);
            self.progress.advance(u64::from(location.at.stored));
        }
        let written = writer.finish()?;
        self.progress.end();
        Ok(written.packs)
    }
}
