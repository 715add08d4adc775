//! How much of a disk is not for data.

use std::fmt;
use std::str::FromStr;

use crate::amount::Size;

/// What is kept free where nothing is set: so many bytes, but no more than this part of a small disk.
const STANDARD: u64 = 64 << 20;
const SHARE: u64 = 16;

/// The least that can be set: the journal and the facts need some room when all else is full.
const LEAST: Size = Size(1 << 20);

/// The largest part of a disk that can be kept free, in hundredths.
const MOST: u8 = 90;

/// How much of a disk is kept free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reserve {
    /// What is right for most.
    #[default]
    Standard,
    /// So much.
    Fixed(Size),
    /// So many hundredths of the disk.
    Percent(u8),
}

impl Reserve {
    /// How many bytes that is on a disk of `size` bytes.
    pub fn on(self, size: u64) -> u64 {
        match self {
            Self::Standard => STANDARD.min(size / SHARE),
            Self::Fixed(Size(bytes)) => bytes,
            Self::Percent(part) => size / 100 * u64::from(part),
        }
    }
}

impl FromStr for Reserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(part) = text.strip_suffix('%') {
            let part = part.trim_end().parse().ok().filter(|part| (1..=MOST).contains(part));
            return part.map(Self::Percent).ok_or_else(|| format!("expected 1% to {MOST}%"));
        }
        let size: Size = text.parse()?;
        if size.0 < LEAST.0 { Err(format!("it must be at least {LEAST}")) } else { Ok(Self::Fixed(size)) }
    }
}

impl fmt::Display for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard"),
            Self::Fixed(size) => size.fmt(f),
            Self::Percent(part) => write!(f, "{part}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_free_depends_on_the_disk_only_where_it_is_said_so() {
        for (reserve, size, want) in [
            (Reserve::Standard, 1 << 40, 64 << 20),
            (Reserve::Standard, 16 << 20, 1 << 20),
            (Reserve::Standard, 0, 0),
            (Reserve::Fixed(Size(5)), 1 << 40, 5),
            (Reserve::Percent(5), 1000, 50),
            (Reserve::Percent(90), u64::MAX, u64::MAX / 100 * 90),
        ] {
            assert_eq!(reserve.on(size), want, "{reserve} of {size}");
        }
    }
}
