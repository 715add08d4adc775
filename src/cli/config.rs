//! `vds config`.

use serde_json::{Value, json};

use super::answer::document;
use super::context::{Answer, Context, Made};
use crate::config::{self, Changed, Setting};
use crate::object::RepoName;
use crate::pack::Disk;
use crate::setting::Key;
use crate::store::Store;
use crate::view;

/// Show and change the settings of the store and of its repos
///
/// auto-gc (of the store): whether commands put the small packs of many commits together, on or off.
///
/// quota (of a repo): how many bytes the files of a branch may have together, such as 500MB or 2GiB; what would bring a branch above
/// it is refused.
///
/// reserve (of the store): how much of the store's disk is kept free, such as 2GiB, or 5% of the disk; when less is free, nothing new is
/// stored.
///
/// retain (of the store): the rules of what `vds gc` keeps, with spaces between; `vds gc --help` tells of them.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Show a setting
    #[command(
        after_help = "Examples:\n  vds config get reserve\n  vds config get quota --repo ticks --quiet"
    )]
    Get {
        /// Which
        key: Key,
        /// The repo whose setting it is
        #[arg(long, value_name = "REPO")]
        repo: Option<RepoName>,
    },
    /// Change a setting
    #[command(
        after_help = "Examples:\n  vds config set reserve 5%\n  vds config set quota 200GiB --repo ticks\n  vds config set retain 'ops=30d scratch/*@*:keep-last=3'"
    )]
    Set {
        /// Which
        key: Key,
        /// What it is to be
        value: String,
        /// The repo whose setting it is
        #[arg(long, value_name = "REPO")]
        repo: Option<RepoName>,
    },
    /// Let the default of a setting count again
    #[command(after_help = "Example:\n  vds config unset quota --repo ticks")]
    Unset {
        /// Which
        key: Key,
        /// The repo whose setting it is
        #[arg(long, value_name = "REPO")]
        repo: Option<RepoName>,
    },
    /// List the settings of the store, and those that are set of repos; or all of one repo
    #[command(after_help = "Examples:\n  vds config list\n  vds config list --repo ticks")]
    List {
        /// The repo whose settings to list
        #[arg(long, value_name = "REPO")]
        repo: Option<RepoName>,
    },
}

fn shape(setting: &Setting) -> Value {
    let Setting { key, repo, value } = setting;
    let (key, default, meaning) = (key.name(), key.default(), key.meaning());
    json!({ "key": key, "repo": repo, "value": value, "default": default, "meaning": meaning })
}

/// What counts.
fn current(Setting { key, value, .. }: &Setting) -> String {
    match value {
        Some(value) => format!("{}\n", view::line(value)),
        None => format!("{} (default)\n", key.default()),
    }
}

fn line(setting: &Setting) -> String {
    let of = setting.repo.as_ref().map(|repo| format!(" of {repo}")).unwrap_or_default();
    format!("{}{of}  {}", setting.key, current(setting))
}

fn bare(setting: &Setting) -> String {
    setting.value.as_ref().map(|value| format!("{value}\n")).unwrap_or_default()
}

pub(super) fn run(verb: Verb, cx: &Context) -> Answer {
    let store = cx.store()?;
    match verb {
        Verb::Get { key, repo } => {
            let setting = config::get(&store.session()?, key, repo.as_ref())?;
            cx.say(&shape(&setting), || current(&setting), || bare(&setting))
        }
        Verb::Set { key, value, repo } => {
            tell(cx, &store, &config::set(&store, &cx.author, key, repo.as_ref(), Some(&value))?)
        }
        Verb::Unset { key, repo } => {
            tell(cx, &store, &config::set(&store, &cx.author, key, repo.as_ref(), None)?)
        }
        Verb::List { repo } => {
            let all = config::list(&store.session()?, repo.as_ref())?;
            let shapes: Vec<Value> = all.iter().map(shape).collect();
            let names = || all.iter().map(|setting| format!("{}\n", setting.key)).collect();
            cx.say(&json!({ "settings": shapes }), || all.iter().map(line).collect(), names)
        }
    }
}

fn tell(cx: &Context, store: &Store, changed: &Changed) -> Answer {
    let Changed { setting, before, operation } = changed;
    let mut document = document(&shape(setting));
    if let Some(fields) = document.as_object_mut() {
        fields.insert("before".to_owned(), json!(before));
    }
    if let (Key::Reserve, Some(_)) = (setting.key, operation) {
        // A session tells the store what is kept free now.
        drop(store.session()?);
        note_full(cx, store);
    }
    let (text, quiet) = (line(setting), bare(setting));
    cx.changed(Made { document, text, quiet, done: "the setting is changed", operation: *operation })
}

/// Says so when no more is free than is to be kept free.
fn note_full(cx: &Context, store: &Store) {
    if let Some(Disk { free, reserve, .. }) = store.disk()
        && free < reserve
    {
        let (free, reserve) = (view::bytes(free), view::bytes(reserve));
        cx.note(&format!(
            "note: {free} are free, and {reserve} are kept free: nothing new is stored until there is more"
        ));
    }
}
