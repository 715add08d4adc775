//! Time stamps in tick files, recognised by their shape.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::zone::Zone;

const SECOND: i64 = 1_000_000_000;

/// How stamps are read.
#[derive(Debug, Clone, Default)]
pub struct Stamps {
    /// The zone of stamps that name none.
    pub zone: Zone,
    /// A format in `strftime` notation, in place of the known shapes.
    pub format: Option<String>,
}

/// An instant as a file states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since 1970 in UTC.
    pub nanos: i64,
    /// Whether it is written as second 60 of the minute before: a leap second.
    pub leap: bool,
}

/// Reads a stamp.
///
/// Known are `YYYY-MM-DD` (also with `/`, `.` or nothing between) with `T`, a space or `D` and `HH:MM[:SS[.f]]` or
/// `HHMMSS[mmm]`, then optionally `Z`, `UTC`, `GMT`, `+hh[:mm]` or `GMT+hhmm` (RFC 3339 and its relatives);
/// `DD.MM.YYYY HH:MM:SS[.f]`; and numbers since the epoch, their unit told by the number of digits. `5/1/2024` is
/// never guessed. Second 60 is second 59 and one more. Of a local time that comes twice the earlier is meant.
pub fn parse(text: &str, how: &Stamps) -> Option<Stamp> {
    let text = text.trim();
    if let Some(format) = &how.format {
        return by_format(text, format, &how.zone);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.bytes().filter(|b| *b == b'.').count() <= 1
    {
        return epoch(text).map(|nanos| Stamp { nanos, leap: false });
    }
    let (date, rest) = date(text)?;
    let rest = rest.strip_prefix(['T', ' ', 'D'])?;
    let (clock, rest) = time(rest)?;
    let offset = offset(rest.trim_start())?;
    Some(Stamp { nanos: instant(date, clock, offset, &how.zone)?, leap: clock.leap })
}

fn by_format(text: &str, format: &str, zone: &Zone) -> Option<Stamp> {
    let (seconds, nanos) = if let Ok(time) = DateTime::parse_from_str(text, format) {
        (time.timestamp(), i64::from(time.timestamp_subsec_nanos()))
    } else {
        let local = NaiveDateTime::parse_from_str(text, format).ok()?;
        (zone.instant(local)?, i64::from(local.and_utc().timestamp_subsec_nanos()))
    };
    // A leap second comes as the second before it with more than a second's worth of nanoseconds.
    Some(Stamp { nanos: seconds.checked_mul(SECOND)?.checked_add(nanos)?, leap: nanos >= SECOND })
}

fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unit = match whole.len() {
        9..=11 => SECOND,
        12..=13 => 1_000_000,
        15..=16 => 1_000,
        18..=19 => 1,
        _ => return None,
    };
    if !fraction.is_empty() && unit != SECOND {
        return None;
    }
    let nanos = fraction_nanos(fraction.get(..9).unwrap_or(fraction))?;
    whole.parse::<i64>().ok()?.checked_mul(unit)?.checked_add(nanos)
}

/// The digits after a decimal point as nanoseconds.
fn fraction_nanos(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return Some(0);
    }
    let number = number(digits)?;
    Some(number * 10_i64.pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?))
}

fn number(digits: &str) -> Option<i64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok())?
}

fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let part = |from: usize, to: usize| number(text.get(from..to)?);
    let at = |at: usize| text.as_bytes().get(at).copied();
    let make = |year: i64, month: i64, day: i64, end: usize| {
        let date = NaiveDate::from_ymd_opt(
            i32::try_from(year).ok()?,
            u32::try_from(month).ok()?,
            u32::try_from(day).ok()?,
        )?;
        Some((date, text.get(end..)?))
    };
    match (at(2), at(4), at(5), at(7)) {
        (Some(b'.'), _, Some(b'.'), _) => make(part(6, 10)?, part(3, 5)?, part(0, 2)?, 10),
        (_, Some(a @ (b'-' | b'/' | b'.')), _, Some(b)) if a == b => {
            make(part(0, 4)?, part(5, 7)?, part(8, 10)?, 10)
        }
        _ => make(part(0, 4)?, part(4, 6)?, part(6, 8)?, 8),
    }
}

/// A time of day, in nanoseconds since midnight. A leap second is held as the second before it.
#[derive(Clone, Copy)]
struct Clock {
    nanos: i64,
    leap: bool,
}

/// Reads a time of day.
fn time(text: &str) -> Option<(Clock, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, rest) = text.split_at(end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let (hour, minute, second, nanos) = if clock.contains(':') {
        let mut parts = clock.split(':');
        let mut two = || parts.next().map(|part| if part.len() == 2 { number(part) } else { None });
        let (hour, minute, second) = (two()??, two()??, two());
        if parts.next().is_some() || (second.is_none() && !fraction.is_empty()) {
            return None;
        }
        (hour, minute, second.unwrap_or(Some(0))?, fraction_nanos(fraction)?)
    } else {
        let part = |from: usize, to: usize| number(clock.get(from..to)?);
        let nanos = match clock.len() {
            6 => fraction_nanos(fraction)?,
            9 if fraction.is_empty() => part(6, 9)? * 1_000_000,
            _ => return None,
        };
        (part(0, 2)?, part(2, 4)?, part(4, 6)?, nanos)
    };
    let legal = hour < 24 && minute < 60 && second <= 60;
    let leap = second == 60;
    let nanos = ((hour * 60 + minute) * 60 + second - i64::from(leap)) * SECOND + nanos;
    legal.then_some((Clock { nanos, leap }, rest))
}

