//! The command line: one file a verb, each only arguments, one call, one answer.

mod answer;
mod branch;
mod cat;
mod changes;
mod checkout;
mod code;
mod commit;
mod complaint;
mod completion;
mod context;
mod cp;
mod diff;
mod du;
mod edit;
mod init;
mod ink;
mod job;
mod log;
mod ls;
mod mv;
mod op;
mod pager;
mod pipeline;
mod progress;
mod range;
mod reference;
mod repo;
mod reset;
mod rm;
mod root;
mod rows;
mod show;
mod tag;
mod undo;

pub use reference::reference;
pub use root::main;
