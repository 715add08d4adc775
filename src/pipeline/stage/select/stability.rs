//! How sure a choice is: the best against the runner-up day by day, and who would win without each of the days.

use super::super::decimal::significant;
use super::super::sums::{Scale, Sums};
use super::days::Days;
use super::params::{By, Params};
use super::rank::{Candidate, order};

/// On how many days the first is nearer to the truth than the second, and the other way round.
pub(super) fn duel(days: &Days, first: usize, second: usize) -> (u64, u64) {
    let error =
        |day: &[Option<(i128, i128)>], at: usize| day.get(at).copied().flatten().map(|(e, t)| (e - t).abs());
    let both = days.pairs.iter().filter_map(|day| error(day, first).zip(error(day, second)));
    both.fold((0, 0), |(wins, losses), (a, b)| (wins + u64::from(a < b), losses + u64::from(a > b)))
}

/// The exact two-sided binomial probability of so uneven a split, were both equally good.
pub(super) fn sign_test(wins: u64, losses: u64) -> f64 {
    let n = wins + losses;
    // Terms are built as logarithms, so that thousands of days do not underflow; sums of few terms stay exact enough.
    if n <= 60 {
        let mut term: u128 = 1;
        let mut sum: u128 = 0;
        for k in 0..=wins.min(losses) {
            sum += term;
            term = term * u128::from(n - k) / u128::from(k + 1);
        }
        #[expect(clippy::cast_possible_truncation, reason = "n is at most 60")]
        return (2.0 * sum as f64 / (1_u128 << n as u32) as f64).min(1.0);
    }
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for k in 0..=wins.min(losses) {
        sum += log_term.exp();
        log_term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

/// Values nearer to each other than this share of them may be printed alike, with 12 digits.
const ALIKE: f64 = 1e-9;

/// The shares of days without which the same candidate, and the same bucket, still wins.
pub(super) fn leave_one_out(top: &[&Candidate], days: &Days, params: &Params) -> (String, String) {
    let contenders: Vec<Contender<'_>> =
        top.iter().enumerate().map(|(at, candidate)| Contender::new(candidate, days, at)).collect();
    let (mut rankings, mut same, mut same_bucket) = (0_u64, 0_u64, 0_u64);
    for day in &days.pairs {
        // A day that only the runner-up has leaves the ranking as it is.
        if day.iter().take(top.len()).all(Option::is_none) {
            continue;
        }
        rankings += 1;
        if let (Some(winner), Some(best)) = (winner(&contenders, day, days.scale, params), top.first()) {
            same += u64::from(winner == *best);
            same_bucket += u64::from(winner.field("bucket") == best.field("bucket"));
        }
    }
    let share = |count: u64| significant(count as f64 / rankings as f64);
    if rankings == 0 { (String::new(), String::new()) } else { (share(same), share(same_bucket)) }
}

/// Who is best without this day.
fn winner<'a>(
    contenders: &[Contender<'a>],
    day: &[Option<(i128, i128)>],
    scale: Scale,
    params: &Params,
) -> Option<&'a Candidate> {
    let without = contenders.iter().enumerate().filter_map(|(at, contender)| {
        let (value, n) = contender.without(day.get(at).copied().flatten(), scale, params.by)?;
        Some((contender.candidate, value, n))
    });
    let values: Vec<(&Candidate, f64, u64)> = without.collect();
    let rank = |value: f64| params.rank(value);
    let least = values.iter().map(|(_, value, _)| rank(*value)).min_by(f64::total_cmp)?;
    // Printing keeps the order, so that only those near the least need be printed to be compared as they are printed.
    let near = values.into_iter().filter(|(_, value, _)| rank(*value) <= least + least.abs() * ALIKE);
    let printed = near
        .filter_map(|(candidate, value, n)| Some((candidate, params.rank_value(&significant(value))?, n)));
    printed.min_by(|a, b| order(*a, *b)).map(|(candidate, ..)| candidate)
}

/// A candidate with what its days add up to.
struct Contender<'a> {
    candidate: &'a Candidate,
    whole: Sums,
    /// The largest error, and the largest of the others.
    largest: [i128; 2],
    hits: Hits,
}

impl<'a> Contender<'a> {
    fn new(candidate: &'a Candidate, days: &Days, at: usize) -> Self {
        let own: Vec<(i128, i128)> =
            days.pairs.iter().filter_map(|day| day.get(at).copied().flatten()).collect();
        let mut whole = Sums::default();
        let mut errors: Vec<i128> = Vec::with_capacity(own.len());
        for (estimate, truth) in own {
            whole.add(&Sums::of_day(estimate, truth, days.scale), 1);
            errors.push((estimate - truth).abs());
        }
        errors.sort_unstable();
        let mut from_last = errors.iter().rev().copied();
        let largest = [from_last.next().unwrap_or(0), from_last.next().unwrap_or(0)];
        Self { candidate, whole, largest, hits: Hits::find(candidate, &errors) }
    }