/// Reads what may follow: `Some(None)` is nothing, `Some(Some(seconds))` the distance east of UTC.
#[expect(clippy::option_option, reason = "no offset, a readable one and an unreadable one are three things")]
fn offset(text: &str) -> Option<Option<i64>> {
    match text {
        "" => return Some(None),
        "Z" | "UTC" | "GMT" => return Some(Some(0)),
        _ => {}
    }
    let text = text.strip_prefix("GMT").unwrap_or(text);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?.replacen(':', "", 1);
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

fn instant(date: NaiveDate, Clock { nanos, leap }: Clock, offset: Option<i64>, zone: &Zone) -> Option<i64> {
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    let seconds = match offset {
        Some(offset) => midnight.checked_add(nanos / SECOND)?.checked_sub(offset)?,
        None if zone.is_utc() => midnight.checked_add(nanos / SECOND)?,
        None => {
            zone.instant(DateTime::from_timestamp(midnight.checked_add(nanos / SECOND)?, 0)?.naive_utc())?
        }
    };
    (seconds + i64::from(leap)).checked_mul(SECOND)?.checked_add(nanos % SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let nanos = parse(text, &Stamps::default());
        let got = nanos.map(|stamp| {
            DateTime::from_timestamp_nanos(stamp.nanos).format("%Y-%m-%dT%H:%M:%S%.f").to_string()
        });
        assert_eq!(got.as_deref().unwrap_or("!"), want, "{text}");
    }

    #[test]
    fn stamps_of_every_vendor() {
        check("2024-05-01T14:28:00", "2024-05-01T14:28:00");
        check("2018-01-04T17:01:15.402881806Z", "2018-01-04T17:01:15.402881806");
        check("31.07.2011 23:00:00.652", "2011-07-31T23:00:00.652");
        check("31.07.2011 23:00:00.652 GMT+0100", "2011-07-31T22:00:00.652");
        check("20160502 00:00:00.959", "2016-05-02T00:00:00.959");
        check("20120201 000003660", "2012-02-01T00:00:03.660");
        check("20110301 090100", "2011-03-01T09:01:00");
        check("2020-10-03D00:00:01.123456000", "2020-10-03T00:00:01.123456");
        check("2019.01.01 22:00:00.500", "2019-01-01T22:00:00.500");
        check("2024/05/01 14:28", "2024-05-01T14:28:00");
        check("1315922016", "2011-09-13T13:53:36");
        check("1315922016.25", "2011-09-13T13:53:36.250");
        check("1577836800123", "2020-01-01T00:00:00.123");
        check("1577836800123456", "2020-01-01T00:00:00.123456");
        check("1577836800123456789", "2020-01-01T00:00:00.123456789");
        check("2024-05-02T01:30:00+02:00", "2024-05-01T23:30:00");
        check("2024-05-02T01:30:00-05", "2024-05-02T06:30:00");
        check("2024-05-02 01:30:00 UTC", "2024-05-02T01:30:00");
        check("2024-05-01T23:59:60Z", "2024-05-02T00:00:00");
        check("20240501 142860500", "2024-05-01T14:29:00.500");
    }

    #[test]
    fn what_is_never_guessed() {
        let texts = [
            "",
            "5/1/2024 14:28:00",
            "14:28:00",
            "2024-13-01T00:00:00",
            "2024-05-01",
            "2024-05-01T24:00:00",
            "12345",
            "2024-05-01T14:28:00.1234567891",
            "20240501142800",
            "1.5",
            "2024-05-01T1:2:3",
            "2024-05-01X14:28:00",
            "2024-05-01T14:28:00 EST",
        ];
        for text in texts {
            check(text, "!");
        }
    }

    #[test]
    fn local_stamps_follow_their_zone() {
        let how = Stamps { zone: "America/New_York".parse().unwrap(), format: None };
        let utc = |text: &str| parse(text, &Stamps::default());
        assert_eq!(parse("2024-03-10T01:59:59", &how), utc("2024-03-10T06:59:59Z"));
        assert_eq!(parse("2024-03-10T02:30:00", &how), None);
        assert_eq!(parse("2024-11-03T01:30:00", &how), utc("2024-11-03T05:30:00Z"));
        // The second after 01:59:59 of that night is 03:00:00.
        assert_eq!(
            parse("2024-03-10T01:59:60", &how).map(|stamp| (stamp.nanos, stamp.leap)),
            utc("2024-03-10T07:00:00Z").map(|stamp| (stamp.nanos, true))
        );
        let us = Stamps { format: Some("%m/%d/%Y %H:%M:%S".to_owned()), ..how };
        assert_eq!(parse("5/1/2024 14:28:00", &us), utc("2024-05-01T18:28:00Z"));
    }
}
