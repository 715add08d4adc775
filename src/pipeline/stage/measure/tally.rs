//! From changed days and truths to changed scores: what goes is taken off the sums, and what comes is put on.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::super::listing::{list, put_or_remove, tree_path};
use super::super::sums::Sums;
use super::super::{Earlier, Error, Output, decimal};
use super::observed::{Observed, Rows, load_rows, load_unsized};
use super::params::Params;
use super::score::{self, Cell, Cells};
use super::truth::Truths;
use crate::object::{Entry, TreePath};

/// What changes in one cell.
#[derive(Default)]
pub(super) struct Delta {
    sums: Sums,
    /// The largest error that comes, and the largest that goes.
    comes: Option<i128>,
    goes: Option<i128>,
}

/// What was known, and what has come.
pub(super) struct Tally<'a> {
    pub(super) params: &'a Params,
    /// What an earlier run left.
    pub(super) earlier: Option<Earlier<'a>>,
    /// The truths now.
    pub(super) truths: &'a Truths,
    /// The truths of the earlier run.
    pub(super) old_truths: &'a Truths,
    /// The dates whose files have changed.
    pub(super) changed: &'a BTreeSet<String>,
    /// Those of the changed days that have files, as they are now.
    pub(super) days: &'a BTreeMap<String, Observed>,
}

/// What changes, by bucket, symbol and number of the candidate.
pub(super) type Deltas = BTreeMap<usize, BTreeMap<(String, usize), Delta>>;

