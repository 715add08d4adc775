//! What fuzzing began with, and what it found: each seed, and what comes of it when bytes of it are changed, is decoded or refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

#[path = "../fuzz/decoders.rs"]
mod decoders;
mod dice;
mod torture;

use std::fs;
use std::path::Path;

use dice::Dice;

/// How often each seed is changed in the short form.
const FEW: usize = 24;

/// Changes a byte, cuts the end off, says a part twice, or takes one out.
fn change(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.roll(bytes.len().max(1));
    let end = (at + 1 + dice.roll(8)).min(bytes.len());
    match dice.roll(6) {
        _ if bytes.is_empty() => bytes.push(0),
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.roll(5)],
        _ => bytes[at] ^= 1 << dice.roll(8),
    }
}

#[test]
fn seeds_and_what_is_like_them_are_decoded_or_refused() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut dice = Dice(torture::seed());
    for (name, decode) in decoders::ALL {
        let mut files: Vec<_> =
            fs::read_dir(seeds.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name}");
        for file in files {
            let seed = fs::read(&file).unwrap();
            decode(&seed);
            for _ in 0..torture::rounds(FEW) {
                let mut bytes = seed.clone();
                for _ in 0..=dice.roll(3) {
                    change(&mut bytes, &mut dice);
                }
                decode(&bytes);
            }
        }
    }
}
