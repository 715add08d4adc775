//! What the contenders estimated on each day, and what was true.
//!
//! How sure a choice is shows in the errors of every day. Reading the observations of all days for that would cost more with
//! each day that comes, so the private state remembers the estimates of the best candidates: a run reads only days that have
//! changed. It remembers more candidates than are asked for, so that one that comes up needs no reading of all days either.
//! Whom it remembers is a matter of the runs before; what is read from it is not.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use super::super::decimal::units;
use super::super::listing::{list, load, tree_path};
use super::super::sums::Scale;
use super::super::{Earlier, Error, Files, Input, Output};
use super::rank::Candidate;
use crate::object::Digest;
use crate::tick::write_record;

/// The published price by date and symbol.
type Truths = BTreeMap<(String, String), String>;

/// The days' estimates and truths, where the input has them.
pub(super) struct Observations<'a> {
    now: &'a dyn Files,
    earlier: Option<&'a dyn Files>,
    truths: Truths,
    /// The days that are not as the earlier run saw them, with their observations.
    changed: BTreeMap<String, Option<Vec<u8>>>,
    /// The memories that are right after this run.
    kept: BTreeSet<String>,
}

/// Estimates and truths of some candidates on each day, in units.
pub(super) struct Days {
    pub(super) scale: Scale,
    /// For each day one pair a candidate, where it has both.
    pub(super) pairs: Vec<Vec<Option<(i128, i128)>>>,
}

/// What is remembered of one symbol.
struct Memory {
    /// Bucket and estimate of each candidate.
    columns: Vec<(String, String)>,
    /// By date: the date, the truth, and the estimates, empty where there is none.
    rows: BTreeMap<String, StringRecord>,
}

/// The fields of a remembered row before the estimates.
const FIXED: usize = 2;

impl<'a> Observations<'a> {
    pub(super) fn open(scores: &Input<'a>, earlier: Option<Earlier<'a>>) -> Result<Self, Error> {
        let truths = truths(scores.now)?;
        let mut opened = Self {
            now: scores.now,
            earlier: earlier.map(|earlier| earlier.state),
            truths,
            changed: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        if earlier.is_none() {
            return Ok(opened);
        }
        let mut dates: BTreeSet<String> = scores
            .changes
            .iter()
            .filter_map(|change| date_of(change.path.as_str()))
            .map(str::to_owned)
            .collect();
        if scores.changes.iter().any(|change| change.path.as_str() == TRUTH) {
            let before = self::truths(scores.before)?;
            let both = opened.truths.keys().chain(before.keys());
            let retold = both.filter(|key| opened.truths.get(*key) != before.get(*key));
            dates.extend(retold.map(|(date, _)| date.clone()));
        }
        for date in dates {
            let bytes = load(scores.now, &format!("obs/{date}.csv"))?;
            opened.changed.insert(date, bytes);
        }
        Ok(opened)
    }

    /// What the candidates `wanted`, all of one symbol, had each day. Days without any of them are left out. `reserve` is who
    /// else is worth remembering.
    pub(super) fn days(
        &mut self,
        wanted: &[&Candidate],
        reserve: &[&Candidate],
        state: &mut dyn Output,
    ) -> Result<Days, Error> {
        let symbol = wanted.first().map_or("", |candidate| candidate.field("symbol"));
        let place = format!("days/{:.32}.csv", Digest::of(symbol.as_bytes()));
        let earlier = self.earlier.map_or(Ok(None), |earlier| load(earlier, &place))?;
        let memory = earlier.and_then(|bytes| Memory::from_csv(&bytes));
        let usable = memory.and_then(|memory| memory.places(wanted).map(|places| (memory, places)));
        let (memory, places, changed) = if let Some((mut memory, places)) = usable {
            for (date, bytes) in &self.changed {
                memory.see(date, symbol, self.truth(date, symbol), bytes.as_deref());
            }
            (memory, places, !self.changed.is_empty())
        } else {
            let memory = self.read_all(symbol, wanted.iter().chain(reserve))?;
            let places = memory.places(wanted).unwrap_or_default();
            (memory, places, true)
        };
        if changed {
            state.put_bytes(tree_path(&place)?, &memory.to_csv())?;
        }
        self.kept.insert(place);
        Ok(memory.days(&places))
    }

    /// Drops what is remembered of symbols that this run did not ask for: it is not kept up to date.
    pub(super) fn forget_others(&self, state: &mut dyn Output) -> Result<(), Error> {
        let Some(earlier) = self.earlier else { return Ok(()) };
        for (path, _) in list(earlier, "days/")? {
            if !self.kept.contains(path.as_str()) {
                state.remove(path)?;
            }
        }
        Ok(())
    }

    fn truth(&self, date: &str, symbol: &str) -> Option<&str> {
        self.truths.get(&(date.to_owned(), symbol.to_owned())).map(String::as_str)
    }

    fn read_all<'c>(
        &self,
        symbol: &str,
        candidates: impl Iterator<Item = &'c &'c Candidate>,
    ) -> Result<Memory, Error> {
        let mut memory = Memory { columns: Vec::new(), rows: BTreeMap::new() };
        let mut known = BTreeSet::new();
        for candidate in candidates {
            let column = column(candidate);
            if known.insert(column.clone()) {
                memory.columns.push(column);
            }
        }
        for (path, entry) in list(self.now, "obs/")? {
            let Some(date) = date_of(path.as_str()) else { continue };
            if let Some(truth) = self.truth(date, symbol) {
                memory.see(date, symbol, Some(truth), Some(&self.now.read(&entry)?));
            }
        }
        Ok(memory)
    }
}

