//! Path templates: text with `strftime` tokens and `{captures}`.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use serde::{Deserialize, Deserializer, de};

/// A template for paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Token(char),
    Capture(String),
}

/// The captures of a path, by name.
pub(super) type Captures = BTreeMap<String, String>;

/// What a path says: its date and time, as far as it has them, and its captures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matched {
    tokens: BTreeMap<char, u32>,
    pub(super) captures: Captures,
}

/// How many digits a token has.
fn width(token: char) -> Option<usize> {
    match token {
        'Y' => Some(4),
        'm' | 'd' | 'H' | 'M' | 'S' | 'y' | 'V' => Some(2),
        'j' => Some(3),
        'u' | 'w' => Some(1),
        _ => None,
    }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fail = |reason: &str| format!("{text:?} is not a path template: {reason}");
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let part = match c {
                '%' => match chars.next() {
                    Some('%') => {
                        literal.push('%');
                        continue;
                    }
                    Some(token) if width(token).is_some() => Part::Token(token),
                    _ => return Err(fail("after % comes one of Y m d H M S y j u w V %")),
                },
                '{' => {
                    let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    let legal =
                        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-# ".contains(c));
                    if !legal {
                        return Err(fail("{} holds the name of a capture or column"));
                    }
                    Part::Capture(name)
                }
                other => {
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(part);
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        if parts.is_empty() { Err(fail("it is empty")) } else { Ok(Self { parts }) }
    }

    /// A template that is known to be right.
    pub(super) fn known(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self { parts: Vec::new() })
    }

    /// Whether it has all of these tokens.
    pub(super) fn has_all(&self, tokens: &str) -> bool {
        tokens.chars().all(|token| self.parts.contains(&Part::Token(token)))
    }

    /// The names it captures.
    pub(super) fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Capture(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Matches a path: the rendered form, or that plus `.csv`, or that plus `/<anything>.csv`.
    pub(super) fn matches(&self, path: &str) -> Option<Matched> {
        let mut matched = Matched::default();
        matched.parts(&self.parts, path).then_some(matched)
    }

    /// The path for a time and captures.
    pub(super) fn render(&self, time: NaiveDateTime, captures: &Captures) -> Option<String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Capture(name) => path.push_str(captures.get(name)?),
                Part::Token(token) => path.push_str(&token_text(*token, time)),
            }
        }
        Some(path)
    }

    /// The beginning of all paths of a date: up to the first part that the date does not determine.
    pub(super) fn date_prefix(&self, time: NaiveDateTime) -> String {
        let fixed = self.parts.iter().map_while(|part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Token(token) if !"HMS".contains(*token) => Some(token_text(*token, time)),
            _ => None,
        });
        fixed.collect()
    }
}

fn token_text(token: char, time: NaiveDateTime) -> String {
    match token {
        'Y' => format!("{:04}", time.year()),
        'y' => format!("{:02}", time.year().rem_euclid(100)),
        'm' => format!("{:02}", time.month()),
        'd' => format!("{:02}", time.day()),
        'H' => format!("{:02}", time.hour()),
        'M' => format!("{:02}", time.minute()),
        'S' => format!("{:02}", time.second()),
        'j' => format!("{:03}", time.ordinal()),
        'V' => format!("{:02}", time.iso_week().week()),
        'w' => time.weekday().num_days_from_sunday().to_string(),
        _ => time.weekday().number_from_monday().to_string(),
    }
}

fn is_tail(rest: &str) -> bool {
    let name = rest.strip_prefix('/').and_then(|name| name.strip_suffix(".csv"));
    rest.is_empty() || rest == ".csv" || name.is_some_and(|name| !name.is_empty())
}

impl Matched {
    fn parts(&mut self, parts: &[Part], rest: &str) -> bool {
        let Some((part, more)) = parts.split_first() else { return is_tail(rest) };
        match part {
            Part::Text(text) => rest.strip_prefix(text.as_str()).is_some_and(|rest| self.parts(more, rest)),
            Part::Token(token) => {
                let Some((digits, rest)) = width(*token).and_then(|width| rest.split_at_checked(width))
                else {
                    return false;
                };
                let number =
                    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
                let Some(number) = number else { return false };
                let agrees = self.tokens.get(token).is_none_or(|known| *known == number);
                if agrees {
                    self.tokens.insert(*token, number);
                }
                agrees && self.parts(more, rest)
            }
            Part::Capture(name) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let ends = (1..=end).filter(|end| rest.is_char_boundary(*end));
                for end in ends.rev() {
                    let (value, rest) = rest.split_at(end);
                    let before = self.clone();
                    self.captures.insert(name.clone(), value.to_owned());
                    if self.parts(more, rest) {
                        return true;
                    }
                    *self = before;
                }
                false
            }
        }
    }

    fn token(&self, token: char) -> Option<u32> {
        self.tokens.get(&token).copied()
    }

    /// The date that the path names, if there is such a date.
    pub(super) fn date(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(i32::try_from(self.token('Y')?).ok()?, self.token('m')?, self.token('d')?)
    }

    /// The date and time that the path names, if there is such a time.
    pub(super) fn time(&self) -> Option<NaiveDateTime> {
        self.date()?.and_hms_opt(self.token('H')?, self.token('M')?, self.token('S').unwrap_or(0))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_in_three_forms() {
        let template = Template::known("%Y/%m/%d/%H/%M");
        for path in ["2024/05/01/14/14", "2024/05/01/14/14.csv", "2024/05/01/14/14/bbg.csv"] {
            assert_eq!(
                template.matches(path).unwrap().time().unwrap().to_string(),
                "2024-05-01 14:14:00",
                "{path}"
            );
        }
        for path in [
            "README.md",
            "2024/05/01/notes.txt",
            "2024/05/01/14/14.txt",
            "2024/05/01/14/1",
            "x/2024/05/01/14/14.csv",
        ] {
            assert_eq!(template.matches(path), None, "{path}");
        }
        assert_eq!(template.matches("2024/13/01/14/14.csv").unwrap().time(), None);
    }

    #[test]
    fn captures_are_kept() {
        let from = Template::known("{symbol}/%Y%m%d-%H%M-{source}");
        let matched = from.matches("CL/20240501-1414-bbg.csv").unwrap();
        assert_eq!(
            (matched.captures["symbol"].as_str(), matched.captures["source"].as_str()),
            ("CL", "bbg.csv")
        );
        let to = Template::known("%u/{symbol}/%H%%%M.csv");
        assert_eq!(to.render(matched.time().unwrap(), &matched.captures).unwrap(), "3/CL/14%14.csv");
        for bad in ["", "%Q", "{", "{}", "%"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
