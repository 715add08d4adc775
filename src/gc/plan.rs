//! Which packs go.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::Digest;

/// What is known of a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// How many bytes its objects take.
    pub(super) bytes: u64,
    /// How many bytes those take that are needed.
    pub(super) needed: u64,
    /// What those are that are not.
    pub(super) unneeded: Unneeded,
}

/// What objects of a pack are that nothing needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Unneeded {
    /// Contents, if any: they lead to nothing.
    #[default]
    Contents,
    /// Commits, tree nodes or lists of chunks among them, which lead to others; or contents that were taken out of history.
    Leading,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The packs that go, when what is needed of them is copied.
    pub packs: BTreeSet<Digest>,
    /// How many bytes are copied.
    pub copied: u64,
    /// How many bytes go in the end.
    pub freed: u64,
}

/// A pack goes when so many of a hundred of its bytes are not needed.
const WASTE: u64 = 10;

/// A pack with fewer bytes is small.
pub(super) const SMALL: u64 = 4 << 20;

/// Small packs are put together when they are so many.
const MANY: usize = 16;

/// Decides which of these packs go. Those that nothing needs always do: all of them is waste. And so do those with something unneeded that leads to
/// others, which may go: who finds a commit, a node or a list of chunks in a store takes it that what it leads to is there. Of what was taken
/// out of history no byte may stay.
pub(super) fn decide(packs: &BTreeMap<Digest, Share>) -> Plan {
    let is_wasteful = |share: &Share| (share.bytes - share.needed) * 100 > share.bytes * WASTE;
    let small: Vec<&Digest> =
        packs.iter().filter(|(_, share)| share.bytes < SMALL).map(|(name, _)| name).collect();
    let small: BTreeSet<&Digest> =
        if small.len() >= MANY { small.into_iter().collect() } else { BTreeSet::new() };
    let mut plan = Plan::default();
    for (name, share) in packs {
        if is_wasteful(share) || share.unneeded == Unneeded::Leading || small.contains(name) {
            plan.packs.insert(*name);
            plan.copied += share.needed;
            plan.freed += share.bytes - share.needed;
        }
    }
    plan
}

impl Plan {
    /// Lets these packs stay.
    pub(super) fn spare(&mut self, kept: &BTreeSet<Digest>, packs: &BTreeMap<Digest, Share>) {
        for (name, share) in packs.iter().filter(|(name, _)| kept.contains(name)) {
            if self.packs.remove(name) {
                self.copied -= share.needed;
                self.freed -= share.bytes - share.needed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(bytes: u64, needed: u64) -> Share {
        Share { bytes, needed, unneeded: Unneeded::Contents }
    }

    #[test]
    fn packs_go_that_nothing_needs_or_that_waste_a_tenth() {
        let large = 100 << 20;
        for (share, goes) in [
            (share(large, 0), true),
            (share(large, large), false),
            (share(large, large / 2), true),
            (share(large, large / 100 * 89), true),
            (share(large, large / 100 * 91), false),
            (share(1000, 1000), false),
        ] {
            let plan = decide(&BTreeMap::from([(Digest::of(b"x"), share)]));
            assert_eq!(plan.packs.len(), usize::from(goes), "{share:?}");
            assert_eq!(plan.freed, if goes { share.bytes - share.needed } else { 0 });
        }
    }

    #[test]
    fn packs_go_that_have_something_unneeded_which_leads_to_others() {
        let large = 100 << 20;
        let share = Share { unneeded: Unneeded::Leading, ..share(large, large - 300) };
        let plan = decide(&BTreeMap::from([(Digest::of(b"x"), share)]));
        assert_eq!((plan.packs.len(), plan.copied, plan.freed), (1, large - 300, 300));
    }

    #[test]
    fn many_small_packs_become_few() {
        let packs = |count: u64| {
            (0..count).map(|n| (Digest::of(&n.to_le_bytes()), share(1000, 1000))).collect::<BTreeMap<_, _>>()
        };
        assert!(decide(&packs(MANY as u64 - 1)).packs.is_empty());
        let plan = decide(&packs(MANY as u64));
        assert_eq!((plan.packs.len(), plan.copied, plan.freed), (MANY, MANY as u64 * 1000, 0));
    }
}
