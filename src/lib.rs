//! vds: a content-addressed, versioned data store with commit-triggered pipelines.
//!
//! A *store* holds *repos*; a repo holds *commits* (immutable snapshots of a file tree) and *branches* (names that
//! move over commits). A *pipeline* is a named graph of *stages*; a stage watches branches, transforms what changed
//! and commits the result to its own output repo.
//!
//! The groups of modules below are floors, ground floor first: a room uses lower floors only. `tests/tidy.rs`
//! checks it.

// Words that every room knows.
pub mod amount;
pub mod fault;
pub mod interrupt;
pub mod process;
pub mod progress;

// Who lives; texts by line, tables by row.
pub mod lines;
pub mod owner;
pub mod table;

// Other people's programs.
pub mod program;

// What is stored, as names and canonical bytes.
pub mod object;

// What recognises a file; what makes a directory a workspace.
pub mod marker;
pub mod stamp;

// The two seams.
pub mod backend;
pub mod meta;

// The record of changes.
pub mod journal;

// Changes, made for good.
pub mod ledger;

// What can be set, and what is; what was let go.
pub mod let_go;
pub mod setting;

// Objects in packs.
pub mod pack;

// Bytes as chunks, paths as a map.
pub mod content;
pub mod tree;

// One version of a tree, read.
pub mod snapshot;

// The next version; the past, by name; a choice of paths; the place on disk.
pub mod draft;
pub mod history;
pub mod scope;
pub mod store;

// Two versions side by side; what paths and patterns name in one.
pub mod compare;
pub mod pick;

// What differs within files.
pub mod patch;

// Two sides brought together.
pub mod merge;

// Directories on disk; archives.
pub mod archive;
pub mod checkout;
pub mod ingest;

// Directories that follow a branch.
pub mod workspace;

// Tick data as vendors write it.
pub mod tick;

// What runs on what is stored.
pub mod pipeline;

// Where things come from.
pub mod trace;

// Changes of branches, with what they trigger.
pub mod change;

// Settings, branches, tags and repos, changed as a whole; what comes from other branches, and from
// directories as it arrives.
pub mod config;
pub mod integrate;
pub mod refs;
pub mod submit;
pub mod watch;

// The record of all changes, and going back in it.
pub mod operation;

// What is reachable.
pub mod reach;

// What is not.
pub mod gc;

// What must not have been.
pub mod purge;

// From store to store.
pub mod transfer;

// From store to store, as a file.
pub mod bundle;

// Upkeep: what a store takes; whether it is whole; a copy of it.
pub mod backup;
pub mod usage;
pub mod verify;

// What is damaged, mended.
pub mod repair;

// Our nouns as outsiders see them.
pub mod view;

// The program.
#[cfg(feature = "cli")]
pub mod cli;