const TRUTH: &str = "truth.csv";

/// The date of a file of observations.
fn date_of(path: &str) -> Option<&str> {
    path.strip_prefix("obs/")?.strip_suffix(".csv").filter(|date| !date.contains('/'))
}

fn column(candidate: &Candidate) -> (String, String) {
    (candidate.field("bucket").to_owned(), candidate.estimate())
}

fn truths(files: &dyn Files) -> Result<Truths, Error> {
    let mut truths = Truths::new();
    if let Some(bytes) = load(files, TRUTH)? {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        for record in reader.records().filter_map(Result::ok) {
            let field = |at: usize| record.get(at).unwrap_or("").to_owned();
            truths.insert((field(0), field(1)), field(2));
        }
    }
    Ok(truths)
}

impl Memory {
    fn to_csv(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let buckets = self.columns.iter().map(|(bucket, _)| bucket.as_str());
        write_record(&mut out, ["date", "truth"].into_iter().chain(buckets));
        let estimates = self.columns.iter().map(|(_, estimate)| estimate.as_str());
        write_record(&mut out, ["", ""].into_iter().chain(estimates));
        self.rows.values().for_each(|row| write_record(&mut out, row));
        out
    }

    fn from_csv(bytes: &[u8]) -> Option<Self> {
        let mut reader = csv::Reader::from_reader(bytes);
        let buckets = reader.headers().ok()?.clone();
        let mut records = reader.records();
        let estimates = records.next()?.ok()?;
        let columns = buckets.iter().zip(&estimates).skip(FIXED);
        let columns = columns.map(|(bucket, estimate)| (bucket.to_owned(), estimate.to_owned())).collect();
        let rows = records.map(|row| row.ok().and_then(|row| Some((row.get(0)?.to_owned(), row))));
        Some(Self { columns, rows: rows.collect::<Option<_>>()? })
    }

    /// Where these candidates are, if all are known.
    fn places(&self, wanted: &[&Candidate]) -> Option<Vec<usize>> {
        let known: BTreeMap<(&str, &str), usize> =
            self.columns.iter().enumerate().map(|(at, (b, e))| ((b.as_str(), e.as_str()), at)).collect();
        let place = |candidate: &&Candidate| {
            known.get(&(candidate.field("bucket"), candidate.estimate().as_str())).copied()
        };
        wanted.iter().map(place).collect()
    }

