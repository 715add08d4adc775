//! What the commit says of files that did not go together by themselves.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::record::Made;
use crate::merge::Strategy;
use crate::object::TreePath;

/// So many files are named of those that were settled one way.
const NAMED: usize = 20;

/// The message, with the files that strategies settled, and those that a person did.
pub(super) fn message(
    message: &str,
    settled: &[(TreePath, Strategy)],
    chosen: &BTreeMap<TreePath, Made>,
) -> String {
    let strategies = list(settled.iter().map(|(path, strategy)| (path, strategy)));
    let choices = list(chosen.iter().map(|(path, made)| (path, &made.choice)));
    if strategies.is_empty() && choices.is_empty() {
        return message.to_owned();
    }
    let mut text = message.trim_end().to_owned();
    for (title, lines) in
        [("Changed on both sides, and settled by strategy:", strategies), ("Settled by hand:", choices)]
    {
        if !lines.is_empty() {
            text += &format!("\n\n{title}\n{}", lines.join("\n"));
        }
    }
    text + "\n"
}

/// A line for each file, and one for those that are not named.
fn list<'a, T: Display>(files: impl ExactSizeIterator<Item = (&'a TreePath, T)> + 'a) -> Vec<String> {
    let more = files.len().saturating_sub(NAMED);
    let mut lines: Vec<String> = files.take(NAMED).map(|(path, how)| format!("  {path}: {how}")).collect();
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrate::Choice;
    use crate::merge::Versions;

    #[test]
    fn what_was_settled_is_named_up_to_a_limit() {
        let versions = Versions { base: None, ours: None, theirs: None };
        let made =
            |at: usize| (format!("f{at:02}").parse().unwrap(), Made { versions, choice: Choice::Theirs });
        let chosen: BTreeMap<TreePath, Made> = (0..22).map(made).collect();
        let settled = [("a.csv".parse().unwrap(), Strategy::Union)];
        let lines: String = (0..20).map(|at| format!("  f{at:02}: theirs\n")).collect();
        let by_strategy = "Changed on both sides, and settled by strategy:\n  a.csv: union\n";
        let by_hand = format!("Settled by hand:\n{lines}  and 2 more\n");
        assert_eq!(message("merge\n", &[], &BTreeMap::new()), "merge\n");
        assert_eq!(message("merge", &settled, &BTreeMap::new()), format!("merge\n\n{by_strategy}"));
        assert_eq!(message("merge", &[], &chosen), format!("merge\n\n{by_hand}"));
        assert_eq!(message("merge", &settled, &chosen), format!("merge\n\n{by_strategy}\n{by_hand}"));
    }
}
