//! Small pieces of text for people, and bytes as JSON can hold them.

use chrono::{DateTime, FixedOffset, Local};

use crate::object::{commands, shown};

/// A time as RFC 3339 in the zone of this machine.
pub fn time(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&Local).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

pub(super) fn time_at(millis: i64, offset: i16) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    match FixedOffset::east_opt(i32::from(offset) * 60) {
        Some(zone) => time.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        None => time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    }
}

/// A length of time for people, of milliseconds: `84 ms`, `1.2 s`, `3m 12s`, `2h 05m`, `3d 04h`.
pub fn duration(millis: i64) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..1 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1000 / 100),
        60..3600 => format!("{minutes}m {:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// A count with its noun: `1 datum`, `2 datums`.
pub fn count(number: u64, noun: &str) -> String {
    counted(number, noun, &format!("{noun}s"))
}

/// A count with its noun, for one and for many: `1 branch`, `2 branches`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Bytes as a text that JSON can hold: as they are if they are UTF-8, else in base 64 (RFC 4648); and which of the two.
pub fn encoded(bytes: Vec<u8>) -> (&'static str, String) {
    match String::from_utf8(bytes) {
        Ok(text) => ("utf-8", text),
        Err(error) => ("base64", base64(error.as_bytes())),
    }
}

fn base64(bytes: &[u8]) -> String {
    let letter = |six: u32| match u8::try_from(six & 63).unwrap_or(0) {
        n @ 0..=25 => char::from(b'A' + n),
        n @ 26..=51 => char::from(b'a' + n - 26),
        n @ 52..=61 => char::from(b'0' + n - 52),
        62 => '+',
        _ => '/',
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(if at <= group.len() { letter(bits >> (18 - 6 * at)) } else { '=' });
        }
    }
    text
}

/// A text of several lines for a terminal: control characters other than line ends and tabs are escaped.
pub fn text(text: &str) -> String {
    let escape = |c: char| {
        if commands(c) && !matches!(c, '\n' | '\t') { c.escape_debug().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

/// A line for a terminal: control characters are escaped.
pub fn line(text: &str) -> String {
    let escape = |c: char| if commands(c) { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// A path for a terminal: control characters are escaped, and backslashes too, so that no two paths look alike.
pub fn path(path: &str) -> String {
    shown(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_that_json_can_hold() {
        // The test vectors of RFC 4648, section 10.
        for (bytes, want) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), want, "{bytes}");
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
        assert_eq!(encoded(b"price\n".to_vec()), ("utf-8", "price\n".to_owned()));
        assert_eq!(encoded(vec![0xff]), ("base64", "/w==".to_owned()));
    }

    #[test]
    fn a_length_of_time_is_told_in_units_that_fit() {
        let cases = [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_999, "59.9 s"), (60_000, "1m 00s")];
        let more = [(3_599_000, "59m 59s"), (7_500_000, "2h 05m"), (273_600_000, "3d 04h"), (-5, "-5 ms")];
        for (millis, want) in cases.into_iter().chain(more) {
            assert_eq!(duration(millis), want);
        }
    }

    #[test]
    fn nothing_shown_commands_a_terminal() {
        assert_eq!(line("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(line("a\u{202e}gpj.exe"), "a\\u{202e}gpj.exe");
        assert_eq!((path("a\nb").as_str(), path("a\\nb").as_str()), ("a\\nb", "a\\\\nb"));
        assert_eq!(text("a\tb\nc\u{7}"), "a\tb\nc\\u{7}");
    }
}
