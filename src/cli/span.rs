//! How long something takes, as a person writes it.

use std::time::Duration;

/// Reads `500ms`, `2s`, `10m`, `1h` or `1d`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(at);
    let millis: Option<u64> = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60 * 1000),
        "h" => Some(60 * 60 * 1000),
        "d" => Some(24 * 60 * 60 * 1000),
        _ => None,
    };
    let count: Option<u64> = count.parse().ok();
    let span = count.zip(millis).and_then(|(count, millis)| count.checked_mul(millis));
    span.map(Duration::from_millis).ok_or_else(|| "write 500ms, 2s, 10m, 1h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, want) in
            [("500ms", 500), ("2s", 2000), ("10m", 600_000), ("1h", 3_600_000), ("1d", 86_400_000), ("0s", 0)]
        {
            assert_eq!(span(text), Ok(Duration::from_millis(want)), "{text}");
        }
        for text in
            ["", "2", "s", "2 s", "-1s", "1.5s", "2w", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
