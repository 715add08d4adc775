//! What is chosen from made-up scores, how sure it is, and that a later run chooses the same, to the byte, as a full one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fake::{Remembered, Tree};
use super::super::{Earlier, Input, Report, measure};
use super::{Params, run};

/// The output of `measure` for these prices: day, minute after 14:00, price. The truth of each day is 100 and the day.
fn measured(ticks: &[(u32, u32, i32)], days: u32, params: &str) -> Tree {
    let mut bins = Tree::default();
    for (day, minute, price) in ticks {
        let at = format!("2024-05-{day:02}T14:{minute:02}:30Z");
        bins.put(
            &format!("14/{minute:02}/2024-05-{day:02}.csv"),
            &format!("time,price\n{at},{}\n", f64::from(*price) / 8.0),
        );
    }
    let mut truth = Tree::default();
    let rows: String = (1..=days).map(|day| format!("2024-05-{day:02},{}\n", 100 + day)).collect();
    truth.put("t.csv", &format!("date,price\n{rows}"));
    let (empty, mut output, mut state) = (Tree::default(), Tree::default(), Tree::default());
    let (bin_changes, truth_changes) = (empty.changes_to(&bins), empty.changes_to(&truth));
    let bins = Input { now: &bins, before: &empty, changes: &bin_changes };
    let truth = Input { now: &truth, before: &empty, changes: &truth_changes };
    let memo = &mut Remembered::default();
    measure::run(&toml::from_str(params).unwrap(), &bins, &truth, None, &mut output, &mut state, memo)
        .unwrap();
    output
}

/// Output and state of a run, and its report.
fn chosen(params: &str, before: &Tree, now: &Tree, base: Option<&(Tree, Tree)>) -> ((Tree, Tree), Report) {
    let changes = before.changes_to(now);
    let input = Input { now, before, changes: &changes };
    let earlier = base.map(|(output, state)| Earlier { output, state });
    let (mut output, mut state) = base.cloned().unwrap_or_default();
    let params: Params = toml::from_str(params).unwrap();
    let report = run(&params, &input, earlier, &mut output, &mut state).unwrap();
    ((output, state), report)
}

/// These columns of the first best row, joined by spaces.
fn best(params: &str, scores: &Tree, columns: &[&str]) -> String {
    let ((output, _), _) = chosen(params, &Tree::default(), scores, None);
    let mut reader = csv::Reader::from_reader(output.0[&"best.csv".parse().unwrap()].as_slice());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &&str| row[header.iter().position(|column| column == *name).unwrap()].to_owned();
    columns.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// Five days; minute 0 is within half a tick of 1 on days 1 to 3 and far off on the others, minute 5 on days 3 to 5 and off by
/// more.
fn two_minutes() -> Tree {
    let first = [(1, 101 * 8), (2, 102 * 8 + 4), (3, 103 * 8 - 4), (4, 104 * 8 + 8), (5, 105 * 8 + 16)];
    let second = [(1, 101 * 8 + 24), (2, 102 * 8 + 24), (3, 103 * 8), (4, 104 * 8), (5, 105 * 8 + 4)];
    let ticks: Vec<(u32, u32, i32)> = first
        .iter()
        .map(|(day, price)| (*day, 0, *price))
        .chain(second.iter().map(|(day, price)| (*day, 5, *price)))
        .collect();
    measured(&ticks, 5, "tick = 1")
}

#[test]
fn stability_by_hit_counts_the_hits_that_are_left() {
    // Both hit three of five. Without day 1 or 2 minute 5 has three of four; without day 4 or 5 minute 0; without day 3 both
    // have two, and the tie goes to the earlier bucket as it does over all days.
    let columns = ["bucket", "hit", "stability", "bucket_stability", "wins", "losses"];
    assert_eq!(best("by = \"hit\"", &two_minutes(), &columns), "14:00 0.6 0.6 0.6 2 3");
}

#[test]
fn days_are_compared_even_when_no_ranking_is_done_again() {
    let columns = ["bucket", "runner_bucket", "wins", "losses", "stability"];
    let all = best("jackknife = 100", &two_minutes(), &columns);
    let none = best("jackknife = 0", &two_minutes(), &columns);
    assert_eq!(all.rsplit_once(' ').unwrap().0, none.trim_end());
    assert_eq!(none, "14:00 14:05 2 3 ");
    let reversed = best("jackknife = 0\norder = \"max\"", &two_minutes(), &columns);
    assert_eq!(reversed, "14:05 14:00 3 2 ");
}

#[test]
fn what_cannot_be_chosen_is_said() {
    let check = |params: &str, scores: &Tree, want: &str| {
        let ((output, _), report) = chosen(params, &Tree::default(), scores, None);
        assert_eq!(report.lines, [want]);
        let best = String::from_utf8_lossy(&output.0[&"best.csv".parse().unwrap()]).into_owned();
        assert_eq!(best.lines().count(), 1, "{best}");
    };
    check(
        "min-n = 6",
        &two_minutes(),
        "warning: no candidate has 6 days and coverage 0.8; the nearest has 5 days and coverage 1",
    );
    let untold = measured(&[(1, 0, 800), (2, 0, 800)], 2, "");
    check(
        "by = \"hit\"",
        &untold,
        "warning: no candidate has a value of hit; `measure` needs a `tick` for it",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn a_later_run_leaves_what_a_full_run_leaves(
        rounds in vec((vec((1_u32..6, 0_u32..8, 790_i32..860), 0..20), 0_u32..6), 2..5),
        by in prop_oneof![Just("rmse"), Just("hit"), Just("maxae"), Just("bias"), Just("r2")],
    ) {
        let params = format!("by = {by:?}\nmin-n = 1\nmin-coverage = 0.5\n");
        let mut last: Option<(Tree, (Tree, Tree))> = None;
        for (ticks, days) in rounds {
            let now = measured(&ticks, days, "tick = 0.25\nstats = [\"last\", \"mean\"]\nwindows = [1, 2]");
            let (full, _) = chosen(&params, &Tree::default(), &now, None);
            if let Some((seen, base)) = &last {
                // What is remembered in the state is a matter of the runs before.
                prop_assert_eq!(&chosen(&params, seen, &now, Some(base)).0.0, &full.0);
            }
            last = Some((now, full));
        }
    }
}
