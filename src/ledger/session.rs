//! Short sessions, in which facts are read and changes are made.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::made::Made;
use super::operation::{KeyChange, Operation, Origin, decode, encode};
use crate::fault::is_full;
use crate::journal::{self, Journal, Tip};
use crate::meta::{self, Applied, Batch, MemoryMeta, MetaSession, MetaStore, Visitor};

/// Where the facts say which operation they follow: its number (u64, big-endian) and its checksum (16 bytes).
pub(super) const APPLIED: &[u8] = b"applied";

/// The journal and the facts of one store; clones share them.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) meta: Arc<dyn MetaStore>,
    pub(super) journal: PathBuf,
    /// Where the packs lie, if it is known: where some are, something has happened.
    pub(super) packs: Option<PathBuf>,
    pub(super) made: Made,
}

/// What each key holds in the end.
pub(super) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A short look at the facts, and the right to change them.
#[derive(Debug)]
pub struct Session {
    pub(super) facts: Box<dyn MetaSession>,
    pub(super) journal: Journal,
    /// Why nothing can be changed, if so.
    pub(super) barred: Option<Barred>,
    /// What is seen in place of what the facts hold.
    pub(super) supposed: Writes,
    /// The operations that this process makes.
    pub(super) made: Made,
}

/// How a commit to the ledger ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is made, on disk.
    Done {
        /// The operation's number.
        number: u64,
    },
    /// Nothing was changed, because this key is not as expected.
    Stale {
        /// The first key that differs.
        key: Vec<u8>,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Barred {
    ReadOnly(String),
    Full(String),
    AtOdds(String),
    Behind(u64),
}

impl Ledger {
    /// The ledger of these facts and the journal in the directory `journal`, which must exist.
    pub fn new(meta: Arc<dyn MetaStore>, journal: &Path) -> Self {
        Self { meta, journal: journal.to_owned(), packs: None, made: Made::default() }
    }

    /// The same, of a store whose packs lie in this directory.
    #[must_use]
    pub fn with_packs(self, packs: &Path) -> Self {
        Self { packs: Some(packs.to_owned()), ..self }
    }

    /// Begins a session. Facts that are behind the journal are caught up; facts that cannot be opened are set aside and
    /// rebuilt; where nothing can be written, they are made in memory, to be read only.
    pub fn session(&self) -> Result<Session, Error> {
        match self.writable() {
            Err(error) => match Barred::by(&error) {
                Some(barred) => self.read_only(barred),
                None => Err(error),
            },
            opened => opened,
        }
    }

    fn writable(&self) -> Result<Session, Error> {
        let facts = match self.meta.session() {
            Err(meta::Error::Unopenable { reason, .. }) if journal::exists(&self.journal) => {
                let aside = self.meta.set_aside()?.unwrap_or_default();
                tracing::warn!(%reason, kept = %aside.display(), "the facts could not be opened; rebuilding them from the journal");
                self.meta.session()?
            }
            Err(meta::Error::Unopenable { .. }) if self.has_packs() => return Err(Error::Lost),
            other => other?,
        };
        // An empty journal, made now, would say that nothing has ever happened here.
        if journal::is_gone(&self.journal) && facts.get(APPLIED)?.is_none() && self.has_packs() {
            return Err(Error::Lost);
        }
        let journal = Journal::open(&self.journal)?;
        let mut session =
            Session { facts, journal, barred: None, supposed: Writes::new(), made: self.made.clone() };
        session.catch_up()?;
        Ok(session)
    }

    /// Whether there are packs: then something has happened.
    pub(super) fn has_packs(&self) -> bool {
        let fans = self.packs.iter().filter_map(|packs| fs::read_dir(packs).ok()).flatten().flatten();
        fans.filter_map(|fan| fs::read_dir(fan.path()).ok()).any(|mut packs| packs.next().is_some())
    }

    /// A session that changes nothing on disk. Others may be appending to the journal; what is whole of it counts.
    fn read_only(&self, barred: Barred) -> Result<Session, Error> {
        let journal = Journal::read(&self.journal)?;
        let facts = MemoryMeta::default().session()?;
        let mut session =
            Session { facts, journal, barred: None, supposed: Writes::new(), made: self.made.clone() };
        let (changes, _) = session.changes_since(0)?;
        session.follow(changes)?;
        session.barred = Some(barred);
        Ok(session)
    }

    /// From the first to the last of the operations that were made through this ledger since this was asked last.
    pub fn made(&self) -> Option<RangeInclusive<u64>> {
        self.made.take()
    }

    /// How many bytes the journal has. It grows with each change, so who remembers it sees that there was one, without a session.
    pub fn length(&self) -> u64 {
        journal::length(&self.journal)
    }

    /// All operations, newest first, each read from the journal when it is asked for. Nothing is held meanwhile.
    pub fn operations(&self) -> Result<impl Iterator<Item = Result<Operation, Error>> + use<>, Error> {
        Ok(self.session()?.operations())
    }
}

impl Barred {
    /// What this failure bars from, if it is that the place cannot be written.
    fn by(error: &Error) -> Option<Self> {
        let source = error.preventing()?;
        let reason = format!("{error}: {source}");
        Some(if is_full(source) { Self::Full(reason) } else { Self::ReadOnly(reason) })
    }
}

impl Session {
    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.supposed.get(key) {
            Some(supposed) => Ok(supposed.clone()),
            None => Ok(self.facts.get(key)?),
        }
    }

    /// An error if the facts and the journal are at odds, so that neither tells all.
    pub fn check_sound(&self) -> Result<(), Error> {
        match &self.barred {
            Some(Barred::AtOdds(reason)) => Err(Error::AtOdds { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// Visits every key that starts with `prefix`, in order, until told to stop.
    pub fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error> {
        if self.supposed.is_empty() {
            return Ok(self.facts.scan(prefix, visit)?);
        }
        let mut seen = Writes::new();
        self.facts.scan(prefix, &mut |key, value| {
            seen.insert(key.to_vec(), Some(value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let supposed = self.supposed.iter().filter(|(key, _)| key.starts_with(prefix));
        seen.extend(supposed.map(|(key, value)| (key.clone(), value.clone())));
        let held = seen.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        for (key, value) in held {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What `look` makes of the facts as they would be after these writes. Nothing is changed.
    pub fn suppose<T>(&mut self, writes: &[(Vec<u8>, Option<Vec<u8>>)], look: impl FnOnce(&Self) -> T) -> T {
        self.supposed.extend(writes.iter().cloned());
        let made = look(self);
        self.supposed.clear();
        made
    }

    /// The number of the newest operation; 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.journal.tip().number
    }

    /// All operations up to now, newest first, each read from the journal when it is asked for. They can be read on when
    /// the session has ended.
    pub fn operations(&self) -> impl Iterator<Item = Result<Operation, Error>> + use<> {
        self.journal.newest_first().map(|record| {
            let record = record?;
            decode(record.number, &record.payload)
        })
    }

    /// Makes a change, all of it or nothing. When it is done, it is on disk: in the journal, if not in the facts.
    pub fn commit(&mut self, origin: &Origin, batch: &Batch) -> Result<Outcome, Error> {
        match self.barred.clone() {
            None => {}
            Some(Barred::ReadOnly(reason)) => return Err(Error::ReadOnly { reason }),
            Some(Barred::Full(reason)) => return Err(Error::Full { reason }),
            Some(Barred::AtOdds(reason)) => return Err(Error::AtOdds { reason }),
            Some(Barred::Behind(number)) => return Err(Error::Behind { number }),
        }
        for (key, value) in &batch.expect {
            if self.get(key)? != *value {
                return Ok(Outcome::Stale { key: key.clone() });
            }
        }
        let mut changes = Vec::new();
        for (key, after) in &batch.writes {
            let before = self.get(key)?;
            if before != *after {
                changes.push(KeyChange { key: key.clone(), before, after: after.clone() });
            }
        }
        let payload = encode(origin, &changes)?;
        let Tip { number, .. } = self.journal.append(&payload)?;
        // The change is made. Should the facts fail now, the next session lets them follow; this one changes no more.
        if let Err(error) = self.follow(changes.into_iter().map(|change| (change.key, change.after))) {
            tracing::warn!(%error, "the change is made, but the facts could not follow it yet");
            self.barred = Some(Barred::Behind(number));
        }
        self.made.note(number);
        Ok(Outcome::Done { number })
    }

    /// Brings the facts to where the journal is, by these writes.
    pub(super) fn follow(
        &mut self,
        writes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Error> {
        let mut batch = Batch { writes: writes.into_iter().collect(), ..Batch::default() };
        let Tip { number, check } = self.journal.tip();
        batch.put(APPLIED.to_vec(), [&number.to_be_bytes()[..], &check].concat());
        match self.facts.apply(&batch)? {
            Applied::Done | Applied::Stale { .. } => Ok(()),
        }
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        let applied = self.facts.get(APPLIED)?.as_deref().and_then(tip_from).unwrap_or_default();
        let tip = self.journal.tip();
        if applied == tip {
            return Ok(());
        }
        if applied.number > tip.number {
            self.bar(format!(
                "its facts follow operation {}, but its journal ends at operation {}",
                applied.number, tip.number
            ));
            return Ok(());
        }
        let (changes, found) = self.changes_since(applied.number)?;
        if found != applied {
            self.bar(format!(
                "operation {} of its journal is not the one that its facts follow",
                applied.number
            ));
            return Ok(());
        }
        // No facts may be on disk that follow what is not.
        self.journal.sync()?;
        self.follow(changes)?;
        let operations = tip.number - applied.number;
        if applied.number == 0 {
            tracing::warn!(operations, "the facts were missing; made them again from the journal");
        } else {
            tracing::warn!(operations, "the facts were behind the journal; caught them up");
        }
        Ok(())
    }

    /// Lets nothing be changed, because the store's place refused something that changes need.
    pub fn refuse(&mut self, what: &str, refusal: &io::Error) {
        let reason = format!("{what}: {refusal}");
        let barred = if is_full(refusal) { Barred::Full(reason) } else { Barred::ReadOnly(reason) };
        self.barred.get_or_insert(barred);
    }

    /// Lets nothing be changed, because facts and journal do not belong together, and says so. What the facts know can
    /// still be read.
    fn bar(&mut self, reason: String) {
        tracing::warn!(%reason, "the store is at odds with itself");
        self.barred = Some(Barred::AtOdds(reason));
    }

    /// What the operations after number `after` came to, key by key, and the point in the journal at which they begin. One
    /// operation is in memory at a time, besides what is returned.
    fn changes_since(&self, after: u64) -> Result<(Writes, Tip), Error> {
        let mut last = BTreeMap::new();
        for record in self.journal.newest_first() {
            let record = record?;
            if record.number <= after {
                return Ok((last, Tip { number: record.number, check: record.check }));
            }
            for change in decode(record.number, &record.payload)?.changes {
                last.entry(change.key).or_insert(change.after);
            }
        }
        Ok((last, Tip::default()))
    }
}

pub(super) fn tip_from(bytes: &[u8]) -> Option<Tip> {
    let (number, check) = bytes.split_first_chunk::<8>()?;
    Some(Tip { number: u64::from_be_bytes(*number), check: check.try_into().ok()? })
}
