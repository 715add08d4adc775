//! Finding a digest among many in order.

use std::cmp::Ordering;

use crate::object::Digest;

/// How often a search looks where a row should be before it halves what is left.
const LOOKS: u32 = 16;

/// Which of `rows` rows, sorted by their digests, is that of `digest`. Digests are spread evenly, so each look is where it should be
/// among the rows that are left, and few are needed; a table that is not so is halved instead.
pub(super) fn search<'a>(
    rows: usize,
    digest: &Digest,
    key: impl Fn(usize) -> Option<&'a [u8]>,
) -> Option<usize> {
    let wanted = leading(digest.as_bytes());
    let (mut low, mut high) = (0, rows);
    let (mut least, mut most) = (0, u64::MAX);
    let mut looks = 0;
    while low < high {
        let at =
            if looks < LOOKS { low + share(wanted, least, most, high - low) } else { low.midpoint(high) };
        looks += 1;
        let found = key(at)?;
        match found.cmp(digest.as_bytes()) {
            Ordering::Less => (low, least) = (at + 1, leading(found)),
            Ordering::Greater => (high, most) = (at, leading(found)),
            Ordering::Equal => return Some(at),
        }
    }
    None
}

/// The first bytes of a digest as a number.
fn leading(digest: &[u8]) -> u64 {
    digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Which of `count` rows with digests spread evenly from `least` to `most` is nearest to `wanted`. Of both distances the upper half is
/// enough, and wide numbers are slow to divide.
fn share(wanted: u64, least: u64, most: u64, count: usize) -> usize {
    let (part, whole) = (wanted.saturating_sub(least), most.saturating_sub(least));
    let shift = if whole > u64::from(u32::MAX) { 32 } else { 0 };
    let at = (part >> shift).saturating_mul(count as u64) / ((whole >> shift) + 1);
    usize::try_from(at).unwrap_or(0).min(count.saturating_sub(1))
}
