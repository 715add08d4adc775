//! What a fact is about, read from its key: for those who look at changes that others made.

use super::{RemoteBranch, Repo, branch, keys};
use crate::let_go;
use crate::object::{BranchName, CommitId, RemoteName, RepoName, TagName};

/// What a fact of history is about. Repos are told by their numbers where their names may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The repo of this name.
    Repo(RepoName),
    /// A branch of a repo.
    Branch(u64, BranchName),
    /// A tag of a repo.
    Tag(u64, TagName),
    /// That a commit of a repo is pinned.
    Pin(u64, CommitId),
    /// That a repo has a commit.
    Commit(u64, CommitId),
    /// What the stage that writes a repo made from a commit.
    Derived(u64, CommitId),
    /// The merge into a branch that waits for a person.
    Merge(u64, BranchName),
    /// The rules of a repo's merges.
    MergePolicy(u64),
    /// Another store that this one knows.
    Remote(RemoteName),
    /// A branch of a repo as it was seen in another store.
    RemoteBranch(u64, RemoteBranch),
    /// The number of the next repo.
    NextRepo,
    /// Since when all that operations named is kept.
    KeptSince,
    /// Which commits' files were let go.
    LetGo,
    /// The purge that the operation of this number made.
    Purge(u64),
}

/// Where the open merge into a branch lies.
pub fn merge_key(repo: &Repo, branch: &BranchName) -> Vec<u8> {
    keys::merge(repo.id, branch)
}

/// Where the rules of a repo's merges lie.
pub fn merge_policy_key(repo: &Repo) -> Vec<u8> {
    keys::merge_policy(repo.id)
}

/// Where the stores lie that this one knows.
pub const REMOTES: &[u8] = keys::REMOTE;

/// Where open merges lie, of all repos.
pub const MERGES: &[u8] = keys::MERGE;

/// Where it lies which commits repos have.
pub const COMMITS: &[u8] = keys::COMMIT;

/// Where it lies what was made from which commit.
pub const DERIVED: &[u8] = keys::DERIVED;

/// What the fact at `key` is about, if it is one of history.
pub fn subject(key: &[u8]) -> Option<Subject> {
    if key == keys::NEXT_REPO {
        return Some(Subject::NextRepo);
    }
    if key == keys::KEPT_SINCE {
        return Some(Subject::KeptSince);
    }
    if key == let_go::KEY {
        return Some(Subject::LetGo);
    }
    if let Some(number) = key.strip_prefix(keys::PURGE) {
        return Some(Subject::Purge(u64::from_be_bytes(number.try_into().ok()?)));
    }
    if let Some(name) = key.strip_prefix(keys::REPOS) {
        return Some(Subject::Repo(std::str::from_utf8(name).ok()?.parse().ok()?));
    }
    let of_repo = |kind: &[u8]| {
        let (number, rest) = key.strip_prefix(kind)?.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*number), rest))
    };
    let name = |bytes: &[u8]| Some(std::str::from_utf8(bytes).ok()?.to_owned());
    if let Some((repo, rest)) = of_repo(keys::BRANCH) {
        return Some(Subject::Branch(repo, name(rest)?.parse().ok()?));
    }
    if let Some((repo, rest)) = of_repo(keys::TAG) {
        return Some(Subject::Tag(repo, name(rest)?.parse().ok()?));
    }
    if let Some((repo, rest)) = of_repo(keys::PIN) {
        return Some(Subject::Pin(repo, branch::commit_id(rest)?));
    }
    if let Some((repo, rest)) = of_repo(keys::COMMIT) {
        return Some(Subject::Commit(repo, branch::commit_id(rest)?));
    }
    if let Some((repo, rest)) = of_repo(keys::MERGE) {
        return Some(Subject::Merge(repo, name(rest)?.parse().ok()?));
    }
    if let Some((repo, _)) = of_repo(keys::MERGE_POLICY) {
        return Some(Subject::MergePolicy(repo));
    }
    if let Some(rest) = key.strip_prefix(keys::REMOTE) {
        return Some(Subject::Remote(name(rest)?.parse().ok()?));
    }
    if let Some((repo, rest)) = of_repo(keys::REMOTE_BRANCH) {
        return Some(Subject::RemoteBranch(repo, name(rest)?.parse().ok()?));
    }
    let (repo, rest) = of_repo(keys::DERIVED)?;
    Some(Subject::Derived(repo, branch::commit_id(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_tells_what_its_fact_is_about() {
        let (name, id) = ("desk/ticks".parse::<RepoName>().unwrap(), CommitId::of(b"x"));
        let (branch, tag) = ("feature/x".parse::<BranchName>().unwrap(), "v1".parse::<TagName>().unwrap());
        for (key, want) in [
            (keys::NEXT_REPO.to_vec(), Some(Subject::NextRepo)),
            (keys::KEPT_SINCE.to_vec(), Some(Subject::KeptSince)),
            (let_go::KEY.to_vec(), Some(Subject::LetGo)),
            (keys::purge(7), Some(Subject::Purge(7))),
            (keys::repo(&name), Some(Subject::Repo(name.clone()))),
            (keys::branch(7, &branch), Some(Subject::Branch(7, branch.clone()))),
            (keys::tag(7, &tag), Some(Subject::Tag(7, tag.clone()))),
            (keys::pin(7, &id), Some(Subject::Pin(7, id))),
            (keys::commit(7, &id), Some(Subject::Commit(7, id))),
            (keys::derived(7, &id), Some(Subject::Derived(7, id))),
            (keys::merge(7, &branch), Some(Subject::Merge(7, branch.clone()))),
            (keys::merge_policy(7), Some(Subject::MergePolicy(7))),
            (b"remote/origin".to_vec(), Some(Subject::Remote("origin".parse().unwrap()))),
            (
                [keys::remote_branches(7), b"origin/main".to_vec()].concat(),
                Some(Subject::RemoteBranch(7, "origin/main".parse().unwrap())),
            ),
            (b"branch/short".to_vec(), None),
            (b"job/12345678".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(subject(&key), want, "{}", key.escape_ascii());
        }
    }
}
