//! From changed days and truths to changed observations and scores.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::super::listing::{list, load, tree_path};
use super::super::sums::Sums;
use super::super::{Change, Earlier, Error, Files, Input, Output, Report, counted, decimal};
use super::day::{Day, estimate, read_minute};
use super::params::Params;
use super::score::{self, Cell, Cells};
use super::symbols::{self, Symbols};
use super::truth::{self, Names, Truths};
use crate::object::{Entry, TreePath};
use crate::tick::{Count, write_record};

/// A day's estimates by bucket and symbol, symbols filled in.
type Rows = BTreeMap<(usize, String), Vec<String>>;

/// Where the symbols that a day's ticks name are kept in the private state.
fn day_path(date: &str) -> String {
    format!("days/{date}")
}

/// Where the estimates that are the price of a tick of size 0 are kept in the private state.
fn unsized_path(date: &str) -> String {
    format!("unsized/{date}")
}

fn obs_path(date: &str) -> String {
    format!("obs/{date}.csv")
}

/// Reads `hh/mm/yyyy-MM-dd.csv`: the minute of the day, and the date.
fn bucket_of(path: &str) -> Option<(usize, &str)> {
    let mut parts = path.split('/');
    let (hour, minute, file) = (parts.next()?, parts.next()?, parts.next()?);
    let date = file.strip_suffix(".csv")?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<usize>().ok()).flatten();
    let (hour, minute) = (two(hour).filter(|h| *h < 24)?, two(minute).filter(|m| *m < 60)?);
    let legal = parts.next().is_none()
        && date.len() == 10
        && chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok();
    legal.then_some((hour * 60 + minute, date))
}

/// Runs the stage: see the module.
pub fn run(
    params: &Params,
    bins: &Input<'_>,
    truth: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
) -> Result<Report, Error> {
    let published = truth::read(truth.now, params)?;
    let changed: BTreeSet<String> = bins
        .changes
        .iter()
        .filter_map(|c| bucket_of(c.path.as_str()))
        .map(|(_, date)| date.to_owned())
        .collect();
    let old_names = earlier.map_or(Ok(None), |earlier| names(earlier.state))?;
    let old_symbols = earlier.map_or(Ok(None), |earlier| Symbols::load(earlier.state))?;
    let old_days = earlier.map_or(Ok(BTreeMap::new()), |earlier| days(earlier.state, &changed))?;
    let files = files_of(bins, &changed, &old_days)?;
    let unnamed = truth::single(published.truths.keys().map(|(_, symbol)| symbol.as_str()));
    let new_days = estimate_all(params, bins.now, &files, &unnamed)?;

    let mut symbols = old_symbols.clone().unwrap_or_default();
    for date in &changed {
        old_days.get(date).iter().for_each(|day| symbols.take_back(day));
        new_days.get(date).iter().for_each(|day| symbols.add(&day.symbols));
    }
    let names = Names { ticks: unnamed, truths: truth::single(symbols.names()) };
    if earlier.is_some() && (old_names.as_ref() != Some(&names) || old_symbols.is_none()) {
        // Ticks or truths without a symbol now stand for another one: nothing of the earlier result can be kept.
        return run_anew(params, bins, truth, earlier, output, state);
    }
    let truths = names.fill(published.truths)?;
    let old_truths = match earlier {
        Some(earlier) => {
            load(earlier.output, "truth.csv")?.map(|bytes| truth::from_csv(&bytes)).unwrap_or_default()
        }
        None => Truths::new(),
    };

    let mut work = Work {
        params,
        earlier,
        truths: &truths,
        old_truths: &old_truths,
        changed: &changed,
        fresh: BTreeMap::new(),
    };
    for (date, day) in &new_days {
        work.fresh.insert(date.clone(), day.rows.clone());
    }
    let (deltas, affected) = work.deltas()?;
    work.write_scores(deltas, output)?;
    let found_prices = work.found_prices(&new_days, &affected)?;
    for date in &changed {
        put_or_remove(output, &obs_path(date), work.fresh.get(date).and_then(|rows| obs_csv(rows, params)))?;
        put_or_remove(state, &day_path(date), new_days.get(date).map(|day| symbols::to_csv(&day.symbols)))?;
        put_or_remove(state, &unsized_path(date), new_days.get(date).and_then(unsized_csv))?;
    }
    if earlier.is_none() || truths != old_truths {
        output.put_bytes(tree_path("truth.csv")?, &truth::to_csv(&truths))?;
    }
    if old_symbols.as_ref() != Some(&symbols) {
        symbols.save(state)?;
    }
    if old_names.is_none() {
        state.put_bytes(tree_path("names")?, format!("{}\n{}\n", names.ticks, names.truths).as_bytes())?;
    }
    let bad_truths = (published.unreadable, published.first_bad);
    Ok(report(&new_days, bad_truths, affected.len(), found_prices))
}

