//! The command line: one file a group of verbs, each only arguments, one call, one answer.

mod branch;
mod commit;
mod context;
mod files;
mod init;
mod job;
mod look;
mod pipeline;
mod progress;
mod repo;
mod root;

pub use root::main;
