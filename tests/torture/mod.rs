//! How long tests last that could last for ever, and by which luck. `make torture` gives them time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]
#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many rounds are wanted: `VDS_TORTURE`, or a few.
pub fn rounds(few: usize) -> usize {
    env::var("VDS_TORTURE")
        .ok()
        .map_or(few, |rounds| rounds.parse().expect("VDS_TORTURE is a number of rounds"))
}

/// Whether all is to be tried, however long it takes.
pub fn is_thorough() -> bool {
    env::var_os("VDS_TORTURE").is_some()
}

/// What the dice begin with: `VDS_SEED`, or another number each time. It is said, so that it can be given.
pub fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos());
    let seed = env::var("VDS_SEED").ok().map(|seed| seed.parse().expect("VDS_SEED is a number"));
    let seed = seed.unwrap_or_else(|| u64::try_from(now() % u128::from(u64::MAX)).unwrap_or(1).max(1));
    println!("with VDS_SEED={seed} it goes the same way again");
    seed
}