/// The whole computation once more, from nothing, over the earlier result.
fn run_anew(
    params: &Params,
    bins: &Input<'_>,
    truth: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
) -> Result<Report, Error> {
    if let Some(earlier) = earlier {
        clear(earlier.output, output)?;
        clear(earlier.state, state)?;
    }
    let added = |(path, entry)| Change { path, before: None, after: Some(entry) };
    let changes: Vec<Change> = list(bins.now, "")?.into_iter().map(added).collect();
    let bins = Input { now: bins.now, before: bins.before, changes: &changes };
    run(params, &bins, truth, None, output, state)
}

fn clear(files: &dyn Files, output: &mut dyn Output) -> Result<(), Error> {
    list(files, "")?.into_iter().try_for_each(|(path, _)| output.remove(path))
}

fn put_or_remove(output: &mut dyn Output, at: &str, bytes: Option<Vec<u8>>) -> Result<(), Error> {
    match bytes {
        Some(bytes) => output.put_bytes(tree_path(at)?, &bytes).map(|_| ()),
        None => output.remove(tree_path(at)?),
    }
}

/// Those of these days that the earlier run saw, each with the symbols that its ticks name.
fn days(state: &dyn Files, dates: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let mut days = BTreeMap::new();
    for date in dates {
        if let Some(bytes) = load(state, &day_path(date))? {
            days.insert(date.clone(), symbols::from_csv(&bytes));
        }
    }
    Ok(days)
}

fn names(state: &dyn Files) -> Result<Option<Names>, Error> {
    let text = load(state, "names")?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(text.and_then(|text| {
        let (ticks, truths) =
            text.trim_end_matches('\n').split_once('\n').or(Some((text.trim_end_matches('\n'), "")))?;
        Some(Names { ticks: ticks.to_owned(), truths: truths.to_owned() })
    }))
}

/// The files of each changed day, by minute; days without any file are absent.
fn files_of(
    bins: &Input<'_>,
    changed: &BTreeSet<String>,
    old_days: &BTreeMap<String, BTreeSet<String>>,
) -> Result<BTreeMap<String, BTreeMap<usize, Entry>>, Error> {
    let mut files: BTreeMap<String, BTreeMap<usize, Entry>> = BTreeMap::new();
    // Of a day that was there before, files that did not change are needed too.
    for date in changed.iter().filter(|date| old_days.contains_key(*date)) {
        for minute in 0..1440 {
            let at = format!("{:02}/{:02}/{date}.csv", minute / 60, minute % 60);
            if let Some(entry) = bins.now.find(&at)? {
                files.entry(date.clone()).or_default().insert(minute, entry);
            }
        }
    }
    for change in bins.changes {
        if let (Some((minute, date)), Some(entry)) = (bucket_of(change.path.as_str()), change.after) {
            files.entry(date.to_owned()).or_default().insert(minute, entry);
        }
    }
    Ok(files)
}

fn estimate_all(
    params: &Params,
    bins: &dyn Files,
    files: &BTreeMap<String, BTreeMap<usize, Entry>>,
    unnamed: &str,
) -> Result<BTreeMap<String, Day>, Error> {
    let days: Vec<(&String, &BTreeMap<usize, Entry>)> = files.iter().collect();
    let estimated: Vec<Result<(String, Day), Error>> = days
        .par_iter()
        .map(|(date, minutes)| {
            let minutes: Vec<(&usize, &Entry)> = minutes.iter().collect();
            let read: Vec<Result<_, Error>> = minutes
                .par_iter()
                .map(|(minute, entry)| {
                    let bytes = bins.read(entry)?;
                    read_minute(**minute, &bytes, params, unnamed).map_err(|reason| Error::Data {
                        reason: format!("{:02}/{:02}/{date}.csv, {reason}", **minute / 60, **minute % 60),
                        hint: Some("correct the file, or set on-bad to \"skip\"".to_owned()),
                    })
                })
                .collect();
            let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(((*date).clone(), estimate(&read, params)))
        })
        .collect();
    estimated.into_iter().collect()
}

fn obs_csv(rows: &Rows, params: &Params) -> Option<Vec<u8>> {
    let mut out = format!("bucket,symbol,{}\n", params.names().join(",")).into_bytes();
    for ((bucket, symbol), row) in rows {
        let bucket = format!("{:02}:{:02}", bucket / 60, bucket % 60);
        write_record(&mut out, [bucket.as_str(), symbol].into_iter().chain(row.iter().map(String::as_str)));
    }
    (!rows.is_empty()).then_some(out)
}

