//! Points in time as people write them.

use chrono::{DateTime, Days, Duration, Local, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

use super::Error;

/// The time that `text` stands for, in milliseconds since 1970, seen from `now`: RFC 3339, `2024-05-01`,
/// `2024-05-01 14:30[:15]` in the zone of `now`, `now`, `today`, `yesterday`, or `N seconds|minutes|hours|days|weeks|months|years ago`, `last week`; a time
/// of day alone, or after a day.
pub fn parse(text: &str, now: DateTime<Local>) -> Result<i64, Error> {
    relative(text, now)
        .or_else(|| absolute(text, &now))
        .map(|time| time.timestamp_millis())
        .ok_or_else(|| Error::Time { text: text.to_owned() })
}

fn relative(text: &str, now: DateTime<Local>) -> Option<DateTime<Local>> {
    let words: Vec<&str> = text.split([' ', '.', '_']).filter(|word| !word.is_empty()).collect();
    let clock =
        |word: &str| ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(word, form).ok());
    if let [day @ .., last] = words.as_slice()
        && let Some(clock) = clock(last)
    {
        let day = if day.is_empty() { now } else { moment(day, now)? };
        return day.with_time(clock).earliest();
    }
    moment(&words, now)
}

fn moment(words: &[&str], now: DateTime<Local>) -> Option<DateTime<Local>> {
    match words {
        ["now" | "today"] => Some(now),
        ["yesterday"] => now.checked_sub_days(Days::new(1)),
        ["last", unit] => moment(&["1", unit, "ago"], now),
        [count, unit, "ago"] if unit.starts_with("month") => {
            now.checked_sub_months(Months::new(count.parse().ok()?))
        }
        [count, unit, "ago"] if unit.starts_with("year") => {
            now.checked_sub_months(Months::new(count.parse::<u32>().ok()?.checked_mul(12)?))
        }
        [count, unit, "ago"] => now.checked_sub_signed(span(count.parse().ok()?, unit)?),
        _ => None,
    }
}

fn span(count: i64, unit: &str) -> Option<Duration> {
    match unit.trim_end_matches('s') {
        "second" | "sec" => Duration::try_seconds(count),
        "minute" | "min" => Duration::try_minutes(count),
        "hour" => Duration::try_hours(count),
        "day" => Duration::try_days(count),
        "week" => Duration::try_weeks(count),
        _ => None,
    }
}

fn absolute(text: &str, now: &DateTime<Local>) -> Option<DateTime<Local>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&now.timezone()));
    }
    let local = |time: NaiveDateTime| now.timezone().from_local_datetime(&time).earliest();
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
        .and_then(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Local> {
        Local.with_ymd_and_hms(2024, 5, 2, 12, 0, 0).unwrap()
    }

    #[track_caller]
    fn check(text: &str, want: (u32, u32, u32, u32)) {
        let (day, hour, minute, second) = want;
        let want = Local.with_ymd_and_hms(2024, 5, day, hour, minute, second).unwrap();
        assert_eq!(parse(text, now()).unwrap(), want.timestamp_millis(), "{text}");
    }

    #[test]
    fn times_as_people_write_them() {
        check("now", (2, 12, 0, 0));
        check("yesterday", (1, 12, 0, 0));
        check("yesterday 14:30", (1, 14, 30, 0));
        check("1 day ago 09:00:15", (1, 9, 0, 15));
        check("today 9:05", (2, 9, 5, 0));
        check("08:30", (2, 8, 30, 0));
        check("2 hours ago", (2, 10, 0, 0));
        check("1.day.ago", (1, 12, 0, 0));
        check("90 sec ago", (2, 11, 58, 30));
        check("last day", (1, 12, 0, 0));
        assert_eq!(parse("1 month ago", now()).unwrap(), parse("2024-04-02 12:00", now()).unwrap());
        assert_eq!(parse("2 years ago", now()).unwrap(), parse("2022-05-02 12:00", now()).unwrap());
        assert_eq!(parse("last week", now()).unwrap(), parse("2024-04-25 12:00", now()).unwrap());
        check("2024-05-01", (1, 0, 0, 0));
        check("2024-05-01 14:30", (1, 14, 30, 0));
        check("2024-05-01T14:30:15", (1, 14, 30, 15));
        let rfc = now().to_rfc3339();
        check(&rfc, (2, 12, 0, 0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "soon",
            "soon 14:30",
            "25:00",
            "2024-13-01",
            "x days ago",
            "-1 months ago",
            "4294967295 years ago",
            "5/1/2024",
            "9223372036854775807 weeks ago",
        ] {
            assert!(parse(text, now()).is_err(), "{text}");
        }
    }
}
