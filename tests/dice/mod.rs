//! Numbers that look random and are the same each time, so that a seed tells a whole history.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

/// A generator of numbers (xorshift, Marsaglia 2003). Its seed must not be 0.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    /// One of these, if there is any.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.roll(of.len())) }
    }
}
