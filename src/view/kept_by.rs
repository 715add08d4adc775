//! Who keeps something, as outsiders see it.

use std::fmt;

use serde::Serialize;

use super::text::line;
use crate::gc::Keeper;
use crate::pack::Stock;

/// What somebody keeps alone, and would be collected otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct KeptBy {
    /// `branch`, `tag`, `pins`, `seen` (branches of remotes), `merge` (open ones), `results`, `repo` (all of these of one repo), `jobs`, `pipelines`, `workspaces`,
    /// `rules` (what is known of files that were let go) or `operations` (that can be undone).
    pub what: &'static str,
    /// The repo, if it is of one.
    pub repo: Option<String>,
    /// The name of the branch or tag.
    pub name: Option<String>,
    /// How many objects.
    pub objects: u64,
    /// Their bytes as stored.
    pub bytes: u64,
}

impl From<&(Keeper, Stock)> for KeptBy {
    fn from((keeper, stock): &(Keeper, Stock)) -> Self {
        let (what, repo, name) = match keeper.clone() {
            Keeper::Branch(repo, name) => ("branch", Some(repo), Some(name)),
            Keeper::Tag(repo, name) => ("tag", Some(repo), Some(name)),
            Keeper::Merge(repo, name) => ("merge", Some(repo), Some(name)),
            Keeper::Pins(repo) => ("pins", Some(repo), None),
            Keeper::Seen(repo) => ("seen", Some(repo), None),
            Keeper::Results(repo) => ("results", Some(repo), None),
            Keeper::Repo(repo) => ("repo", Some(repo), None),
            Keeper::Jobs => ("jobs", None, None),
            Keeper::Pipelines => ("pipelines", None, None),
            Keeper::Workspaces => ("workspaces", None, None),
            Keeper::Rules => ("rules", None, None),
            Keeper::Purges => ("purges", None, None),
            Keeper::Operations => ("operations", None, None),
        };
        Self { what, repo, name, objects: stock.objects, bytes: stock.stored }
    }
}

impl fmt::Display for KeptBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repo = self.repo.as_deref().map(line).unwrap_or_default();
        let name = self.name.as_deref().map(line).unwrap_or_default();
        match self.what {
            "branch" => write!(f, "branch {repo}@{name}"),
            "tag" => write!(f, "tag {repo}@{name}"),
            "merge" => write!(f, "the open merge into {repo}@{name}"),
            "pins" => write!(f, "pins of {repo}"),
            "seen" => write!(f, "branches of {repo} seen in other stores"),
            "results" => write!(f, "the results of {repo}"),
            "repo" => write!(f, "repo {repo}"),
            "rules" => f.write_str("the list of files that were let go"),
            "purges" => f.write_str("the records of purges"),
            "operations" => f.write_str("operations that can be undone"),
            other => f.write_str(other),
        }
    }
}
