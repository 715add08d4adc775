//! Candidates and their order.

use std::cmp::Ordering;

use super::super::sums::MEASURE_COLUMNS;
use super::params::Params;

/// The columns that a ranking takes from a score row, in order.
pub(super) const COLUMNS: [&str; 17] = [
    "bucket", "symbol", "stat", "window", "align", "from", "to", "at", "n", "rmse", "mae", "mape", "bias",
    "maxae", "hit", "corr", "r2",
];

/// One row of a score file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// The text of [`COLUMNS`]; empty where the file has no such column.
    pub(super) fields: Vec<String>,
    pub(super) n: u64,
    /// The share of the most days that any candidate of the symbol has.
    pub(super) coverage: f64,
    /// What it is ordered by, smallest best.
    pub(super) value: f64,
}

impl Candidate {
    pub(super) fn field(&self, name: &str) -> &str {
        let at = COLUMNS.iter().position(|column| *column == name);
        at.and_then(|at| self.fields.get(at)).map_or("", String::as_str)
    }

    /// The printed value of the measure it is ordered by.
    pub(super) fn printed(&self, params: &Params) -> &str {
        self.field(MEASURE_COLUMNS.get(params.by.index()).copied().unwrap_or(""))
    }

    /// The instant it stands for, in seconds since midnight.
    pub(super) fn at(&self) -> Option<f64> {
        let mut parts = self.field("at").split(':').map(str::parse::<f64>);
        let (hours, minutes, seconds) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        Some(hours * 3600.0 + minutes * 60.0 + seconds)
    }

    /// Which estimate of a day's observations is this candidate's.
    pub(super) fn estimate(&self) -> String {
        format!("{}_{}_{}", self.field("stat"), self.field("window"), self.field("align"))
    }

    /// What decides between equal values: more days, shorter window, statistic, align, bucket.
    fn tie_break(&self, other: &Self) -> Ordering {
        let align = |candidate: &Self| match candidate.field("align") {
            "end" => 0,
            "start" => 1,
            "centre" => 2,
            _ => 3,
        };
        let window = |candidate: &Self| window_seconds(candidate.field("window"));
        window(self)
            .total_cmp(&window(other))
            .then_with(|| self.field("stat").cmp(other.field("stat")))
            .then_with(|| align(self).cmp(&align(other)))
            .then_with(|| self.field("bucket").cmp(other.field("bucket")))
    }
}

fn window_seconds(text: &str) -> f64 {
    let read = |suffix: char, seconds: f64| Some(text.strip_suffix(suffix)?.parse::<f64>().ok()? * seconds);
    read('s', 1.0).or_else(|| read('m', 60.0)).or_else(|| read('h', 3600.0)).unwrap_or(f64::MAX)
}

/// The order of two candidates with these values and numbers of days.
pub(super) fn order(a: (&Candidate, f64, u64), b: (&Candidate, f64, u64)) -> Ordering {
    a.1.partial_cmp(&b.1)
        .unwrap_or(Ordering::Equal)
        .then_with(|| b.2.cmp(&a.2))
        .then_with(|| a.0.tie_break(b.0))
}