fn obs_rows(bytes: &[u8]) -> Rows {
    let mut reader = csv::Reader::from_reader(bytes);
    let row = |record: csv::StringRecord| {
        let (hour, minute) = record.get(0)?.split_once(':')?;
        let bucket = hour.parse::<usize>().ok()? * 60 + minute.parse::<usize>().ok()?;
        Some(((bucket, record.get(1)?.to_owned()), record.iter().skip(2).map(str::to_owned).collect()))
    };
    reader.records().filter_map(Result::ok).filter_map(row).collect()
}

fn unsized_csv(day: &Day) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (bucket, symbol, number) in &day.unsized_ticks {
        write_record(&mut out, [bucket.to_string().as_str(), symbol, &number.to_string()]);
    }
    (!out.is_empty()).then_some(out)
}

/// Reads what [`unsized_csv`] wrote.
fn read_unsized(bytes: &[u8]) -> Vec<(usize, String, usize)> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let row = |record: csv::StringRecord| {
        Some((record.get(0)?.parse().ok()?, record.get(1)?.to_owned(), record.get(2)?.parse().ok()?))
    };
    reader.into_records().filter_map(Result::ok).filter_map(row).collect()
}

/// What changes in one cell.
#[derive(Default)]
struct Delta {
    sums: Sums,
    /// The largest error that comes, and the largest that goes.
    comes: Option<i128>,
    goes: Option<i128>,
}

struct Work<'a> {
    params: &'a Params,
    earlier: Option<Earlier<'a>>,
    truths: &'a Truths,
    old_truths: &'a Truths,
    changed: &'a BTreeSet<String>,
    /// The new rows of the changed days.
    fresh: BTreeMap<String, Rows>,
}

type Deltas = BTreeMap<usize, BTreeMap<(String, usize), Delta>>;

impl Work<'_> {
    /// The rows of a day as the earlier run left them.
    fn old_rows(&self, date: &str) -> Result<Rows, Error> {
        let Some(earlier) = self.earlier else { return Ok(Rows::new()) };
        Ok(load(earlier.output, &obs_path(date))?.map(|bytes| obs_rows(&bytes)).unwrap_or_default())
    }

    /// The rows of a day as they are now.
    fn rows(&self, date: &str) -> Result<Rows, Error> {
        if self.changed.contains(date) {
            return Ok(self.fresh.get(date).cloned().unwrap_or_default());
        }
        self.old_rows(date)
    }

    /// What every cell gains and loses, and which days that concerns.
    fn deltas(&self) -> Result<(Deltas, BTreeSet<String>), Error> {
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
    fn found_prices(
        &self,
        new_days: &BTreeMap<String, Day>,
        affected: &BTreeSet<String>,
    ) -> Result<(usize, Option<String>), Error> {
        let names = self.params.names();
        let (mut found, mut first) = (0, None);
        for date in affected {
            let unsized_ticks = match (new_days.get(date), self.earlier) {
                (Some(day), _) => day.unsized_ticks.clone(),
                (None, Some(earlier)) if !self.changed.contains(date) => {
                    load(earlier.state, &unsized_path(date))?
                        .map(|bytes| read_unsized(&bytes))
                        .unwrap_or_default()
                }
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

    fn write_scores(&self, deltas: Deltas, output: &mut dyn Output) -> Result<(), Error> {
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
            put_or_remove(output, &score::path(bucket), bytes)?;
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

fn report(
    days: &BTreeMap<String, Day>,
    bad_truths: (u64, Option<String>),
    affected: usize,
    found_prices: (usize, Option<String>),
) -> Report {
    let mut report = Report::default();
    let mut count = Count::default();
    days.values().for_each(|day| count.add(day.count));
    let (read, scored) = (counted(days.len() as u64, "day"), counted(affected as u64, "day"));
    report.lines.push(format!("{read} read, {scored} scored"));
    let reasons = [
        (count.fields, "with another number of fields than the header"),
        (count.time, "with an unreadable time"),
        (count.price, "with an unreadable price"),
    ];
    let reasons: Vec<String> = reasons
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let bad = |(date, day): (&String, &Day)| {
        let (minute, record, reason) = day.first_bad?;
        Some(format!("record {record} of {:02}/{:02}/{date}.csv, {reason}", minute / 60, minute % 60))
    };
    if let Some(first) = days.iter().find_map(bad) {
        let rows = counted(count.bad(), "bad row");
        report.warn(format!("{rows} passed over: {}; such as {first}", reasons.join(", ")));
    }
    if count.left_out > 0 {
        report.lines.push(format!("{} left out by filters", counted(count.left_out, "row")));
    }
    if let (rows, Some(first)) = bad_truths {
        let rows = counted(rows, "row");
        report.warn(format!("{rows} of the truth left out that cannot be read, such as {first}"));
    }
    if let (hits, Some(first)) = found_prices {
        let hits = counted(hits as u64, "exact hit");
        report.warn(format!(
            "{hits} of the truth by a tick of size 0, such as {first}: that may be the settlement \
             price itself, sent among the ticks; leave such rows out with `where`"
        ));
    }
    report
}