    /// The measure over all days but one, on which it had this pair, and the number of these days.
    fn without(&self, pair: Option<(i128, i128)>, scale: Scale, by: By) -> Option<(f64, u64)> {
        let mut sums = self.whole.clone();
        let mut hits = self.hits.count;
        let mut maxae = self.largest[0];
        if let Some((estimate, truth)) = pair {
            sums.add(&Sums::of_day(estimate, truth, scale), -1);
            let error = (estimate - truth).abs();
            if error == maxae {
                maxae = self.largest[1];
            }
            hits -= u64::from(Some(error) <= self.hits.limit);
        }
        let n = u64::try_from(sums.n).ok().filter(|n| *n > 0)?;
        let value = match by {
            By::Hit => hits as f64 / n as f64,
            _ => sums.measure(by.index(), maxae, scale)?,
        };
        Some((value, n))
    }
}

/// How many days are hits, and the largest error that is one; `None` if none is.
struct Hits {
    count: u64,
    limit: Option<i128>,
}

impl Hits {
    /// The tick that decides is not among the inputs, but so many days as the printed share says are hits, and they are
    /// those with the smallest errors. `errors` are in order.
    fn find(candidate: &Candidate, errors: &[i128]) -> Self {
        let share: Option<f64> = candidate.field("hit").parse().ok();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few days")]
        let hits = share.map_or(0, |share| (share * errors.len() as f64).round().max(0.0) as usize);
        let limit = hits.checked_sub(1).and_then(|last| errors.get(last)).copied();
        let count = errors.iter().filter(|error| Some(**error) <= limit).count() as u64;
        Self { count, limit }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::rank::COLUMNS;
    use super::*;

    #[test]
    fn the_sign_test_is_exact() {
        assert!((sign_test(3, 0) - 0.25).abs() < 1e-15);
        assert!((sign_test(5, 5) - 1.0).abs() < 1e-15);
        assert!((sign_test(0, 0) - 1.0).abs() < 1e-15);
        assert!((sign_test(8, 2) - 0.109_375).abs() < 1e-12);
        assert!(sign_test(5000, 10) < 1e-300 || sign_test(5000, 10) == 0.0);
        assert!((sign_test(61, 60) - 1.0).abs() < 1e-9);
    }

    /// A candidate of which only the bucket and the share of hits are known.
    fn candidate(bucket: usize, hit: f64) -> Candidate {
        let mut fields = vec![String::new(); COLUMNS.len()];
        fields[0] = format!("14:{bucket:02}");
        fields[COLUMNS.iter().position(|name| *name == "hit").unwrap()] = significant(hit);
        Candidate { fields, n: 0, coverage: 1.0, value: 0.0 }
    }

    /// The winner, found by printing every value.
    fn printed_winner<'a>(
        contenders: &'a [Contender<'a>],
        day: &[Option<(i128, i128)>],
        scale: Scale,
        params: &Params,
    ) -> Option<&'a Candidate> {
        let value = |(contender, pair): (&Contender<'a>, &Option<(i128, i128)>)| {
            let (value, n) = contender.without(*pair, scale, params.by)?;
            Some((contender.candidate, params.rank_value(&significant(value))?, n))
        };
        contenders.iter().zip(day).filter_map(value).min_by(|a, b| order(*a, *b)).map(|(winner, ..)| winner)
    }

    proptest! {
        #[test]
        fn the_winner_is_that_of_the_printed_values(
            pairs in vec(vec(of((95_i128..105, 98_i128..102)), 6), 1..12),
            by in select(vec!["rmse", "mae", "mape", "bias", "maxae", "hit", "corr", "r2"]),
            hits in vec(0_u32..5, 6),
        ) {
            let params: Params = toml::from_str(&format!("by = \"{by}\"\n")).unwrap();
            let days = Days { scale: Scale { decimals: 9, tick: None }, pairs };
            let candidates: Vec<Candidate> =
                hits.iter().enumerate().map(|(at, hit)| candidate(at, f64::from(*hit) / 4.0)).collect();
            let contenders: Vec<Contender<'_>> =
                candidates.iter().enumerate().map(|(at, c)| Contender::new(c, &days, at)).collect();
            for day in &days.pairs {
                let found = winner(&contenders, day, days.scale, &params);
                prop_assert_eq!(found, printed_winner(&contenders, day, days.scale, &params));
            }
        }
    }
}
