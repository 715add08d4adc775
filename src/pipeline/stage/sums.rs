//! The sums from which every measure of a candidate is made.
//!
//! All are integers, so they are the same in any order and can be taken back as well as added: a changed day is minus the
//! old one, plus the new one. Only the largest error cannot be taken back; it is found again from the days.

use super::decimal::significant;

/// The columns of a score row that are sums, in order.
pub(super) const SUM_COLUMNS: &str = "np,hits,s1,sa,s2,sp,sx,ss,sxx,sss,sxs";

/// The measures of a score row, in order.
pub(super) const MEASURE_COLUMNS: [&str; 8] = ["rmse", "mae", "mape", "bias", "maxae", "hit", "corr", "r2"];

/// Sums over the days of one candidate, in units of `10^-decimals` and their products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) n: i128,
    pub(super) np: i128,
    pub(super) hits: i128,
    pub(super) s1: i128,
    pub(super) sa: i128,
    pub(super) s2: i128,
    pub(super) sp: i128,
    pub(super) sx: i128,
    pub(super) ss: i128,
    pub(super) sxx: i128,
    pub(super) sss: i128,
    pub(super) sxs: i128,
    /// A sum did not fit; nothing made from it can be trusted.
    pub(super) overflow: bool,
}

/// What the sums are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) decimals: u32,
    /// The tick size in units.
    pub(super) tick: Option<i128>,
}

impl Sums {
    /// What one day adds: its estimate and its truth, in units.
    pub(super) fn of_day(estimate: i128, truth: i128, scale: Scale) -> Self {
        let mut overflow = false;
        let mut times = |a: i128, b: i128| {
            a.checked_mul(b).unwrap_or_else(|| {
                overflow = true;
                0
            })
        };
        let error = estimate - truth;
        let size = error.abs();
        let sp = if truth == 0 { 0 } else { divide_even(times(size, 1_000_000_000_000), truth.abs()) };
        let (s2, sxx, sss, sxs) =
            (times(error, error), times(estimate, estimate), times(truth, truth), times(estimate, truth));
        Self {
            n: 1,
            np: i128::from(truth != 0),
            hits: i128::from(scale.tick.is_some_and(|tick| 2 * size <= tick)),
            s1: error,
            sa: size,
            s2,
            sp,
            sx: estimate,
            ss: truth,
            sxx,
            sss,
            sxs,
            overflow,
        }
    }

    /// Adds `other` as often as `times` says; -1 takes it back.
    pub(super) fn add(&mut self, other: &Self, times: i128) {
        let mut overflow = self.overflow || other.overflow;
        let mut add = |a: &mut i128, b: i128| match a.checked_add(times * b) {
            Some(sum) => *a = sum,
            None => overflow = true,
        };
        add(&mut self.n, other.n);
        add(&mut self.np, other.np);
        add(&mut self.hits, other.hits);
        add(&mut self.s1, other.s1);
        add(&mut self.sa, other.sa);
        add(&mut self.s2, other.s2);
        add(&mut self.sp, other.sp);
        add(&mut self.sx, other.sx);
        add(&mut self.ss, other.ss);
        add(&mut self.sxx, other.sxx);
        add(&mut self.sss, other.sss);
        add(&mut self.sxs, other.sxs);
        self.overflow = overflow;
    }

    /// The sums as they are printed, after `n`.
    pub(super) fn columns(&self) -> [i128; 11] {
        [
            self.np, self.hits, self.s1, self.sa, self.s2, self.sp, self.sx, self.ss, self.sxx, self.sss,
            self.sxs,
        ]
    }

    /// Reads back `n` and [`Self::columns`].
    pub(super) fn from_columns(n: i128, columns: [i128; 11]) -> Self {
        let [np, hits, s1, sa, s2, sp, sx, ss, sxx, sss, sxs] = columns;
        Self { n, np, hits, s1, sa, s2, sp, sx, ss, sxx, sss, sxs, overflow: false }
    }

    /// The measures in the order of [`MEASURE_COLUMNS`], as they are printed; empty where they are not defined. The
    /// largest error, in units, is not a sum and is given.
    pub(super) fn measures(&self, maxae: i128, scale: Scale) -> [String; 8] {
        std::array::from_fn(|at| self.measure(at, maxae, scale).map(significant).unwrap_or_default())
    }

    /// The measure at this place among [`MEASURE_COLUMNS`], if it is defined.
    pub(super) fn measure(&self, at: usize, maxae: i128, scale: Scale) -> Option<f64> {
        let unit = float(10_i128.pow(scale.decimals));
        let n = float(self.n);
        let some = |value: f64| (self.n > 0 && !self.overflow).then_some(value);
        let value = match at {
            0 => some((float(self.s2) / n).sqrt() / unit),
            1 => some(float(self.sa) / n / unit),
            2 => (self.np > 0 && !self.overflow).then(|| 100.0 * (float(self.sp) / 1e12) / float(self.np)),
            3 => some(float(self.s1) / n / unit),
            4 => some(float(maxae) / unit),
            5 => scale.tick.filter(|_| self.n > 0).map(|_| float(self.hits) / n),
            6 => self.correlation(),
            7 => self.r_squared(),
            _ => None,
        };
        value.filter(|value| value.is_finite())
    }

    fn variance(&self, squares: i128, sum: i128) -> Option<i128> {
        self.n.checked_mul(squares)?.checked_sub(sum.checked_mul(sum)?).filter(|_| !self.overflow)
    }

    fn correlation(&self) -> Option<f64> {
        let vx = self.variance(self.sxx, self.sx).filter(|v| *v > 0)?;
        let vs = self.variance(self.sss, self.ss).filter(|v| *v > 0)?;
        let joint = self.n.checked_mul(self.sxs)?.checked_sub(self.sx.checked_mul(self.ss)?)?;
        Some(float(joint) / float(vx).sqrt() / float(vs).sqrt())
    }

    fn r_squared(&self) -> Option<f64> {
        let vs = self.variance(self.sss, self.ss).filter(|v| *v > 0)?;
        Some(1.0 - float(self.n.checked_mul(self.s2)?) / float(vs))
    }
}

/// The nearest float, ties to even.
pub(super) fn float(number: i128) -> f64 {
    number as f64
}

/// `a / b` for `a >= 0`, `b > 0`, rounded half to even.
fn divide_even(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    let up = match (rest * 2).cmp(&b) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    quotient + i128::from(up)
}
