//! Numbers in tick files.

/// Reads `[+-]digits[.digits][e..]`, `.5` and `5.`; nothing else is a number: no blanks, no `NaN` or `inf`, no thousands
/// separators, no hexadecimal. `comma` says that the decimal sign is a comma.
pub fn parse(text: &str, comma: bool) -> Option<f64> {
    let text = text.trim();
    let replaced;
    let text = if comma {
        // A point where the decimal sign is a comma would be a thousands separator.
        (!text.contains('.')).then_some(())?;
        replaced = text.replacen(',', ".", 1);
        &replaced
    } else {
        text
    };
    is_number(text).then(|| text.parse().ok().filter(|number: &f64| number.is_finite()))?
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(text);
    let rest = text.get(whole..).unwrap_or_default();
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => (digits(rest), rest.get(digits(rest)..).unwrap_or_default()),
        None => (0, rest),
    };
    let exponent = match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(rest) => {
            let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            !rest.is_empty() && digits(rest) == rest.len()
        }
    };
    whole + fraction > 0 && exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_number() {
        let cases = [
            ("1", 1.0),
            ("-37.63", -37.63),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1e3", 1000.0),
            (" 2 ", 2.0),
            ("1E-2", 0.01),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text, false), Some(want), "{text}");
        }
        assert_eq!(parse("1,5", true), Some(1.5));
    }

    #[test]
    fn what_is_none() {
        let texts = [
            "",
            " ",
            "NaN",
            "inf",
            "-infinity",
            "1,000",
            "1_000",
            "0x10",
            "1e",
            "e5",
            ".",
            "-",
            "1 2",
            "#N/A N/A",
            "1e999",
        ];
        for text in texts {
            assert_eq!(parse(text, false), None, "{text}");
        }
        for text in ["1.000,5", "1.000", "1,000,000"] {
            assert_eq!(parse(text, true), None, "{text}");
        }
        assert_eq!(parse("1000", true), Some(1000.0));
    }
}
