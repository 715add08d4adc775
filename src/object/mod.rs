//! What is stored: identifiers, names, paths, records, and their canonical bytes.
//!
//! Nothing here does I/O. Everything that is hashed has one byte form for ever; it is made here (or, for tree nodes,
//! in `tree`) and pinned by golden tests.

pub mod access;
mod commit;
mod digest;
mod entry;
mod name;
mod path;
mod shown;

pub mod codec;

pub use access::{AccessError, ObjectKind, ObjectRead, ObjectWrite, Payload};
pub use commit::{Commit, InputCommit, Lineage, MAX_MESSAGE, Provenance};
pub use digest::{Blob, BlobId, CommitId, CommitTag, Digest, Id, IdError, NodeId, NodeTag};
pub use entry::{Entry, FileKind};
pub use name::{BranchName, MAX_NAME, NameError, PipelineName, RemoteName, RepoName, StageName, TagName};
pub use path::{MAX_PATH, MAX_SEGMENT, PathError, STORE_NAME, TreePath};
pub use shown::{commands, shown};
