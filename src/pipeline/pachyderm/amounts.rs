//! Times as Go writes them and sizes as Kubernetes does, as a vds pipeline file says them.

/// A length of time such as `1h30m`, `90s` or `1.5h`, rounded up to seconds; `None` for none at all.
pub(super) fn time(text: &str) -> Result<Option<String>, String> {
    let wrong = || format!("{text:?} is not a length of time; expected such as \"30s\" or \"1h30m\"");
    let (mut seconds, mut rest) = (0.0, text.trim());
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() && rest != "0" {
        let (number, unit) = split(rest);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        seconds += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = after;
    }
    let seconds = whole(seconds).ok_or_else(wrong)?;
    Ok(match seconds {
        0 => None,
        _ if seconds % 3600 == 0 => Some(format!("{}h", seconds / 3600)),
        _ if seconds % 60 == 0 => Some(format!("{}m", seconds / 60)),
        _ => Some(format!("{seconds}s")),
    })
}

/// The units of sizes: of 1024 and of 1000, in Kubernetes' words and in ours.
const UNITS: [(&str, &str, u64); 8] = [
    ("Ki", "KiB", 1 << 10),
    ("Mi", "MiB", 1 << 20),
    ("Gi", "GiB", 1 << 30),
    ("Ti", "TiB", 1 << 40),
    ("k", "kB", 1_000),
    ("M", "MB", 1_000_000),
    ("G", "GB", 1_000_000_000),
    ("T", "TB", 1_000_000_000_000),
];

/// A number of bytes such as `2Gi`, `500M`, `1.5G`, `1e9` or `4096`; rounded up to KiB when it is no whole number of a unit.
pub(super) fn size(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is not a size; expected such as \"500M\" or \"2Gi\"");
    let text = text.trim();
    let unit = UNITS.iter().find(|(unit, ..)| text.ends_with(unit));
    // Kubernetes spells the thousand with a small letter; Pachyderm's examples do it either way.
    let unit = unit.or_else(|| UNITS.iter().find(|_| text.ends_with('K')).and(UNITS.get(4)));
    let (number, factor) = match unit {
        Some((_, _, factor)) => (text.trim_end_matches(|c: char| c.is_ascii_alphabetic()), *factor),
        None => (text, 1),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = whole(number * factor as f64).filter(|bytes| *bytes > 0).ok_or_else(wrong)?;
    let exact = UNITS.iter().filter(|(.., factor)| bytes % factor == 0).max_by_key(|(.., factor)| *factor);
    Ok(match exact {
        Some((_, unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{}KiB", bytes.div_ceil(1024)),
    })
}

/// The number that the text begins with, and the rest.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// The number, rounded up, if it is one that can be meant.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn whole(number: f64) -> Option<u64> {
    let number = (number - 1e-9).ceil().max(0.0);
    (number.is_finite() && number < 1e15).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_go_are_read() {
        let cases = "1h30m=90m 30s=30s 1.5h=90m 1m0.5s=61s 250ms=1s 24h=24h 1h0m1s=3601s 3600s=1h";
        for case in cases.split(' ') {
            let (text, want) = case.split_once('=').unwrap();
            assert_eq!(time(text).unwrap().as_deref(), Some(want), "{text}");
        }
        assert_eq!((time("0").unwrap(), time("0s").unwrap()), (None, None));
        for bad in ["", "1", "h", "1d", "-1s", "1h x", "1..2s", "1e99h", "9999999999999999h"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_of_kubernetes_are_read() {
        let cases = "2Gi=2GiB 500M=500MB 1G=1GB 64Ki=64KiB 1.5Gi=1536MiB 4096=4KiB 1e9=1GB 10k=10kB 10K=10kB 1001=1KiB";
        for case in cases.split(' ') {
            let (text, want) = case.split_once('=').unwrap();
            assert_eq!(size(text).unwrap(), want, "{text}");
        }
        for bad in ["", "Gi", "lots", "-1G", "0", "1e40", "NaN", "inf", "1X"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
