//! The settings of a store and its repos: looked up, listed, and each changed by an operation of its own.

use crate::fault::{Kind, fault};
use crate::history::{self, Author};
use crate::ledger::{self, Outcome, Session};
use crate::meta::Batch;
use crate::object::RepoName;
use crate::setting::{self, Key, Scope, Whose};
use crate::store::Store;

/// A setting that cannot be looked up or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// Each repo has its own.
    #[error("{key} is a setting of a repo")]
    OfRepo { key: Key },
    /// There is one for all.
    #[error("{key} is a setting of the store")]
    OfStore { key: Key },
    /// Others kept changing it.
    #[error("{key} was changed by another process in the meantime")]
    Contended { key: Key },
    /// The setting failed.
    #[error(transparent)]
    Setting(#[from] setting::Error),
    /// The repo failed.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The facts failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

fault! {
    Error passes on Setting, History, Ledger;
    kind {
        Self::OfRepo { .. } | Self::OfStore { .. } => Kind::Usage,
        Self::Contended { .. } => Kind::Busy,
    }
    hint {
        Self::OfRepo { .. } => Some("say of which: --repo REPO".to_owned()),
        Self::OfStore { .. } => Some("leave --repo away".to_owned()),
        Self::Contended { .. } => Some("try again; nothing was changed".to_owned()),
    }
}

/// A setting, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which.
    pub key: Key,
    /// The repo whose it is, if it is not the store's.
    pub repo: Option<RepoName>,
    /// What it is set to; `None` where its default counts.
    pub value: Option<String>,
}

/// A setting that was changed, or is what it should be already.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The setting as it is now.
    pub setting: Setting,
    /// What it was set to.
    pub before: Option<String>,
    /// The operation that changed it, if one had to.
    pub operation: Option<u64>,
}

/// The setting `key` of the store, or of `repo`.
pub fn get(facts: &Session, key: Key, repo: Option<&RepoName>) -> Result<Setting, Error> {
    let whose = whose(facts, key, repo)?;
    Ok(Setting { key, repo: repo.cloned(), value: setting::find(facts, whose, key)? })
}

/// All settings of `repo`; or all of the store, and those that are set of repos.
pub fn list(facts: &Session, repo: Option<&RepoName>) -> Result<Vec<Setting>, Error> {
    let of = |scope: Scope| Key::ALL.into_iter().filter(move |key| key.scope() == scope);
    if repo.is_some() {
        return of(Scope::Repo).map(|key| get(facts, key, repo)).collect();
    }
    let mut all = of(Scope::Store).map(|key| get(facts, key, None)).collect::<Result<Vec<_>, _>>()?;
    for repo in history::list(facts)? {
        for key in of(Scope::Repo) {
            let value = setting::find(facts, Whose::Repo(repo.id), key)?;
            all.extend(value.map(|value| Setting { key, repo: Some(repo.name.clone()), value: Some(value) }));
        }
    }
    Ok(all)
}

/// Sets `key` of the store, or of `repo`, to `value`; with `None` its default counts again.
pub fn set(
    store: &Store,
    author: &Author,
    key: Key,
    repo: Option<&RepoName>,
    value: Option<&str>,
) -> Result<Changed, Error> {
    let value = value.map(|value| key.canonical(value)).transpose()?;
    let mut facts = store.session()?;
    let before = get(&facts, key, repo)?.value;
    let setting = Setting { key, repo: repo.cloned(), value };
    if before == setting.value {
        return Ok(Changed { setting, before, operation: None });
    }
    let mut batch = Batch::default();
    setting::put(&facts, &mut batch, whose(&facts, key, repo)?, key, setting.value.as_deref())?;
    match facts.commit(&author.now(), &batch)? {
        Outcome::Done { number } => Ok(Changed { setting, before, operation: Some(number) }),
        Outcome::Stale { .. } => Err(Error::Contended { key }),
    }
}

fn whose(facts: &Session, key: Key, repo: Option<&RepoName>) -> Result<Whose, Error> {
    match (key.scope(), repo) {
        (Scope::Store, None) => Ok(Whose::Store),
        (Scope::Repo, Some(name)) => Ok(Whose::Repo(history::load_repo(facts, name)?.id)),
        (Scope::Store, Some(_)) => Err(Error::OfStore { key }),
        (Scope::Repo, None) => Err(Error::OfRepo { key }),
    }
}
