//! What an input with a trigger was let have last.
//!
//! Such an input does not read where its branch stands, but what its trigger let through. That is a fact, for each output of a stage,
//! source, input and branch.

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::history::Repo;
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::{BranchName, CommitId, codec};

pub(super) const TAKEN: &[u8] = b"taken/";
const VERSION: u8 = 1;

/// What an input was let have last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// The commit.
    pub(super) commit: CommitId,
    /// Since when, in milliseconds since 1970.
    pub(super) since: i64,
}

fn decode(bytes: &[u8]) -> Result<Taken, Error> {
    codec::decode(VERSION, bytes)
        .map_err(|source| Error::Record { what: "what an input was let have", source })
}

/// The commit that an input was let have, from the fact's value.
pub fn commit(value: &[u8]) -> Result<CommitId, Error> {
    Ok(decode(value)?.commit)
}

/// What the fact comes to when commits are written anew.
pub(super) fn rewrite(value: &[u8], renamed: impl Fn(CommitId) -> CommitId) -> Result<Vec<u8>, Error> {
    let taken = decode(value)?;
    encode(&Taken { commit: renamed(taken.commit), ..taken })
}

fn encode(taken: &Taken) -> Result<Vec<u8>, Error> {
    codec::encode(VERSION, taken)
        .map_err(|source| Error::Record { what: "what an input was let have", source })
}

/// An input of a stage on a branch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The stage's output.
    pub(super) output: &'a Repo,
    /// What is read.
    pub(super) source: &'a Repo,
    /// The input's name.
    pub(super) input: &'a str,
    /// The branch that is read.
    pub(super) branch: &'a BranchName,
}

/// What a fact is about that says what an input was let have: the numbers of the stage's output and of the repo that is read, and the
/// branch of it.
pub(super) fn about(key: &[u8]) -> Option<(u64, u64, BranchName)> {
    let (output, rest) = key.strip_prefix(TAKEN)?.split_first_chunk::<8>()?;
    let (source, rest) = rest.split_first_chunk::<8>()?;
    let at = rest.iter().position(|byte| *byte == 0)?;
    let branch = std::str::from_utf8(rest.get(at + 1..)?).ok()?.parse().ok()?;
    Some((u64::from_be_bytes(*output), u64::from_be_bytes(*source), branch))
}

impl Place<'_> {
    fn key(&self) -> Vec<u8> {
        let Self { output, source, input, branch } = self;
        let name = [input.as_bytes(), b"\0", branch.as_str().as_bytes()].concat();
        [TAKEN, &output.id.to_be_bytes(), &source.id.to_be_bytes(), &name].concat()
    }

    /// What it was let have last, if anything.
    pub(super) fn load(&self, facts: &Session) -> Result<Option<Taken>, Error> {
        facts.get(&self.key())?.map(|bytes| decode(&bytes)).transpose()
    }

    /// Adds to `batch` that it is let have this now.
    pub(super) fn take(&self, facts: &Session, batch: &mut Batch, taken: Taken) -> Result<(), Error> {
        batch.expect(self.key(), facts.get(&self.key())?).put(self.key(), encode(&taken)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_never_change() {
        let taken = Taken { commit: CommitId::of(b"x"), since: 2 };
        let want = [&[1][..], CommitId::of(b"x").digest().as_bytes(), &2i64.to_le_bytes()].concat();
        assert_eq!(codec::encode(VERSION, &taken).unwrap(), want);
    }
}
