//! A day's estimates as files: how they are kept, here and in the store.
//!
//! A day is 1,440 rows of texts, which take ten times their bytes when they lie apart in memory. So days are held as the
//! bytes of their files, and read one at a time.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::super::listing::load;
use super::super::{Error, Files, Memo};
use super::day::{Day, estimate, read_minute};
use super::params::Params;
use super::symbols;
use crate::object::{Digest, Entry};
use crate::tick::{Count, write_record};

/// A day's estimates by bucket and symbol, symbols filled in.
pub(super) type Rows = BTreeMap<(usize, String), Vec<String>>;

/// An estimate that is the price of a tick of size 0: bucket, symbol and number of the candidate.
pub(super) type Unsized = (usize, String, usize);

/// The files of days, by date and minute.
pub(super) type DayFiles = BTreeMap<String, BTreeMap<usize, Entry>>;

/// What the files of a day are called where it is remembered.
const OBS: &str = "obs";
const UNSIZED: &str = "unsized";
const SYMBOLS: &str = "symbols";

/// What a day's ticks came to.
#[derive(Debug)]
pub(super) struct Observed {
    /// The bytes of the file of estimates; none if there are no estimates.
    pub(super) obs: Option<Vec<u8>>,
    /// The bytes of the file of estimates that are the price of a tick of size 0; none if there are none.
    pub(super) unsized_ticks: Option<Vec<u8>>,
    /// The symbols as the ticks name them; the empty one stands for ticks that name none.
    pub(super) symbols: BTreeSet<String>,
    pub(super) count: Count,
    /// The minute and number of the first bad record, and what is wrong with it.
    pub(super) first_bad: Option<(usize, usize, &'static str)>,
}

impl Observed {
    fn new(day: Day, params: &Params) -> Self {
        Self {
            obs: obs_csv(&day.rows, params),
            unsized_ticks: unsized_csv(&day.unsized_ticks),
            symbols: day.symbols,
            count: day.count,
            first_bad: day.first_bad,
        }
    }

    /// What was kept of it. What was said of its ticks when they were read is not said again.
    fn found(mut files: BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            obs: files.remove(OBS),
            unsized_ticks: files.remove(UNSIZED),
            symbols: files.remove(SYMBOLS).map(|bytes| symbols::from_csv(&bytes)).unwrap_or_default(),
            count: Count::default(),
            first_bad: None,
        }
    }

    /// What is kept of it, to be found again.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::from([(SYMBOLS.to_owned(), symbols::to_csv(&self.symbols))]);
        files.extend(self.obs.clone().map(|bytes| (OBS.to_owned(), bytes)));
        files.extend(self.unsized_ticks.clone().map(|bytes| (UNSIZED.to_owned(), bytes)));
        files
    }

    /// The estimates.
    pub(super) fn rows(&self) -> Rows {
        self.obs.as_deref().map(obs_rows).unwrap_or_default()
    }

    /// The estimates that are the price of a tick of size 0.
    pub(super) fn unsized_ticks(&self) -> Vec<Unsized> {
        self.unsized_ticks.as_deref().map(unsized_rows).unwrap_or_default()
    }
}

/// Where a day's estimates are kept in the output.
pub(super) fn obs_path(date: &str) -> String {
    format!("obs/{date}.csv")
}

/// Where the estimates that are the price of a tick of size 0 are kept in the private state.
pub(super) fn unsized_path(date: &str) -> String {
    format!("unsized/{date}")
}

/// The estimates of a day in an earlier output.
pub(super) fn load_rows(output: &dyn Files, date: &str) -> Result<Rows, Error> {
    Ok(load(output, &obs_path(date))?.map(|bytes| obs_rows(&bytes)).unwrap_or_default())
}

/// The estimates of a day that are the price of a tick of size 0, in an earlier private state.
pub(super) fn load_unsized(state: &dyn Files, date: &str) -> Result<Vec<Unsized>, Error> {
    Ok(load(state, &unsized_path(date))?.map(|bytes| unsized_rows(&bytes)).unwrap_or_default())
}

/// Estimated days, by date.
pub(super) struct Estimated {
    pub(super) days: BTreeMap<String, Observed>,
    /// How many of them were not known before.
    pub(super) made: usize,
}

/// All that a day is estimated from, besides the parameters.
fn made_from(minutes: &BTreeMap<usize, Entry>, unnamed: &str) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"day\0").update(unnamed.as_bytes()).update(b"\0");
    for (minute, entry) in minutes {
        hasher.update(&(*minute as u64).to_le_bytes()).update(entry.blob.digest().as_bytes());
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// Estimates days from their files, side by side, but those that are known. Ticks that name no symbol stand for `unnamed`.
pub(super) fn estimate_all(
    params: &Params,
    bins: &dyn Files,
    files: &DayFiles,
    unnamed: &str,
    memo: &mut dyn Memo,
) -> Result<Estimated, Error> {
    let mut known = BTreeMap::new();
    let mut days: Vec<(&String, &BTreeMap<usize, Entry>)> = Vec::new();
    for (date, minutes) in files {
        match memo.find(&made_from(minutes, unnamed))? {
            Some(files) => drop(known.insert(date.clone(), Observed::found(files))),
            None => days.push((date, minutes)),
        }
    }
    let made = days.len();
    let estimated: Vec<Result<(String, Observed), Error>> = days
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
            Ok(((*date).clone(), Observed::new(estimate(&read, params), params)))
        })
        .collect();
    for estimated in estimated {
        let (date, day) = estimated?;
        if let Some(minutes) = files.get(&date) {
            memo.keep(made_from(minutes, unnamed), &day.files())?;
        }
        known.insert(date, day);
    }
    Ok(Estimated { days: known, made })
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

fn unsized_csv(ticks: &[Unsized]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (bucket, symbol, number) in ticks {
        write_record(&mut out, [bucket.to_string().as_str(), symbol, &number.to_string()]);
    }
    (!out.is_empty()).then_some(out)
}

/// Reads what [`unsized_csv`] wrote.
fn unsized_rows(bytes: &[u8]) -> Vec<Unsized> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let row = |record: csv::StringRecord| {
        Some((record.get(0)?.parse().ok()?, record.get(1)?.to_owned(), record.get(2)?.parse().ok()?))
    };
    reader.into_records().filter_map(Result::ok).filter_map(row).collect()
}
