//! What is decoded that others may have written, or a disk have damaged. Each takes any bytes, and may refuse them, but neither panic nor
//! take memory that the bytes do not warrant. What is checked by a hash gets the right one, so that it is seen what lies behind it.
//!
//! Fuzzed by `make fuzz`; tests/fuzzed.rs goes through the seeds.

#![allow(clippy::unwrap_used, reason = "what was just written can be read")]
#![allow(dead_code, reason = "each fuzzer calls one of them")]
#![allow(unreachable_pub, reason = "each program has it as a module of its own")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use vds::backend::{Backend, LocalBackend};
use vds::bundle::Bundle;
use vds::history::{Location, Revision, Target};
use vds::journal::Journal;
use vds::ledger::Ledger;
use vds::meta::MemoryMeta;
use vds::object::access::memory::Objects;
use vds::object::{Commit, Digest, Entry, NodeId, ObjectKind, ObjectWrite};
use vds::owner::Tmp;
use vds::pack::Packs;
use vds::pipeline::pachyderm::{Untranslated, translate};
use vds::pipeline::pattern::{PathPattern, Source};
use vds::pipeline::spec::Spec;
use vds::progress::Silent;
use vds::tick::{self, Format};
use vds::tree::{self, Raw};

/// One of them.
pub type Decoder = fn(&[u8]);

/// All of them, by name.
pub const ALL: [(&str, Decoder); 8] = [
    ("pack", pack),
    ("node", node),
    ("commit", commit),
    ("journal", journal),
    ("bundle", bundle),
    ("pipeline", pipeline),
    ("ticks", ticks),
    ("revision", revision),
];

/// A place in memory, where that can be had.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A pack: as it is, and with a trailer that fits what stands before it.
pub fn pack(bytes: &[u8]) {
    read_pack(bytes);
    read_pack(&sealed_pack(bytes));
}

fn sealed_pack(bytes: &[u8]) -> Vec<u8> {
    const HEAD: &[u8; 8] = b"vdspack\x01";
    const ENTRY: usize = 50;
    let (count, body) = bytes.split_first().map_or((0, bytes), |(count, body)| (usize::from(*count), body));
    let count = count.min(body.len() / ENTRY);
    let (objects, entries) = body.split_at(body.len() - count * ENTRY);
    // In order, so that it is not refused for that.
    let mut entries: Vec<&[u8]> = entries.chunks(ENTRY).collect();
    entries.sort_unstable();
    entries.dedup_by_key(|entry| &entry[..32]);
    let table = entries.concat();
    let start = (HEAD.len() + objects.len()) as u64;
    let check = Digest::of(&table);
    let mut sealed = [&HEAD[..], objects, &table].concat();
    sealed.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
    sealed.extend(start.to_le_bytes());
    sealed.extend(&check.as_bytes()[..16]);
    sealed.extend(b"vdspkend");
    sealed
}

fn read_pack(bytes: &[u8]) {
    let place = place();
    let (name, dir) = (Digest::of(bytes), place.path());
    let (packs, index) = (dir.join("packs"), dir.join("index"));
    for dir in [&packs, &index] {
        fs::create_dir(dir).unwrap();
    }
    let source = dir.join("source");
    fs::write(&source, bytes).unwrap();
    let backend = LocalBackend::new(&packs);
    backend.put(&name, &source).unwrap();
    let packs = Packs::new(Arc::new(backend), &index, &Tmp::new(&dir.join("tmp")));
    let len = bytes.len() as u64;
    let _ = packs.inspect(&name, len, &Silent).unwrap();
    if let Ok(footer) = packs.footer(&name, len) {
        assert_eq!(packs.intact(&name, &footer.entries).len(), {
            let damaged = packs.inspect(&name, len, &Silent).unwrap().damaged;
            footer.entries.len() - damaged.len()
        });
    }
}

/// A node of a tree, by itself and as the root of one, of files and of anything.
pub fn node(bytes: &[u8]) {
    let _ = tree::peek::<Entry>(bytes);
    let _ = tree::peek::<Raw>(bytes);
    let objects = Objects::default();
    let digest = Digest::of(bytes);
    objects.write_object(ObjectKind::Node, &digest, bytes).unwrap();
    let root = NodeId::new(digest);
    let _ = tree::walk::<Entry, tree::Error>(&objects, root, |_| true, |_, _| Ok(()));
    let _ = tree::walk::<Raw, tree::Error>(&objects, root, |_| true, |_, _| Ok(()));
    let _ = tree::totals::<Entry>(&objects, root);
}

/// A commit. One that can be read is written as it was.
pub fn commit(bytes: &[u8]) {
    if let Ok(commit) = Commit::from_bytes(bytes) {
        assert_eq!(commit.to_bytes().unwrap(), bytes);
    }
}

/// A journal: a whole one, and a record of one.
pub fn journal(bytes: &[u8]) {
    let place = place();
    let path = place.path().join("operations");
    fs::write(&path, bytes).unwrap();
    read_journal(place.path());
    let _ = Journal::open(place.path()).map(|journal| journal.newest_first().take(100).count());
    fs::remove_file(&path).unwrap();
    Journal::open(place.path()).unwrap().append(bytes).unwrap();
    read_journal(place.path());
    let ledger = Ledger::new(Arc::new(MemoryMeta::default()), place.path());
    if let Ok(facts) = ledger.session() {
        facts.scan(b"", &mut |_, _| ControlFlow::Continue(())).unwrap();
        facts.operations().for_each(drop);
    }
}

fn read_journal(dir: &Path) {
    if let Ok(journal) = Journal::read(dir) {
        journal.newest_first().take(100).for_each(drop);
    }
}

/// A bundle: as it is, and with a checksum that fits.
pub fn bundle(bytes: &[u8]) {
    read_bundle(bytes);
    let hash = Digest::of(bytes);
    read_bundle(&[bytes, hash.as_bytes()].concat());
}

fn read_bundle(bytes: &[u8]) {
    let place = place();
    let path = place.path().join("bundle");
    fs::write(&path, bytes).unwrap();
    if let Ok(bundle) = Bundle::open(&path, &Silent) {
        let _ = vds::bundle::verify(&bundle, None, &Silent);
    }
}

/// A pipeline file of ours, or one of Pachyderm's.
pub fn pipeline(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Spec::parse("fuzzed.toml", text);
    let _ = translate(&Untranslated { file: "fuzzed.json", stem: "fuzzed", text, name: None });
    if let Some(line) = text.lines().next() {
        let _ = line.parse::<Source>();
        let _ = line.parse::<PathPattern>().map(|pattern| pattern.to_string());
    }
}

/// Ticks, in a format that nothing is known of.
pub fn ticks(bytes: &[u8]) {
    let _ = tick::read(bytes, &Format::default(), "unnamed");
}

/// What names a revision. One that can be read is written so that it is read as the same.
pub fn revision(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<Location>();
    let _ = text.parse::<Revision>();
    if let Ok(target) = text.parse::<Target>() {
        assert_eq!(target.to_string().parse(), Ok(target));
    }
}
