//! Programs that are started by a small process of ours instead of by vds itself.
//!
//! A launcher is vds, started with an argument of its own. It stays for many programs, which it starts one after another as it
//! is told (`talk`), in a view of the file system of their own if that is wanted (`view`). What a program leaves running becomes the
//! launcher's child, whatever it did to get away, and is killed by it; all of it is also killed when vds is gone (`serve`).

mod client;
mod door;
#[cfg(target_os = "linux")]
mod serve;
mod talk;
#[cfg(target_os = "linux")]
mod view;

pub use client::{Launcher, obstacle};
pub use door::{PFS, ROOM, launched, offer_launcher};