    /// Takes in a day as it is now.
    fn see(&mut self, date: &str, symbol: &str, truth: Option<&str>, observations: Option<&[u8]>) {
        let estimates = observations.map(|bytes| self.estimates(bytes, symbol)).unwrap_or_default();
        match truth.filter(|_| estimates.iter().any(|text| !text.is_empty())) {
            Some(truth) => {
                let row = [date, truth].into_iter().chain(estimates.iter().map(String::as_str)).collect();
                self.rows.insert(date.to_owned(), row);
            }
            None => {
                self.rows.remove(date);
            }
        }
    }

    /// What a file of observations says of each candidate.
    fn estimates(&self, bytes: &[u8], symbol: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().cloned().unwrap_or_default();
        let mut buckets: BTreeMap<&str, Vec<(usize, Option<usize>)>> = BTreeMap::new();
        for (at, (bucket, estimate)) in self.columns.iter().enumerate() {
            let field = header.iter().position(|name| name == estimate);
            buckets.entry(bucket).or_default().push((at, field));
        }
        let mut estimates = vec![String::new(); self.columns.len()];
        for record in reader.records().filter_map(Result::ok).filter(|record| record.get(1) == Some(symbol)) {
            for (at, field) in record.get(0).and_then(|bucket| buckets.get(bucket)).into_iter().flatten() {
                if let Some(slot) = estimates.get_mut(*at) {
                    field.and_then(|field| record.get(field)).unwrap_or("").clone_into(slot);
                }
            }
        }
        estimates
    }