impl Tally<'_> {
    /// The rows of a day as the earlier run left them.
    fn old_rows(&self, date: &str) -> Result<Rows, Error> {
        let Some(earlier) = self.earlier else { return Ok(Rows::new()) };
        load_rows(earlier.output, date)
    }

    /// The rows of a day as they are now.
    fn rows(&self, date: &str) -> Result<Rows, Error> {
        if self.changed.contains(date) {
            return Ok(self.days.get(date).map(Observed::rows).unwrap_or_default());
        }
        self.old_rows(date)
    }

    /// What every cell gains and loses, and which days that concerns.
    pub(super) fn deltas(&self) -> Result<(Deltas, BTreeSet<String>), Error> {
        let differs = |key: &&(String, String)| self.truths.get(*key) != self.old_truths.get(*key);
        let retold =
            self.truths.keys().chain(self.old_truths.keys()).filter(differs).map(|(date, _)| date.clone());
        let affected: BTreeSet<String> = self.changed.iter().cloned().chain(retold).collect();
        let mut deltas = Deltas::new();
        for date in &affected {
            self.count(date, &self.old_rows(date)?, self.old_truths, -1, &mut deltas);
            self.count(date, &self.rows(date)?, self.truths, 1, &mut deltas);
        }
        Ok((deltas, affected))
    }

    /// Estimates of these days that hit the truth exactly and are the price of a tick of size 0: how many, and one.
    pub(super) fn found_prices(&self, affected: &BTreeSet<String>) -> Result<(usize, Option<String>), Error> {
        let names = self.params.names();
        let (mut found, mut first) = (0, None);
        for date in affected {
            let unsized_ticks = match (self.days.get(date), self.earlier) {
                (Some(day), _) => day.unsized_ticks(),
                (None, Some(earlier)) if !self.changed.contains(date) => load_unsized(earlier.state, date)?,
                _ => continue,
            };
            if unsized_ticks.is_empty() {
                continue;
            }
            let rows = self.rows(date)?;
            for (bucket, symbol, number) in unsized_ticks {
                let truth = self.truths.get(&(date.clone(), symbol.clone()));
                let key = (bucket, symbol);
                let estimate = rows.get(&key).and_then(|row| row.get(number));
                if truth.is_some() && truth == estimate {
                    found += 1;
                    let name = names.get(number).map_or("", String::as_str);
                    let text = || format!("{name} of {:02}:{:02} on {date}", bucket / 60, bucket % 60);
                    first.get_or_insert_with(text);
                }
            }
        }
        Ok((found, first))
    }

    fn count(&self, date: &str, rows: &Rows, truths: &Truths, times: i128, deltas: &mut Deltas) {
        for ((bucket, symbol), row) in rows {
            for (number, estimate, truth) in self.pairs(date, symbol, row, truths) {
                let day = Sums::of_day(estimate, truth, self.params.scale);
                let delta = deltas.entry(*bucket).or_default().entry((symbol.clone(), number)).or_default();
                delta.sums.add(&day, times);
                let side = if times > 0 { &mut delta.comes } else { &mut delta.goes };
                *side = (*side).max(Some(day.sa));
            }
        }
    }

    /// The estimates of a row that have a truth: number of the candidate, estimate and truth in units.
    fn pairs(&self, date: &str, symbol: &str, row: &[String], truths: &Truths) -> Vec<(usize, i128, i128)> {
        let decimals = self.params.scale.decimals;
        let Some(truth) =
            truths.get(&(date.to_owned(), symbol.to_owned())).and_then(|text| decimal::units(text, decimals))
        else {
            return Vec::new();
        };
        let estimates = row.iter().enumerate();
        estimates
            .filter_map(|(number, text)| Some((number, decimal::units(text, decimals)?, truth)))
            .collect()
    }

    /// The cells of these buckets as the earlier run left them. All score files are listed at once: there are no more than
    /// minutes in a day.
    fn old_scores(&self, buckets: BTreeSet<usize>) -> Result<BTreeMap<usize, Cells>, Error> {
        let Some(earlier) = self.earlier.filter(|_| !buckets.is_empty()) else { return Ok(BTreeMap::new()) };
        let entries: BTreeMap<TreePath, Entry> = list(earlier.output, "score/")?.into_iter().collect();
        let wanted: Vec<(usize, Entry)> = buckets
            .into_iter()
            .filter_map(|bucket| Some((bucket, *entries.get(&tree_path(&score::path(bucket)).ok()?)?)))
            .collect();
        let read = wanted.par_iter().map(|(bucket, entry)| {
            let bytes = earlier.output.read(entry)?;
            Ok((*bucket, score::from_csv(&bytes, self.params).ok_or_else(|| damaged(*bucket))?))
        });
        read.collect()
    }

    pub(super) fn write_scores(&self, deltas: Deltas, output: &mut dyn Output) -> Result<(), Error> {
        let mut refold: BTreeSet<(usize, String, usize)> = BTreeSet::new();
        let mut buckets: BTreeMap<usize, Cells> = BTreeMap::new();
        let mut old = self.old_scores(deltas.keys().copied().collect())?;
        for (bucket, cells) in deltas {
            let mut now = old.remove(&bucket).unwrap_or_default();
            for (key, delta) in cells {
                let cell = now.entry(key.clone()).or_insert_with(Cell::default);
                let had = cell.sums.n > 0;
                cell.sums.add(&delta.sums, 1);
                let replaced = delta.goes <= delta.comes;
                let went = delta.goes.is_some_and(|goes| {
                    had && !replaced
                        && score::printed(goes, self.params) == score::printed(cell.maxae, self.params)
                });
                cell.maxae = cell.maxae.max(delta.comes.unwrap_or(0));
                if went {
                    refold.insert((bucket, key.0, key.1));
                }
            }
            buckets.insert(bucket, now);
        }
        self.refold(&refold, &mut buckets)?;
        let written: Vec<(usize, Option<Vec<u8>>)> = buckets
            .par_iter()
            .map(|(bucket, cells)| (*bucket, score::to_csv(*bucket, cells, self.params)))
            .collect();
        for (bucket, bytes) in written {
            put_or_remove(output, &score::path(bucket), bytes.as_deref())?;
        }
        Ok(())
    }

    /// Finds the largest errors again from all days, where the day that held one is gone.
    fn refold(
        &self,
        wanted: &BTreeSet<(usize, String, usize)>,
        buckets: &mut BTreeMap<usize, Cells>,
    ) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut found: BTreeMap<(usize, String, usize), i128> = BTreeMap::new();
        let dates: BTreeSet<&String> = self.truths.keys().map(|(date, _)| date).collect();
        for date in dates {
            for ((bucket, symbol), row) in &self.rows(date)? {
                for (number, estimate, truth) in self.pairs(date, symbol, row, self.truths) {
                    let key = (*bucket, symbol.clone(), number);
                    if wanted.contains(&key) {
                        let largest = found.entry(key).or_insert(0);
                        *largest = (*largest).max((estimate - truth).abs());
                    }
                }
            }
        }
        for (bucket, symbol, number) in wanted {
            if let Some(cell) =
                buckets.get_mut(bucket).and_then(|cells| cells.get_mut(&(symbol.clone(), *number)))
            {
                cell.maxae = found.get(&(*bucket, symbol.clone(), *number)).copied().unwrap_or(0);
            }
        }
        Ok(())
    }
}

fn damaged(bucket: usize) -> Error {
    let reason = format!("the earlier {} is not a score file", score::path(bucket));
    Error::Data {
        reason,
        hint: Some("change the stage's parameters back and forth to make it compute anew".to_owned()),
    }
}
