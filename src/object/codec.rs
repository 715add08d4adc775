//! Records as bytes: a version byte, then bincode 1.3 with fixed-width little-endian integers.
//!
//! The one place where records are encoded. Bincode cannot read a record with a field more or less, so a new shape is
//! a new version with its own struct. Fields must not be flattened, untagged or skipped.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest record, in bytes after its version. Longer input is refused before anything is allocated for it. The
/// journal takes what this lets through.
pub const MAX_RECORD: u64 = 64 << 20;

/// A record that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// There is nothing to read a version from.
    #[error("the record is empty")]
    Empty,
    /// A later release wrote it, or it is no record at all.
    #[error("the record has version {found}, and this vds reads version {known}")]
    Version { found: u8, known: u8 },
    /// The bytes do not hold the record.
    #[error("the record is malformed")]
    Malformed { source: bincode::Error },
    /// It is too large to be kept.
    #[error("the record has more than {} MiB", MAX_RECORD >> 20)]
    TooLarge,
}

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_limit(MAX_RECORD).reject_trailing_bytes()
}

/// The bytes of `record`, led by `version`.
pub fn encode<T: Serialize>(version: u8, record: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![version];
    match options().serialize_into(&mut bytes, record) {
        Ok(()) => Ok(bytes),
        Err(source) if matches!(*source, bincode::ErrorKind::SizeLimit) => Err(Error::TooLarge),
        Err(source) => Err(Error::Malformed { source }),
    }
}

/// The record in `bytes`, which must be of `version` and have nothing after it.
pub fn decode<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Result<T, Error> {
    match bytes.split_first() {
        None => Err(Error::Empty),
        Some((found, _)) if *found != version => Err(Error::Version { found: *found, known: version }),
        Some((_, rest)) => options().deserialize(rest).map_err(|source| Error::Malformed { source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_fixed_and_little_endian() {
        assert_eq!(encode(1, &(7_u32, "ab")).unwrap(), [1, 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
    }

    #[test]
    fn what_is_not_exactly_the_record_is_refused() {
        let bytes = encode(1, &7_u32).unwrap();
        assert_eq!(decode::<u32>(1, &bytes).unwrap(), 7);
        assert!(matches!(decode::<u32>(2, &bytes), Err(Error::Version { found: 1, known: 2 })));
        assert!(matches!(decode::<u32>(1, &[]), Err(Error::Empty)));
        assert!(decode::<u32>(1, &[1, 7, 0, 0]).is_err());
        assert!(decode::<u32>(1, &[1, 7, 0, 0, 0, 0]).is_err());
        assert!(decode::<Vec<u8>>(1, &[1, 255, 255, 255, 255, 255, 255, 255, 127]).is_err());
    }
}
