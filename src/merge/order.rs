//! Two orders of the same things, and others, brought into one.

use std::collections::HashMap;

/// Brings what two sides have, as numbers below `count`, into one order: ours, unless only the other side changed the order of what
/// all have. What only `theirs` has stands after what it stood after.
pub(super) fn order(count: usize, base: &[usize], ours: &[usize], theirs: &[usize]) -> Vec<usize> {
    let (in_base, in_ours, in_theirs) = (present(count, base), present(count, ours), present(count, theirs));
    let is_in = |set: &[bool], number: usize| set.get(number).copied().unwrap_or(false);
    let is_in_all = |number: &&usize| [&in_base, &in_ours, &in_theirs].iter().all(|set| is_in(set, **number));
    let same = base.iter().filter(is_in_all).eq(ours.iter().filter(is_in_all));
    let (first, known, second) = if same { (theirs, &in_theirs, ours) } else { (ours, &in_ours, theirs) };
    // What the second side alone has, by what stands before it there.
    let mut after: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut before = None;
    for number in second {
        if is_in(known, *number) {
            before = Some(*number);
        } else {
            after.entry(before).or_default().push(*number);
        }
    }
    let mut order = after.remove(&None).unwrap_or_default();
    for number in first {
        order.push(*number);
        order.extend(after.get(&Some(*number)).into_iter().flatten());
    }
    order
}

/// Brings the names that two sides have into one order, in the same way.
pub(super) fn order_names(base: &[String], ours: &[String], theirs: &[String]) -> Vec<String> {
    let mut names: Vec<&String> = Vec::new();
    let mut number = |name| {
        names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        })
    };
    let [base, ours, theirs] =
        [base, ours, theirs].map(|columns| columns.iter().map(&mut number).collect::<Vec<usize>>());
    let order = order(names.len(), &base, &ours, &theirs);
    order.into_iter().filter_map(|number| names.get(number).map(|name| (*name).clone())).collect()
}

/// Which numbers there are.
fn present(count: usize, numbers: &[usize]) -> Vec<bool> {
    let mut present = vec![false; count];
    for number in numbers {
        if let Some(place) = present.get_mut(*number) {
            *place = true;
        }
    }
    present
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"base ours theirs -> result"`, one letter a name.
    #[track_caller]
    fn check(case: &str) {
        let (versions, want) = case.split_once(" -> ").unwrap();
        let numbers =
            |text: &str| text.bytes().map(|letter| usize::from(letter - b'a')).collect::<Vec<usize>>();
        let [base, ours, theirs]: [Vec<usize>; 3] =
            versions.split(' ').map(numbers).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(order(26, &base, &ours, &theirs), numbers(want), "{case}");
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