    /// The days of the candidates at these places.
    fn days(&self, places: &[usize]) -> Days {
        let truth = |row: &'_ StringRecord| row.get(1).unwrap_or("").to_owned();
        let text = |row: &StringRecord, at: usize| {
            row.get(FIXED + at).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let all = self
            .rows
            .values()
            .map(|row| (truth(row), places.iter().map(|at| text(row, *at)).collect::<Vec<Option<String>>>()));
        let texts: Vec<(String, Vec<Option<String>>)> =
            all.filter(|(_, day)| day.iter().any(Option::is_some)).collect();
        let decimals = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let all = texts.iter().flat_map(|(truth, day)| day.iter().flatten().chain([truth]));
        let decimals = u32::try_from(all.map(|text| decimals(text)).max().unwrap_or(0)).unwrap_or(9).max(9);
        let pair = |truth: &str, text: &Option<String>| {
            Some((units(text.as_ref()?, decimals)?, units(truth, decimals)?))
        };
        let pairs =
            texts.iter().map(|(truth, day)| day.iter().map(|text| pair(truth, text)).collect()).collect();
        Days { scale: Scale { decimals, tick: None }, pairs }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::super::fake::{Remembered, Tree};
    use super::super::super::measure;
    use super::super::{Params, run};
    use super::*;

    /// Ticks by day and minute, truths by day, each of some symbol.
    #[derive(Debug, Clone, Default)]
    struct World {
        ticks: BTreeMap<(u32, u32, u32), i32>,
        truths: BTreeMap<(u32, u32), i32>,
    }

    /// One change of it; without a price, something goes.
    #[derive(Debug, Clone)]
    enum Step {
        Ticks { at: (u32, u32, u32), price: Option<i32> },
        Truth { at: (u32, u32), price: Option<i32> },
    }

    fn step() -> impl Strategy<Value = Step> {
        let price = || prop_oneof![4 => (0_i32..24).prop_map(Some), 1 => Just(None)];
        prop_oneof![
            3 => ((1_u32..9, 0_u32..6, 0_u32..2), price()).prop_map(|(at, price)| Step::Ticks { at, price }),
            2 => ((1_u32..9, 0_u32..2), price()).prop_map(|(at, price)| Step::Truth { at, price }),
        ]
    }

    fn symbol(number: u32) -> &'static str {
        ["CL", "BRN"][number as usize]
    }

    impl World {
        fn apply(&mut self, step: &Step) {
            match *step {
                Step::Ticks { at, price: Some(price) } => drop(self.ticks.insert(at, price)),
                Step::Ticks { at, price: None } => drop(self.ticks.remove(&at)),
                Step::Truth { at, price: Some(price) } => drop(self.truths.insert(at, price)),
                Step::Truth { at, price: None } => drop(self.truths.remove(&at)),
            }
        }

        /// What `measure` makes of it.
        fn measured(&self) -> Tree {
            let (mut bins, mut truth) = (Tree::default(), Tree::default());
            let mut files: BTreeMap<String, String> = BTreeMap::new();
            for ((day, minute, of), price) in &self.ticks {
                let minute = 13 + minute;
                let text = files
                    .entry(format!("14/{minute:02}/2024-05-{day:02}.csv"))
                    .or_insert_with(|| "time,symbol,price,size\n".to_owned());
                for (second, more) in [(10, 0), (50, 1)] {
                    let price = f64::from(*price + more) / 8.0;
                    text.push_str(&format!(
                        "2024-05-{day:02}T14:{minute:02}:{second}Z,{},{price},1\n",
                        symbol(*of)
                    ));
                }
            }
            files.iter().for_each(|(path, text)| bins.put(path, text));
            let mut text = "date,price,symbol\n".to_owned();
            for ((day, of), price) in &self.truths {
                text.push_str(&format!("2024-05-{day:02},{},{}\n", f64::from(*price) / 8.0, symbol(*of)));
            }
            truth.put("truth.csv", &text);
            let empty = Tree::default();
            let (all, told) = (empty.changes_to(&bins), empty.changes_to(&truth));
            let bins = Input { now: &bins, before: &empty, changes: &all };
            let truth = Input { now: &truth, before: &empty, changes: &told };
            let params =
                toml::from_str("stats = [\"last\", \"mean\"]\nwindows = [1, 2]\ntick = 0.25\n").unwrap();
            let (mut output, mut state) = (Tree::default(), Tree::default());
            let memo = &mut Remembered::default();
            measure::run(&params, &bins, &truth, None, &mut output, &mut state, memo).unwrap();
            output
        }
    }

    /// Output and state of a run on `now` after one on `before` that left `earlier`.
    fn outcome(params: &Params, before: &Tree, now: &Tree, earlier: Option<&(Tree, Tree)>) -> (Tree, Tree) {
        let changes = before.changes_to(now);
        let scores = Input { now, before, changes: &changes };
        let (mut output, mut state) = earlier.cloned().unwrap_or_default();
        let earlier = earlier.map(|(output, state)| Earlier { output, state });
        run(params, &scores, earlier, &mut output, &mut state).unwrap();
        (output, state)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

        #[test]
        fn what_is_remembered_changes_no_choice(
            rounds in vec(vec(step(), 1..30), 1..7),
            by in proptest::sample::select(vec!["rmse", "mae", "mape", "bias", "maxae", "hit", "corr", "r2"]),
            jackknife in proptest::sample::select(vec![0, 1, 3, 100]),
        ) {
            let text = format!("by = \"{by}\"\njackknife = {jackknife}\nmin-coverage = 0.4\nguard = 1\n");
            let params: Params = toml::from_str(&text).unwrap();
            let mut world = World::default();
            let mut last: Option<(Tree, (Tree, Tree))> = None;
            for round in rounds {
                round.iter().for_each(|step| world.apply(step));
                let now = world.measured();
                let (full, _) = outcome(&params, &Tree::default(), &now, None);
                let (seen, earlier) = last.as_ref().map_or((Tree::default(), None), |(seen, left)| (seen.clone(), Some(left)));
                let left = outcome(&params, &seen, &now, earlier);
                prop_assert_eq!(&left.0, &full);
                last = Some((now, left));
            }
        }
    }
}
