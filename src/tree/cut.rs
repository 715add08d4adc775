//! Where one node ends and the next begins. Part of the format: another rule would give other ids.
//!
//! The size of a node is counted as the bytes of its keys plus [`CONSTANT`] for each entry, whatever the values are.
//! After an entry that takes a node from size `x` to `y`, the node ends if `y >= MAX`, or if `y >= MIN` and the
//! entry's draw says so: node sizes follow a Weibull distribution with shape 4 and scale [`SCALE`], so the chance to end
//! here, given that it has not ended before, is `1 - exp(-(y^4 - x^4) / SCALE^4)`. The draw is an exponential
//! variate made from the hash of the level and the key, so the test is `y^4 - x^4 > draw * SCALE^4`, in integers.
//! A node above the leaves has at least two children.

/// What an entry counts besides its key, in bytes.
pub const CONSTANT: u64 = 48;
/// No node smaller than this ends before the last entry.
pub const MIN: u64 = 1 << 10;
/// No node grows beyond this by more than an entry.
pub const MAX: u64 = 32 << 10;
/// The scale of the distribution; the mean node counts 0.906 of it, 8 KiB and a bit.
pub const SCALE: u64 = 9 << 10;

/// The natural logarithm of 2, times 2^16.
const LN_2: u128 = 45_426;

/// The state of the node being filled.
#[derive(Debug, Default)]
pub(super) struct Cut {
    size: u64,
    entries: u64,
}

impl Cut {
    /// Counts an entry and says whether the node ends with it.
    pub(super) fn ends_after(&mut self, level: u8, key: &[u8]) -> bool {
        let before = self.size;
        self.size += key.len() as u64 + CONSTANT;
        self.entries += 1;
        let enough = self.size >= MIN && (level == 0 || self.entries >= 2);
        let ends = enough && (self.size >= MAX || drawn(before, self.size, draw(level, key)));
        if ends {
            *self = Self::default();
        }
        ends
    }
}

fn drawn(before: u64, after: u64, draw: u128) -> bool {
    let fourth = |x: u64| u128::from(x).pow(4);
    ((fourth(after) - fourth(before)) << 32) > draw * fourth(SCALE)
}

/// An exponential variate with mean 1, times 2^32. The logarithm is taken piecewise linear between powers of two.
fn draw(level: u8, key: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[level]).update(key);
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    let bits = u64::from_le_bytes(bytes);
    let zeros = bits.leading_zeros();
    let fraction = bits.checked_shl(zeros + 1).unwrap_or(0) >> 48;
    let log = (u128::from(zeros + 1) << 16) - u128::from(fraction);
    log * LN_2
}
