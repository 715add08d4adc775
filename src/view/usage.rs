//! What a store takes, as outsiders see it.

use serde::Serialize;

use crate::object::ObjectKind;
use crate::{pack, usage};

/// What a store takes.
#[derive(Debug, Clone, Serialize)]
pub struct Usage {
    /// What all branches hold, each for itself.
    pub held: Holding,
    /// The bytes of all files of the store.
    pub total_bytes: u64,
    /// The bytes of its files, by what they are for.
    pub files: Places,
    /// What packs hold, by kind.
    pub objects: Kinds,
    /// How often contents would fit into themselves before compression.
    pub compression: Option<f64>,
    /// How much more branches hold than is stored of contents, before compression.
    pub deduplication: Option<f64>,
    /// The disk.
    pub disk: Option<Disk>,
    /// How fast it grows.
    pub growth: Growth,
    /// The repos, the one that holds the most first.
    pub repos: Vec<RepoHolding>,
}

/// Files and their bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Holding {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Bytes of files, by what they are for.
#[derive(Debug, Clone, Serialize)]
pub struct Places {
    /// All objects.
    pub packs: u64,
    /// Where they lie.
    pub index: u64,
    /// Every change.
    pub journal: u64,
    /// What the changes come to.
    pub facts: u64,
    /// What is being written, and what jobs work in.
    pub temporary: u64,
    /// What spares reading files again.
    pub caches: u64,
    /// Anything else.
    pub other: u64,
}

/// What packs hold, by kind.
#[derive(Debug, Clone, Serialize)]
pub struct Kinds {
    /// Files, and pieces of large ones.
    pub contents: Stock,
    /// What large files consist of.
    pub chunk_lists: Stock,
    /// Parts of trees.
    pub tree_nodes: Stock,
    /// Commit records.
    pub commits: Stock,
}

/// Objects, together.
#[derive(Debug, Clone, Serialize)]
pub struct Stock {
    /// How many.
    pub objects: u64,
    /// Their bytes before compression.
    pub bytes: u64,
    /// Their bytes as stored.
    pub stored_bytes: u64,
}

/// A disk.
#[derive(Debug, Clone, Serialize)]
pub struct Disk {
    /// Its bytes.
    pub capacity: u64,
    /// How many are free.
    pub free: u64,
    /// How many are kept free.
    pub kept_free: u64,
}

/// How fast a store grows.
#[derive(Debug, Clone, Serialize)]
pub struct Growth {
    /// The bytes of the packs of the last 7 days.
    pub week_bytes: u64,
    /// Bytes a day.
    pub day_bytes: u64,
    /// In how many days only what is kept free is left.
    pub days_until_full: Option<u64>,
}

/// What a repo's branches hold.
#[derive(Debug, Clone, Serialize)]
pub struct RepoHolding {
    /// Its name.
    pub name: String,
    /// The `PIPELINE/STAGE` whose output it is.
    pub output_of: Option<String>,
    /// How many branches it has.
    pub branches: u64,
    /// Their files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl From<&usage::Usage> for Usage {
    fn from(usage: &usage::Usage) -> Self {
        let (held, places) = (usage.held(), usage.places);
        let kind = |kind| {
            let stock = usage.stock.get(&kind).copied().unwrap_or_default();
            Stock { objects: stock.objects, bytes: stock.bytes, stored_bytes: stock.stored }
        };
        Self {
            held: Holding { files: held.count, bytes: held.weight },
            total_bytes: places.all().bytes,
            files: Places {
                packs: places.packs.bytes,
                index: places.index.bytes,
                journal: places.journal.bytes,
                facts: places.facts.bytes,
                temporary: places.temporary.bytes,
                caches: places.caches.bytes,
                other: places.other.bytes,
            },
            objects: Kinds {
                contents: kind(ObjectKind::Chunk),
                chunk_lists: kind(ObjectKind::Manifest),
                tree_nodes: kind(ObjectKind::Node),
                commits: kind(ObjectKind::Commit),
            },
            compression: usage.compression(),
            deduplication: usage.deduplication(),
            disk: usage.disk.map(Disk::from),
            growth: Growth {
                week_bytes: usage.growth.bytes,
                day_bytes: usage.growth.per_day(),
                days_until_full: usage.days_until_full(),
            },
            repos: usage.repos.iter().map(RepoHolding::from).collect(),
        }
    }
}

impl From<&usage::Held> for RepoHolding {
    fn from(held: &usage::Held) -> Self {
        let output_of = held.output_of.as_ref().map(|(pipeline, stage)| format!("{pipeline}/{stage}"));
        let usage::Held { repo, branches, totals, .. } = held;
        let (name, branches) = (repo.to_string(), *branches);
        Self { name, output_of, branches, files: totals.count, bytes: totals.weight }
    }
}

impl From<pack::Disk> for Disk {
    fn from(disk: pack::Disk) -> Self {
        let pack::Disk { size, free, reserve } = disk;
        Self { capacity: size, free, kept_free: reserve }
    }
}
