//! The parameters of `select`.

use std::fmt;

use serde::Deserialize;

/// What to choose by, and among which candidates.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    pub(super) by: By,
    pub(super) order: Order,
    pub(super) min_n: u64,
    pub(super) min_coverage: f64,
    pub(super) top: usize,
    pub(super) guard: f64,
    pub(super) jackknife: usize,
}

impl Default for Params {
    fn default() -> Self {
        let (by, order) = (By::Rmse, Order::Auto);
        Self { by, order, min_n: 2, min_coverage: 0.8, top: 20, guard: 2.0, jackknife: 100 }
    }
}

/// The measure to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Root of the mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
    /// Mean absolute error in per cent of the truth.
    Mape,
    /// Mean error; its absolute value counts.
    Bias,
    /// Largest absolute error.
    Maxae,
    /// Share of days within half a tick.
    Hit,
    /// Pearson's correlation.
    Corr,
    /// Coefficient of determination.
    R2,
}

/// Which end is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Large for `hit`, `corr` and `r2`, small for the others.
    Auto,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
}

impl By {
    /// The measure's place among the measures of a score row.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::super::sums::MEASURE_COLUMNS.get(self.index()).copied().unwrap_or("rmse"))
    }
}

impl Params {
    /// The value by which a printed measure is ordered, smallest best.
    pub(super) fn rank_value(&self, printed: &str) -> Option<f64> {
        printed.parse().ok().map(|value| self.rank(value))
    }

    /// The value by which a measure is ordered, smallest best.
    pub(super) fn rank(&self, value: f64) -> f64 {
        let value = if self.by == By::Bias { value.abs() } else { value };
        let largest = match self.order {
            Order::Auto => matches!(self.by, By::Hit | By::Corr | By::R2),
            Order::Min => false,
            Order::Max => true,
        };
        if largest { -value } else { value }
    }
}
