//! Two orders of the same names, and others, brought into one.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Brings the names of two sides into one order: ours, unless only the other side changed the order of what all have. What only
/// `theirs` has stands after what it stood after.
pub(super) fn order<N: Clone + Eq + Hash>(
    base: &[N],
    ours: &[N],
    theirs: &[N],
    kept: &dyn Fn(&N) -> bool,
) -> Vec<N> {
    let in_all = |one: &[N], others: [&[N]; 2]| -> Vec<N> {
        let others = others.map(|names| names.iter().cloned().collect::<HashSet<N>>());
        one.iter().filter(|name| others.iter().all(|other| other.contains(name))).cloned().collect()
    };
    let same = in_all(base, [ours, theirs]) == in_all(ours, [base, theirs]);
    let (first, second) = if same { (theirs, ours) } else { (ours, theirs) };
    let known: HashSet<N> = first.iter().cloned().collect();
    // What the second side alone has, by what stands before it there.
    let mut after: HashMap<Option<&N>, Vec<&N>> = HashMap::new();
    let mut before = None;
    for name in second {
        if known.contains(name) {
            before = Some(name);
        } else {
            after.entry(before).or_default().push(name);
        }
    }
    let start = after.remove(&None).unwrap_or_default();
    let rest = first
        .iter()
        .flat_map(|name| std::iter::once(name).chain(after.get(&Some(name)).into_iter().flatten().copied()));
    start.into_iter().chain(rest).filter(|name| kept(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"base ours theirs -> result"`, one letter a name.
    #[track_caller]
    fn check(case: &str) {
        let (versions, want) = case.split_once(" -> ").unwrap();
        let [base, ours, theirs] = versions
            .split(' ')
            .map(|text| text.chars().collect::<Vec<char>>())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(order(&base, &ours, &theirs, &|_| true).into_iter().collect::<String>(), want, "{case}");
    }

    #[test]
    fn what_is_new_stands_after_what_it_stood_after() {
        check("abc abc abc -> abc");
        check("abc axbc abyc -> axbyc");
        check("abc abcx abcy -> abcxy");
        check("abc xabc yabc -> xyabc");
        check("ab bxa ab -> bxa");
        check("ab ab bxa -> bxa");
        check("abc cab bca -> cab");
    }
}
