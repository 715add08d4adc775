//! What each lost object was lost with: the pack that it was in, where that is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::error::Error;
use super::links::Links;
use super::packs::DamagedPack;
use super::report::{Finding, Hurt, Report, Thing};
use super::shelf::Shelf;
use crate::object::Digest;
use crate::pack;

/// So many things are told.
const TOLD: usize = 50;

/// To what each lost object belongs.
pub(super) fn groups(
    index: &Path,
    lost: &BTreeMap<Digest, Option<String>>,
    bad: &BTreeMap<Digest, DamagedPack>,
    shelf: &Shelf,
    there: &HashSet<Digest>,
) -> Result<BTreeMap<Digest, Thing>, Error> {
    if lost.is_empty() {
        return Ok(BTreeMap::new());
    }
    let in_bad = bad.iter().flat_map(|(pack, bad)| bad.damaged.iter().map(move |(at, _)| (at.digest, *pack)));
    let mut packs: HashMap<Digest, Digest> = in_bad.collect();
    // What the index says of packs that are gone, or do not tell what they hold.
    let silent = |pack: &Digest| !there.contains(pack) || shelf.unreadable.contains_key(pack);
    let listed = pack::listed(index, &silent);
    let listed = listed.map_err(|source| Error::Io { verb: "read", path: index.to_owned(), source })?;
    for (pack, all) in listed {
        all.into_iter().filter(|at| lost.contains_key(&at.digest)).for_each(|at| {
            packs.entry(at.digest).or_insert(pack);
        });
    }
    let thing = |digest: &Digest| packs.get(digest).map_or(Thing::Object(*digest), |pack| Thing::Pack(*pack));
    Ok(lost.keys().map(|digest| (*digest, thing(digest))).collect())
}

/// Tells in the report what is damaged, and what that hurts.
pub(super) fn damage(
    report: &mut Report,
    bad: &BTreeMap<Digest, DamagedPack>,
    links: &Links<'_>,
    groups: &BTreeMap<Digest, Thing>,
    mut hurts: BTreeMap<Thing, Hurt>,
) -> Result<(), Error> {
    let mut found: BTreeMap<Thing, Finding> = BTreeMap::new();
    let fresh = |thing: &Thing, reason: String| Finding {
        thing: thing.clone(),
        reason,
        lost: 0,
        hurt: Hurt::default(),
    };
    for (name, pack) in bad {
        let thing = Thing::Pack(*name);
        let mut finding = fresh(&thing, pack.reason.clone());
        for (at, _) in &pack.damaged {
            finding.lost += u64::from(links.shelf.find(&at.digest)?.is_none());
        }
        found.insert(thing, finding);
    }
    for (name, reason) in &links.shelf.unreadable {
        let thing = Thing::Pack(*name);
        found.insert(thing.clone(), fresh(&thing, reason.clone()));
    }
    for (digest, thing) in groups {
        let reason = || {
            let why = links.shelf.wrong.get(digest).cloned();
            why.or_else(|| links.lost.get(digest).cloned().flatten())
                .unwrap_or_else(|| "it is missing".to_owned())
        };
        let counted = bad.contains_key(&pack_of(thing)) && matches!(thing, Thing::Pack(_));
        let finding = found.entry(thing.clone()).or_insert_with(|| fresh(thing, reason()));
        finding.lost += u64::from(!counted);
    }
    for finding in found.values_mut() {
        finding.hurt = hurts.remove(&finding.thing).unwrap_or_default();
    }
    report.more = found.len().saturating_sub(TOLD) as u64;
    report.findings.extend(found.into_values().take(TOLD));
    Ok(())
}

fn pack_of(thing: &Thing) -> Digest {
    match thing {
        Thing::Pack(digest) | Thing::Object(digest) => *digest,
        Thing::Index(_) | Thing::Journal | Thing::Facts => Digest::of(b""),
    }
}
