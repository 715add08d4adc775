//! The parameters of `bin`.

use chrono::{Days, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Deserializer, de};

use super::template::Template;
use crate::tick::{Columns, Delimiter, Format, Header, Stamps, Zone};

/// How to regroup.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Params {
    pub(super) from: Template,
    pub(super) to: Template,
    pub(super) by: By,
    pub(super) tz_in: Zone,
    pub(super) tz: Zone,
    pub(super) roll: Option<NaiveTime>,
    pub(super) format: Format,
}

/// What decides where something goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The time in the path: files go whole.
    #[default]
    Path,
    /// Each row's own stamp.
    Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    #[serde(default = "from")]
    from: Template,
    #[serde(default = "to")]
    to: Template,
    #[serde(default)]
    by: By,
    #[serde(default)]
    tz_in: Zone,
    #[serde(default)]
    tz: Zone,
    roll: Option<Roll>,
    time: Option<String>,
    #[serde(default)]
    col: Columns,
    time_format: Option<String>,
    delimiter: Option<Delimiter>,
    #[serde(default)]
    header: Header,
}

struct Roll(NaiveTime);

impl<'de> Deserialize<'de> for Roll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = NaiveTime::parse_from_str(&text, "%H:%M");
        time.map(Self).map_err(|_| {
            de::Error::custom(format!("{text:?} is not a time of day; expected such as \"17:00\""))
        })
    }
}

fn from() -> Template {
    Template::known("%Y/%m/%d/%H/%M")
}

fn to() -> Template {
    Template::known("%H/%M/%Y-%m-%d.csv")
}

impl TryFrom<Raw> for Params {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.by == By::Path && !raw.from.has_all("YmdHM") {
            return Err("`from` needs %Y, %m, %d, %H and %M to bin by path; or set by = \"time\"".to_owned());
        }
        if raw.by == By::Time && !raw.from.has_all("Ymd") {
            return Err("`from` needs at least %Y, %m and %d".to_owned());
        }
        let unknown = raw
            .to
            .captures()
            .find(|name| raw.by == By::Path && !raw.from.captures().any(|known| known == *name));
        if let Some(name) = unknown {
            return Err(format!("`to` uses {{{name}}}, which `from` does not capture"));
        }
        let columns = Columns { time: raw.time.or(raw.col.time.clone()), ..raw.col };
        let stamps = Stamps { zone: raw.tz_in, format: raw.time_format };
        let format =
            Format { delimiter: raw.delimiter, header: raw.header, columns, stamps, ..Format::default() };
        Ok(Self {
            from: raw.from,
            to: raw.to,
            by: raw.by,
            tz_in: raw.tz_in,
            tz: raw.tz,
            roll: raw.roll.map(|r| r.0),
            format,
        })
    }
}

impl Params {
    /// The session that a local time belongs to: from the roll on it is the next date's.
    pub(super) fn session(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        match self.roll {
            Some(roll) if local.time() >= roll => local.checked_add_days(Days::new(1)),
            _ => Some(local),
        }
    }
}
