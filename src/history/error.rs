//! What can go wrong with repos, references and commits.

use chrono::{DateTime, Local};

use crate::amount::{Size, bytes};
use crate::fault::{Kind, fault};
use crate::ledger;
use crate::object::{AccessError, BranchName, CommitId, NameError, RepoName, codec};
use crate::{setting, tree};

use super::revision::SyntaxError;

/// A failed operation on history.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// No repo has this name.
    #[error("there is no repo {name}")]
    UnknownRepo { name: RepoName, nearest: Vec<String> },
    /// A repo has this name already.
    #[error("there is a repo {name} already")]
    RepoExists { name: RepoName },
    /// The name does not lead to a commit.
    #[error("{repo} has no branch, tag or commit {rev:?}")]
    UnknownRevision { repo: RepoName, rev: String, nearest: Vec<String> },
    /// The commit was written anew, without what a purge took out.
    #[error("the commit {old:.12} of {repo} was rewritten as {new:.12} by a purge on {}", date(*.time))]
    Rewritten { repo: RepoName, old: CommitId, new: CommitId, time: i64 },
    /// The repo has no commit on the branch that was asked for.
    #[error("{repo} has no commit on {branch} yet")]
    NoCommits { repo: RepoName, branch: String, branches: Vec<String> },
    /// Several commits start with these digits.
    #[error("{rev:?} stands for several commits of {repo}: {}", .candidates.join(", "))]
    Ambiguous { repo: RepoName, rev: String, candidates: Vec<String> },
    /// The revision goes back further than history.
    #[error("{rev} goes back beyond the first commit of {repo}")]
    BeforeFirst { repo: RepoName, rev: String },
    /// The commit does not have so many parents.
    #[error("there is no {rev}: {commit:.12} has {}", parents(*.count))]
    NoParent { repo: RepoName, rev: String, commit: CommitId, count: usize },
    /// The branch was made later than the time that was asked for.
    #[error("{repo}@{branch} did not exist at {time}")]
    NotYet { repo: RepoName, branch: String, time: String },
    /// The branch has not moved so often.
    #[error("{repo}@{branch} has stood on {places} only", places = places(*.stood))]
    NotSoOften { repo: RepoName, branch: String, stood: u32 },
    /// Where it stood then has been collected.
    #[error("where the branch {branch} of {repo} stood then has been collected")]
    Collected { repo: RepoName, branch: String },
    /// A rule took its files.
    #[error("the files of commit {commit:.12} were let go on {time} under the rule {rules}")]
    LetGo { commit: CommitId, time: String, rules: String },
    /// A branch or tag has this name already.
    #[error("{repo} has a {what} {name} already")]
    RefExists { repo: RepoName, what: &'static str, name: String },
    /// No branch or tag has this name.
    #[error("{repo} has no {what} {name}")]
    UnknownRef { repo: RepoName, what: &'static str, name: String, nearest: Vec<String> },
    /// Only a stage writes here.
    #[error("{repo} is the output of a pipeline stage, which alone writes it")]
    StageOutput { repo: RepoName },
    /// The branch moved while the change was made.
    #[error("{repo}@{branch} was moved by another process in the meantime")]
    Moved { repo: RepoName, branch: BranchName },
    /// Another repo has its name now, or another pipeline writes it.
    #[error("the repo {repo} was made anew or reassigned by another process in the meantime")]
    Replaced { repo: RepoName },
    /// The branch would hold more than its repo's quota.
    #[error("{repo}@{branch} would hold {}, and the quota of {repo} is {quota}", bytes(*.holds))]
    OverQuota { repo: RepoName, branch: BranchName, holds: u64, quota: Size },
    /// The text is not a revision.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The text is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The text is not a point in time.
    #[error("{text:?} is not a time")]
    Time { text: String },
    /// A commit record could not be read or written.
    #[error("cannot read commit {id:.12}")]
    Record { id: CommitId, source: codec::Error },
    /// A fact has a form that this release does not know.
    #[error("cannot read the fact about {what}")]
    Fact { what: String, source: codec::Error },
    /// A setting cannot be read.
    #[error(transparent)]
    Setting(#[from] setting::Error),
    /// A tree could not be read.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// The packs failed.
    #[error(transparent)]
    Object(#[from] AccessError),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// The day of a time in milliseconds since 1970, where we are.
fn date(time: i64) -> String {
    let local = DateTime::from_timestamp_millis(time).map(|time| time.with_timezone(&Local));
    local.map_or_else(|| "some day".to_owned(), |time| time.format("%Y-%m-%d").to_string())
}

fn places(count: u32) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}

fn did_you_mean(nearest: &[String], otherwise: &str) -> String {
    if nearest.is_empty() { otherwise.to_owned() } else { format!("did you mean {}?", nearest.join(" or ")) }
}

fn parents(count: usize) -> String {
    if count == 1 { "one parent, it is no merge".to_owned() } else { format!("{count} parents") }
}

fault! {
    Error passes on Setting, Tree, Object, Ledger;
    kind {
        Self::UnknownRepo { .. }
        | Self::UnknownRevision { .. }
        | Self::Rewritten { .. }
        | Self::NoCommits { .. }
        | Self::BeforeFirst { .. }
        | Self::NoParent { .. }
        | Self::NotYet { .. }
        | Self::NotSoOften { .. }
        | Self::Collected { .. }
        | Self::LetGo { .. }
        | Self::UnknownRef { .. } => Kind::NotFound,
        Self::RepoExists { .. }
        | Self::RefExists { .. }
        | Self::Ambiguous { .. }
        | Self::StageOutput { .. }
        | Self::Syntax(_)
        | Self::Name(_)
        | Self::Time { .. } => Kind::Usage,
        Self::OverQuota { .. } => Kind::Refused,
        Self::Moved { .. } | Self::Replaced { .. } => Kind::Busy,
        Self::Record { .. } | Self::Fact { .. } => Kind::Damaged,
    }
    hint {
        Self::UnknownRepo { name, nearest } => {
            Some(did_you_mean(nearest, &format!("`vds repo list` shows what there is; `vds repo create {name}` makes it")))
        }
        Self::RepoExists { name } => Some(format!("`vds repo show {name}` tells about it")),
        Self::UnknownRevision { repo, rev, .. } if rev == "HEAD" => {
            Some(format!("there is no HEAD here: {repo} alone stands for its branch main"))
        }
        Self::UnknownRevision { rev, nearest, .. }
            if nearest.is_empty() && rev.len() < 4 && rev.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            Some("a commit is named by at least four digits of its id".to_owned())
        }
        Self::UnknownRevision { repo, nearest, .. } => {
            Some(did_you_mean(nearest, &format!("`vds branch list {repo}` and `vds log {repo}` show what there is")))
        }
        Self::Rewritten { repo, new, .. } => {
            Some(format!("`vds show {repo}@{new:.12}` shows what became of it; `vds purge --list` tells why"))
        }
        Self::NoCommits { repo, branch, branches } if branches.is_empty() => {
            Some(format!("`vds commit {repo}@{branch} PATH -m MESSAGE` makes the first"))
        }
        Self::NoCommits { branches, .. } => Some(format!("there is {}", branches.join(", "))),
        Self::Ambiguous { .. } => Some("give more digits".to_owned()),
        Self::BeforeFirst { repo, .. } => Some(format!("`vds log {repo}` shows how far it goes")),
        Self::NoParent { repo, commit, .. } => Some(format!("`vds show {repo}@{commit:.12}` tells of it")),
        Self::Collected { .. } => Some("`vds op log` tells what was done; `vds gc --retain ops=TIME` says for how long that can be gone back to".to_owned()),
        Self::LetGo { .. } => Some("`vds log` tells of the commit; of commits that are pinned (`vds pin`) or tagged no rule takes the files".to_owned()),
        Self::NotYet { repo, .. } | Self::NotSoOften { repo, .. } => {
            Some(format!("`vds op log {repo}` shows what was done to it"))
        }
        Self::RefExists { what, .. } => Some(format!("choose another name, or delete the {what} first")),
        Self::UnknownRef { repo, what, nearest, .. } => {
            Some(did_you_mean(nearest, &format!("`vds {what} list {repo}` shows what there is")))
        }
        Self::StageOutput { .. } => Some("commit to the stage's inputs instead; the stage will follow".to_owned()),
        Self::Moved { .. } => Some("try again; nothing of yours was lost, and nothing was changed".to_owned()),
        Self::Replaced { repo } => {
            Some(format!("nothing was changed; `vds repo show {repo}` tells about the one that is there now"))
        }
        Self::OverQuota { repo, .. } => Some(format!(
            "nothing was changed; commit less, or `vds config set quota SIZE --repo {repo}` allows more"
        )),
        Self::Time { .. } => {
            Some("write it like 2024-05-01, \"2024-05-01 14:30\", \"2 hours ago\" (seconds to years), yesterday or \"yesterday 14:30\"".to_owned())
        }
        Self::Syntax(_) => Some("a revision is REPO@REV:PATH, with REV a branch, a tag, a commit id, REV~2, BRANCH@{2 days ago} or BRANCH@{1}".to_owned()),
        Self::Name(_) => None,
        Self::Record { .. } | Self::Fact { .. } => {
            Some("a later vds may have written it; or restore the store from a backup".to_owned())
        }
    }
}
