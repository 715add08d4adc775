//! Decimal numbers as the stages print and compare them.

/// A fixed-point number read from text, in units of `10^-places`; `None` if it is no number or has more places.
pub(super) fn units(text: &str, places: u32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let pad = usize::try_from(places).ok()?.checked_sub(fraction.len())?;
    let number: i128 = format!("0{whole}{fraction}{}", "0".repeat(pad)).parse().ok()?;
    Some(if negative { -number } else { number })
}

/// A decimal number, exactly as it is written: no float comes near it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Its digits, without zeros at either end.
    digits: String,
    /// How many of the digits stand after the point; negative when zeros follow the digits.
    places: i64,
}

/// More zeros than this on either side belong to no price.
const FAR: i64 = 60;

impl Decimal {
    /// Reads what [`crate::tick::parse_number`] takes for a number, with `.` for the decimal sign.
    pub(super) fn parse(text: &str) -> Option<Self> {
        crate::tick::parse_number(text, false)?;
        let text = text.trim();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let cut = i64::try_from(all.len() - digits.len()).ok()?;
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, places: 0 });
        }
        let places = i64::try_from(fraction.len()).ok()? - cut - exponent.parse::<i64>().ok()?;
        (places.abs() <= FAR).then_some(Self { negative, digits, places })
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// The number in units of `10^-places`; `None` if it has more places, or is too large.
    pub(super) fn exact_units(&self, places: u32) -> Option<i128> {
        self.units(places).filter(|_| self.places <= i64::from(places))
    }

    /// The number in units of `10^-places`, rounded half to even; `None` if it is too large.
    pub(super) fn units(&self, places: u32) -> Option<i128> {
        let missing = i64::from(places) - self.places;
        let length = i64::try_from(self.digits.len()).ok()?;
        let size: i128 = if self.digits.is_empty() || length + missing < 0 {
            0
        } else if missing >= 0 {
            format!("{}{}", self.digits, "0".repeat(usize::try_from(missing).ok()?)).parse().ok()?
        } else {
            let (kept, rest) = self.digits.split_at_checked(usize::try_from(length + missing).ok()?)?;
            let kept: i128 = format!("0{kept}").parse().ok()?;
            let up = match (rest.as_bytes().first(), rest.len()) {
                (Some(b'5'), 1) => kept % 2 == 1,
                (Some(digit), _) => *digit >= b'5',
                (None, _) => false,
            };
            kept + i128::from(up)
        };
        Some(if self.negative { -size } else { size })
    }
}

/// So many units of `10^-places` as text: no trailing zeros, no `-0`.
pub(super) fn text(units: i128, places: u32) -> String {
    let width = places as usize + 1;
    let digits = format!("{:0>width$}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at_checked(digits.len() - places as usize).unwrap_or((&digits, ""));
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { trim(format!("{sign}{whole}.{fraction}")) }
}

/// The multiple of `step` nearest to `units`; of two equally near ones the even multiple.
pub(super) fn nearest(units: i128, step: i128) -> Option<i128> {
    let multiple = units.checked_div_euclid(step)?;
    let rest = units - multiple.checked_mul(step)?;
    let up = match rest.cmp(&(step - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => multiple % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    (multiple + i128::from(up)).checked_mul(step)
}

/// `value` cut to so many places, correctly rounded, half to even; no trailing zeros, no `-0`.
pub(super) fn fixed(value: f64, places: u32) -> String {
    trim(format!("{value:.*}", places as usize))
}

/// `value` with twelve significant digits, in the shortest decimal form without an exponent.
pub(super) fn significant(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    trim(format!("{rounded}"))
}

fn trim(text: String) -> String {
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text_in, want) in
            [("1.5", 1_500), ("-37.63", -37_630), ("0", 0), (".5", 500), ("5.", 5_000), ("1.5000", 1_500)]
        {
            assert_eq!(units(text_in, 3), Some(want), "{text_in}");
        }
        for bad in ["", "-", ".", "1.2345", "1e3", "NaN", "1,0"] {
            assert_eq!(units(bad, 3), None, "{bad}");
        }
    }

    #[test]
    fn decimals_are_rounded_half_to_even_as_they_are_written() {
        for (given, places, want) in [
            ("80.125", 2, "80.12"),
            ("80.135", 2, "80.14"),
            ("80.005", 2, "80"),
            ("80.0050001", 2, "80.01"),
            ("-0.5", 0, "0"),
            ("-1.5", 0, "-2"),
            ("0.0000000005", 9, "0"),
            ("0.0000000015", 9, "0.000000002"),
            ("1.5e3", 0, "1500"),
            ("+.25E1", 1, "2.5"),
            ("0.04", 1, "0"),
            ("0.001", 1, "0"),
            ("0.00", 3, "0"),
            ("-37.63", 9, "-37.63"),
        ] {
            let units = Decimal::parse(given).and_then(|number| number.units(places)).unwrap();
            assert_eq!(text(units, places), want, "{given}");
        }
        assert_eq!(Decimal::parse("80.10"), Decimal::parse("+8010e-2"));
        assert_ne!(Decimal::parse("80.1"), Decimal::parse("-80.1"));
        for bad in ["", "x", "1,5", "NaN", "1e99"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tie_goes_to_the_even_multiple() {
        for (units, step, want) in [
            (5, 10, 0),
            (15, 10, 20),
            (-5, 10, 0),
            (-15, 10, -20),
            (-16, 10, -20),
            (7, 3, 6),
            (8, 3, 9),
            (-4, 3, -3),
        ] {
            assert_eq!(nearest(units, step), Some(want), "{units} by {step}");
        }
    }

    #[test]
    fn numbers_are_printed_the_same_everywhere() {
        assert_eq!(significant(2.0_f64.sqrt()), "1.41421356237");
        assert_eq!(
            (significant(1e-7), significant(-0.0), significant(3.0)),
            ("0.0000001".into(), "0".into(), "3".into())
        );
        assert_eq!(
            (fixed(2.5, 0), fixed(3.5, 0), fixed(-0.0001, 3), fixed(1.25, 9)),
            ("2".into(), "4".into(), "0".into(), "1.25".into())
        );
    }
}
