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
