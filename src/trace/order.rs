//! History in the order in which it is best drawn: each line of work stands together.

use std::collections::{BTreeSet, HashMap};

use super::walk::{Sight, Step};
use crate::object::CommitId;

/// The wanted commits among `steps`, which are all of a walk in its order. Each comes before its parents; a merge is followed by
/// what it brought in. The parents of each are the nearest of its ancestors that are wanted.
pub fn in_lines(steps: Vec<Step>) -> Vec<Step> {
    let nearest = nearest(&steps);
    let mut children: HashMap<CommitId, usize> = HashMap::new();
    let mut wanted: HashMap<CommitId, Step> = HashMap::new();
    let mut tips = Vec::new();
    for mut step in steps.into_iter().filter(|step| step.sight == Sight::Shown) {
        step.parents =
            step.parents.iter().filter_map(|parent| nearest.get(parent)).flatten().copied().collect();
        let mut seen = BTreeSet::new();
        step.parents.retain(|parent| seen.insert(*parent));
        for parent in &step.parents {
            *children.entry(*parent).or_default() += 1;
        }
        tips.push(step.id);
        wanted.insert(step.id, step);
    }
    tips.retain(|id| !children.contains_key(id));
    // What was met last is told first: so a line is told to its end before the next.
    tips.reverse();
    let mut told = Vec::new();
    while let Some(step) = tips.pop().and_then(|id| wanted.remove(&id)) {
        for parent in &step.parents {
            let left = children.entry(*parent).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                tips.push(*parent);
            }
        }
        told.push(step);
    }
    told
}

/// For each commit: itself if it is wanted, else the nearest of its ancestors that are.
fn nearest(steps: &[Step]) -> HashMap<CommitId, Vec<CommitId>> {
    let mut nearest: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    // Parents stand behind their children.
    for step in steps.iter().rev() {
        let found = if step.sight == Sight::Shown {
            vec![step.id]
        } else {
            let mut seen = BTreeSet::new();
            let above = step.parents.iter().filter_map(|parent| nearest.get(parent)).flatten();
            above.copied().filter(|id| seen.insert(*id)).collect()
        };
        nearest.insert(step.id, found);
    }
    nearest
}
