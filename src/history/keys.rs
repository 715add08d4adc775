//! Where each fact lies in the key space. Numbers are big-endian so that byte order is numeric order.

use crate::object::{BranchName, CommitId, RepoName, TagName};

pub(super) const KEPT_SINCE: &[u8] = b"kept-since";
pub(super) const NEXT_REPO: &[u8] = b"next/repo";
pub(super) const REPOS: &[u8] = b"repo/";
pub(super) const BRANCH: &[u8] = b"branch/";
pub(super) const TAG: &[u8] = b"tag/";
pub(super) const PIN: &[u8] = b"pin/";
pub(super) const COMMIT: &[u8] = b"commit/";
pub(super) const DERIVED: &[u8] = b"derived/";
pub(super) const MERGE: &[u8] = b"merge/";
pub(super) const MERGE_POLICY: &[u8] = b"merge-policy/";
pub(super) const PURGE: &[u8] = b"purge/";
pub(super) const REMOTE: &[u8] = b"remote/";
pub(super) const REMOTE_BRANCH: &[u8] = b"remote-branch/";

pub(super) fn repo(name: &RepoName) -> Vec<u8> {
    [REPOS, name.as_str().as_bytes()].concat()
}

fn of_repo(what: &[u8], repo: u64, rest: &[u8]) -> Vec<u8> {
    [what, &repo.to_be_bytes(), rest].concat()
}

pub(super) fn branches(repo: u64) -> Vec<u8> {
    of_repo(BRANCH, repo, b"")
}

/// Where the head of a branch lies.
pub(super) fn branch(repo: u64, name: &BranchName) -> Vec<u8> {
    of_repo(BRANCH, repo, name.as_str().as_bytes())
}

pub(super) fn tags(repo: u64) -> Vec<u8> {
    of_repo(TAG, repo, b"")
}

pub(super) fn tag(repo: u64, name: &TagName) -> Vec<u8> {
    of_repo(TAG, repo, name.as_str().as_bytes())
}

pub(super) fn pins(repo: u64) -> Vec<u8> {
    of_repo(PIN, repo, b"")
}

pub(super) fn pin(repo: u64, id: &CommitId) -> Vec<u8> {
    of_repo(PIN, repo, id.digest().as_bytes())
}

pub(super) fn remote_branches(repo: u64) -> Vec<u8> {
    of_repo(REMOTE_BRANCH, repo, b"")
}

pub(super) fn commits(repo: u64) -> Vec<u8> {
    of_repo(COMMIT, repo, b"")
}

pub(super) fn commit(repo: u64, id: &CommitId) -> Vec<u8> {
    of_repo(COMMIT, repo, id.digest().as_bytes())
}

pub(super) fn derived(output_repo: u64, input: &CommitId) -> Vec<u8> {
    of_repo(DERIVED, output_repo, input.digest().as_bytes())
}

pub(super) fn derived_of(output_repo: u64) -> Vec<u8> {
    of_repo(DERIVED, output_repo, b"")
}

/// Where the record of the purge lies that this operation made.
pub(super) fn purge(operation: u64) -> Vec<u8> {
    [PURGE, &operation.to_be_bytes()].concat()
}

/// Where the open merge into a branch lies.
pub(super) fn merge(repo: u64, name: &BranchName) -> Vec<u8> {
    of_repo(MERGE, repo, name.as_str().as_bytes())
}

/// Where the rules of a repo's merges lie.
pub(super) fn merge_policy(repo: u64) -> Vec<u8> {
    of_repo(MERGE_POLICY, repo, b"")
}
