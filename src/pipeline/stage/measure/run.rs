//! From changed days and truths to changed observations and scores.

use std::collections::{BTreeMap, BTreeSet};

use super::super::listing::{list, load, put_or_remove, tree_path};
use super::super::{Change, Earlier, Effort, Error, Files, Input, Memo, Output, Report};
use super::observed::{DayFiles, Estimated, estimate_all, obs_path, unsized_path};
use super::params::Params;
use super::report::report;
use super::symbols::{self, Symbols};
use super::tally::Tally;
use super::truth::{self, Names, Truths};

/// Where the symbols that a day's ticks name are kept in the private state.
fn day_path(date: &str) -> String {
    format!("days/{date}")
}

/// Reads `hh/mm/yyyy-MM-dd.csv`: the minute of the day, and the date.
pub(super) fn bucket_of(path: &str) -> Option<(usize, &str)> {
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
    memo: &mut dyn Memo,
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
    let Estimated { days: new_days, made } = estimate_all(params, bins.now, &files, &unnamed, memo)?;

    let mut symbols = old_symbols.clone().unwrap_or_default();
    for date in &changed {
        old_days.get(date).iter().for_each(|day| symbols.take_back(day));
        new_days.get(date).iter().for_each(|day| symbols.add(&day.symbols));
    }
    let names = Names { ticks: unnamed, truths: truth::single(symbols.names()) };
    if earlier.is_some() && (old_names.as_ref() != Some(&names) || old_symbols.is_none()) {
        // Ticks or truths without a symbol now stand for another one: nothing of the earlier result can be kept.
        return run_anew(params, bins, truth, earlier, output, state, memo);
    }
    let truths = names.fill(published.truths)?;
    let old_truths = match earlier {
        Some(earlier) => {
            load(earlier.output, "truth.csv")?.map(|bytes| truth::from_csv(&bytes)).unwrap_or_default()
        }
        None => Truths::new(),
    };

    let (truths_now, old_truths) = (&truths, &old_truths);
    let tally = Tally { params, earlier, truths: truths_now, old_truths, changed: &changed, days: &new_days };
    let (deltas, affected) = tally.deltas()?;
    tally.write_scores(deltas, output)?;
    let found_prices = tally.found_prices(&affected)?;
    for date in &changed {
        let day = new_days.get(date);
        put_or_remove(output, &obs_path(date), day.and_then(|day| day.obs.as_deref()))?;
        put_or_remove(state, &day_path(date), day.map(|day| symbols::to_csv(&day.symbols)).as_deref())?;
        put_or_remove(state, &unsized_path(date), day.and_then(|day| day.unsized_ticks.as_deref()))?;
    }
    if earlier.is_none() || truths != *old_truths {
        output.put_bytes(tree_path("truth.csv")?, &truth::to_csv(&truths))?;
    }
    if old_symbols.as_ref() != Some(&symbols) {
        symbols.save(state)?;
    }
    if old_names.is_none() {
        state.put_bytes(tree_path("names")?, format!("{}\n{}\n", names.ticks, names.truths).as_bytes())?;
    }
    let bad_truths = (published.unreadable, published.first_bad);
    let mut report = report(&new_days, bad_truths, affected.len(), found_prices);
    if made == 0 && !new_days.is_empty() && truths == *old_truths {
        report.effort = Effort::Found;
    }
    Ok(report)
}

/// The whole computation once more, from nothing, over the earlier result.
fn run_anew(
    params: &Params,
    bins: &Input<'_>,
    truth: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
    memo: &mut dyn Memo,
) -> Result<Report, Error> {
    if let Some(earlier) = earlier {
        clear(earlier.output, output)?;
        clear(earlier.state, state)?;
    }
    let added = |(path, entry)| Change { path, before: None, after: Some(entry) };
    let changes: Vec<Change> = list(bins.now, "")?.into_iter().map(added).collect();
    let bins = Input { now: bins.now, before: bins.before, changes: &changes };
    run(params, &bins, truth, None, output, state, memo)
}

fn clear(files: &dyn Files, output: &mut dyn Output) -> Result<(), Error> {
    list(files, "")?.into_iter().try_for_each(|(path, _)| output.remove(path))
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
) -> Result<DayFiles, Error> {
    let mut files = DayFiles::new();
    // Of a day that was there before, files that did not change are needed too.
    for date in changed.iter().filter(|date| old_days.contains_key(*date)) {
        let path = |minute| format!("{:02}/{:02}/{date}.csv", minute / 60, minute % 60);
        let paths: Vec<String> = (0..1440).map(path).collect();
        for (minute, entry) in bins.now.find_each(&paths)?.into_iter().enumerate() {
            if let Some(entry) = entry {
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
