//! Which settings there are, and what their values may be.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::reserve::Reserve;
use super::retain::Rules;
use crate::amount::Size;

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Whether commands put small packs together.
    AutoGc,
    /// How much of a repo's bytes a branch of it may hold.
    Quota,
    /// How much of the store's disk is kept free.
    Reserve,
    /// What collections keep.
    Retain,
}

/// What a setting is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole store.
    Store,
    /// One repo.
    Repo,
}

impl Key {
    /// All settings, by name.
    pub const ALL: [Self; 4] = [Self::AutoGc, Self::Quota, Self::Reserve, Self::Retain];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::AutoGc => "auto-gc",
            Self::Quota => "quota",
            Self::Reserve => "reserve",
            Self::Retain => "retain",
        }
    }

    /// What it is of.
    pub fn scope(self) -> Scope {
        match self {
            Self::Quota => Scope::Repo,
            Self::AutoGc | Self::Reserve | Self::Retain => Scope::Store,
        }
    }

    /// What it says, and how it is written.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AutoGc => "whether commands put the small packs of many commits together: on or off",
            Self::Quota => "how many bytes the files of a branch may have together, such as 500MB or 2GiB",
            Self::Reserve => {
                "how much of the store's disk commits leave free, such as 2GiB, or 5% of the disk; at least 1MiB"
            }
            Self::Retain => {
                "what `vds gc` keeps, rules with spaces between: ops=14d, REPO@BRANCH:keep-last=30, REPO@BRANCH:keep-within=90d"
            }
        }
    }

    /// What counts where it is not set.
    pub fn default(self) -> &'static str {
        match self {
            Self::AutoGc => "on",
            Self::Quota => "no limit",
            Self::Reserve => "64MiB, of a small disk a sixteenth",
            Self::Retain => "ops=14d, and the files of all commits",
        }
    }

    /// The one form of a value that is legal.
    pub fn canonical(self, value: &str) -> Result<String, Error> {
        let read = match self {
            Self::AutoGc => match value {
                "on" | "off" => Ok(value.to_owned()),
                _ => Err("expected on or off".to_owned()),
            },
            Self::Quota => value.parse().map(|size: Size| size.to_string()),
            Self::Reserve => value.parse().map(|reserve: Reserve| reserve.to_string()),
            Self::Retain => value.parse().and_then(lasting).map(|rules| rules.to_string()),
        };
        read.map_err(|reason| Error::Value { key: self, value: value.to_owned(), reason })
    }
}

/// These rules, if each keeps something: nobody is asked when they are applied.
fn lasting(rules: Rules) -> Result<Rules, String> {
    if rules.iter().next().is_none() {
        return Err("there is no rule in it".to_owned());
    }
    let nothing = rules.iter().find(|rule| rule.keeps_nothing()).map(ToString::to_string);
    nothing.map_or(Ok(rules), |rule| {
        Err(format!("{rule} keeps nothing, and can only be given to `vds gc` by hand"))
    })
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|key| key.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("there is no such setting; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_form_and_others_are_refused() {
        for (key, value, want) in [
            (Key::AutoGc, "off", Some("off")),
            (Key::AutoGc, "no", None),
            (Key::Quota, "1024MiB", Some("1GiB")),
            (Key::Quota, "500MB", Some("500MB")),
            (Key::Quota, "5%", None),
            (Key::Quota, "-1MB", None),
            (Key::Reserve, "2048 MiB", Some("2GiB")),
            (Key::Reserve, "5%", Some("5%")),
            (Key::Reserve, "0%", None),
            (Key::Reserve, "91%", None),
            (Key::Reserve, "1kB", None),
            (Key::Reserve, "much", None),
            (Key::Retain, " ops=48h  r@*:keep-last=3", Some("ops=2d r@*:keep-last=3")),
            (Key::Retain, "r@*:keep-last=0", None),
            (Key::Retain, "r@*:keep-within=0", None),
            (Key::Retain, "", None),
        ] {
            assert_eq!(key.canonical(value).ok().as_deref(), want, "{key} {value}");
        }
        for key in Key::ALL {
            assert_eq!(key.name().parse(), Ok(key));
        }
        assert!("quotas".parse::<Key>().is_err());
    }
}
