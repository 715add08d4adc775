//! Where one node ends and the next begins. Part of the format: another rule would give other ids.
//!
//! The size of a node is counted as the bytes of its keys plus [`CONSTANT`] for each entry, whatever the values are.
//! After an entry that takes a node from size `x` to `y`, the node ends if `y >= MAX`, or if `y >= MIN` and the
//! entry's draw says so. The draw `u` is the first 8 bytes, little-endian, of the BLAKE3 of the level (one byte) and the
//! key; it says so if `u / 2^64 < (y^4 - x^4) / SCALE^4`, in integers. So sizes follow a Weibull distribution of shape 4,
//! which keeps them close together, and the levels are cut independently. A node above the leaves has at least two
//! children; the last node of a level ends with the tree.

/// What an entry counts besides its key, in bytes.
pub const CONSTANT: u64 = 48;
/// No node smaller than this ends before the last entry.
pub const MIN: u64 = 1 << 10;
/// A node that has reached this ends.
pub const MAX: u64 = 32 << 10;
/// The scale of the distribution; the mean node counts 0.906 of it, 8 KiB and a bit.
pub const SCALE: u64 = 9 << 10;

/// The state of the node being filled.
#[derive(Debug, Default)]
pub(super) struct Cut {
    size: u64,
    entries: u64,
}

impl Cut {
    /// Counts an entry with which the node does not end.
    pub(super) fn goes_on_after(&mut self, key: &[u8]) {
        self.size += key.len() as u64 + CONSTANT;
        self.entries += 1;
    }

    /// Counts an entry and says whether the node ends with it.
    pub(super) fn ends_after(&mut self, level: u8, key: &[u8]) -> bool {
        let before = self.size;
        self.goes_on_after(key);
        let enough = self.size >= MIN && (level == 0 || self.entries >= 2);
        let ends = enough && (self.size >= MAX || drawn(before, self.size, draw(level, key)));
        if ends {
            *self = Self::default();
        }
        ends
    }
}

/// Whether a node that grew from size `before` to `after`, below [`MAX`], ends by this draw. 2^15 to the fourth power times
/// 2^64 fits 128 bits.
fn drawn(before: u64, after: u64, draw: u64) -> bool {
    let fourth = |x: u64| u128::from(x).pow(4);
    u128::from(draw) * fourth(SCALE) < (fourth(after) - fourth(before)) << 64
}

fn draw(level: u8, key: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[level]).update(key);
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_compared_with_the_share_of_the_scale() {
        let share = (10_000_u128.pow(4) - 9_900_u128.pow(4)) * (1 << 64) / u128::from(SCALE).pow(4);
        let share = u64::try_from(share).unwrap();
        assert!(drawn(9_900, 10_000, share) && !drawn(9_900, 10_000, share + 1));
        assert!(drawn(0, MAX - 1, u64::MAX) && !drawn(0, MIN, u64::MAX) && drawn(0, MIN, 0));
    }

    #[test]
    fn sizes_have_the_mean_and_the_spread_that_the_rule_promises() {
        let mut cut = Cut::default();
        let (mut sizes, mut size) = (Vec::new(), 0);
        for n in 0..400_000_u64 {
            size += 8 + CONSTANT;
            if cut.ends_after(0, &n.to_be_bytes()) {
                sizes.push(size);
                size = 0;
            }
        }
        let count = sizes.len() as u64;
        let mean = sizes.iter().sum::<u64>() / count;
        // 9,216 times the gamma function of 1.25, and half an entry.
        assert!((8_200..8_550).contains(&mean), "{mean}");
        sizes.sort_unstable();
        assert!(
            sizes[0] >= MIN && sizes[sizes.len() - 1] <= 2 * SCALE,
            "{} to {}",
            sizes[0],
            sizes[sizes.len() - 1]
        );
        let within = sizes.iter().filter(|size| (4_096..=12_288).contains(*size)).count() as u64;
        assert!(within * 100 > count * 90, "{within} of {count} within half of the target");
    }
}
