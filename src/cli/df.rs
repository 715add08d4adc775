//! `vds df`.

use std::fmt::Write as _;

use super::context::{Answer, Context};
use crate::usage::{self, Usage};
use crate::view;

/// Show what the store takes, what its repos hold, and when its disk will be full
///
/// What branches hold are the sums of their files, each branch for itself; equal contents are stored once, compressed, so the store
/// takes less. What grows is told by when packs were written. With --quiet: the bytes that the store takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  vds df\n  vds df --json")]
pub(super) struct Args {}

pub(super) fn run(Args {}: &Args, cx: &Context) -> Answer {
    let usage = usage::survey(&cx.store()?)?;
    let quiet = || format!("{}\n", usage.places.all().bytes);
    cx.say(&view::Usage::from(&usage), || text(&usage), quiet)
}

fn text(usage: &Usage) -> String {
    let (held, contents, places) = (usage.held(), usage.contents(), usage.places);
    let branches = usage.repos.iter().map(|held| held.branches).sum();
    let mut text = String::new();
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<10}{value}");
    };
    line(
        "holds",
        format!(
            "{}  {} on {} of {}",
            view::bytes(held.weight),
            view::count(held.count, "file"),
            view::counted(branches, "branch", "branches"),
            view::count(usage.repos.len() as u64, "repo"),
        ),
    );
    line("takes", format!("{}  {}", view::bytes(places.all().bytes), parts(usage)));
    let ratios = [("compressed", usage.compression()), ("deduplicated", usage.deduplication())];
    let ratios: Vec<String> =
        ratios.iter().filter_map(|(what, ratio)| Some(format!("{what} {:.1}x", (*ratio)?))).collect();
    if !ratios.is_empty() {
        let (bytes, stored) = (view::bytes(contents.bytes), view::bytes(contents.stored));
        line("contents", format!("{stored}  {bytes} before compression; {}", ratios.join(", ")));
    }
    if let Some(disk) = usage.disk {
        let [size, free, reserve] = [disk.size, disk.free, disk.reserve].map(view::bytes);
        line("disk", format!("{size}  {free} free, of which {reserve} are kept free"));
    }
    line("growth", format!("{}  in the last 7 days{}", view::bytes(usage.growth.bytes), until(usage)));
    for held in &usage.repos {
        let output = held.output_of.as_ref().map(|_| "  (output of a stage)").unwrap_or_default();
        let (bytes, files) = (view::bytes(held.totals.weight), view::count(held.totals.count, "file"));
        let branches = view::counted(held.branches, "branch", "branches");
        let _ = writeln!(text, "{bytes:>10}  {}  {files} on {branches}{output}", held.repo);
    }
    text
}

/// What the store's directory is made up of.
fn parts(usage: &Usage) -> String {
    let places = usage.places;
    let parts = [
        ("packs", places.packs),
        ("index", places.index),
        ("journal", places.journal),
        ("facts", places.facts),
        ("temporary", places.temporary),
        ("caches", places.caches),
        ("other", places.other),
    ];
    let parts = parts.iter().filter(|(_, files)| files.bytes > 0);
    parts.map(|(what, files)| format!("{what} {}", view::bytes(files.bytes))).collect::<Vec<_>>().join(", ")
}

/// When the disk will be full.
fn until(usage: &Usage) -> String {
    match usage.days_until_full() {
        None => String::new(),
        Some(0) => "; at that rate the disk is full within a day".to_owned(),
        Some(days) => format!("; at that rate the disk is full in {}", view::count(days, "day")),
    }
}
