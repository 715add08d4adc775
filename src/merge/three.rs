//! What every merge of one file takes and gives: three versions, and one that is made of them.

/// Three versions of a content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Three<'a> {
    pub(super) base: &'a [u8],
    pub(super) ours: &'a [u8],
    pub(super) theirs: &'a [u8],
}

/// One version, made of three.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// Where the sides do not go together, our version stands.
    pub(super) bytes: Vec<u8>,
    /// What both sides changed, in the order of the file.
    pub(super) conflicts: Vec<String>,
}

/// Why a version could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// `base`, `ours` or `theirs`.
    pub(super) version: &'static str,
    pub(super) reason: String,
}
