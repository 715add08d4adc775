//! What a spec says of its input, as a pipeline file says it.

use toml::{Table, Value};

use super::clock;
use super::family::{Family, Key, Origin, branch};
use super::keys::{self, check};
use super::node::{Mistake, Node};
use super::notes::{Notes, Topic};
use crate::pipeline::pattern::{PathPattern, Source};

/// How inputs are nested at most; deeper than anybody means it, and far from what a stack holds.
const DEEPEST: usize = 32;

/// Reads the inputs of the pipelines of a file.
pub(super) struct Reader<'a> {
    pub(super) family: &'a Family,
    /// The project of the pipeline.
    pub(super) project: &'a str,
    /// The vds pipeline that all of them become.
    pub(super) pipeline: &'a str,
}

impl Reader<'_> {
    /// What is read, as the value of `input`.
    pub(super) fn input(&self, input: &Node<'_>, depth: usize, notes: &mut Notes) -> Result<Value, Mistake> {
        check(input, keys::INPUT, notes)?;
        if depth > DEEPEST {
            return Err(input.wrong(format!("inputs are nested deeper than {DEEPEST}")));
        }
        let forms = ["pfs", "cron", "cross", "union", "join", "group"];
        let mut said: Vec<(&str, Node<'_>)> =
            forms.into_iter().filter_map(|form| Some((form, input.get(form)?))).collect();
        let (Some((form, below)), true) = (said.pop(), said.is_empty()) else {
            return Err(
                input.wrong("expected exactly one of `pfs`, `cron`, `cross`, `union`, `join` and `group`")
            );
        };
        if form == "cron" {
            return clock::cron(&below, notes);
        }
        if form == "pfs" {
            return self.source(&below, notes);
        }
        let parts = below.items()?;
        let is_flat = |part: &Node<'_>| part.get("pfs").is_some();
        if let Some(part) = parts.iter().find(|part| matches!(form, "join" | "group") && !is_flat(part)) {
            return Err(part.wrong(format!(
                "the inputs of a `{form}` are sources here; let a pipeline of its own put others together first"
            )));
        }
        let parts = parts.iter().map(|part| self.input(part, depth + 1, notes));
        let parts: Vec<Value> = parts.collect::<Result<_, _>>()?;
        Ok(Value::Table(Table::from_iter([(form.to_owned(), Value::Array(parts))])))
    }

    fn source(&self, pfs: &Node<'_>, notes: &mut Notes) -> Result<Value, Mistake> {
        check(pfs, keys::PFS, notes)?;
        let key = Key::read_by(pfs, self.project)?;
        let name = pfs.get("name").map_or(Ok(key.name.as_str()), |name| name.text())?;
        let trigger = pfs.get("trigger").map(|said| clock::trigger(&said, notes)).transpose()?;
        let said = branch(pfs)?;
        if pfs.get("branch").is_some_and(|branch| branch.text().is_ok_and(|branch| branch == "master")) {
            notes.add(Topic::Master, &key.name);
        }
        if let Some(kind) = pfs.get("repo_type").filter(|kind| !kind.text().is_ok_and(|kind| kind == "user"))
        {
            return Err(kind.wrong("only repos of the type `user` can be read"));
        }
        let repo = match self.family.origin(&key) {
            Origin::Stage(stage) => format!("{}/{stage}", self.pipeline),
            Origin::Repo(repo) => repo,
        };
        let from = format!("{repo}@{}:{}", self.family.branch(&key, said), glob(pfs)?);
        from.parse::<Source>().map_err(|error| pfs.wrong(error.to_string()))?;
        let mut table = Table::new();
        table.insert("name".to_owned(), name.into());
        table.insert("from".to_owned(), from.into());
        for key in ["join_on", "group_by"] {
            if let Some(text) = pfs.get(key) {
                table.insert(key.to_owned(), text.text()?.into());
            }
        }
        for key in ["outer_join", "empty_files"] {
            if let Some(flag) = pfs.get(key) {
                table.insert(key.to_owned(), flag.flag()?.into());
            }
        }
        // Of files without content, nothing is left to be lazy with.
        let is_empty = table.get("empty_files").and_then(Value::as_bool) == Some(true);
        if let Some(flag) = pfs.get("lazy")
            && flag.flag()?
            && !is_empty
        {
            table.insert("lazy".to_owned(), true.into());
        }
        table.extend(trigger.map(|trigger| ("trigger".to_owned(), trigger)));
        Ok(Value::Table(table))
    }
}

/// The glob, which begins with a slash here and ends with none.
fn glob(pfs: &Node<'_>) -> Result<String, Mistake> {
    let glob = pfs.get("glob").ok_or_else(|| pfs.wrong("it needs a `glob`"))?;
    let text = glob.text()?;
    let slash = if text.starts_with('/') { "" } else { "/" };
    let text = format!("{slash}{text}");
    let text = match text.trim_end_matches('/') {
        "" => "/",
        inner => inner,
    };
    text.parse::<PathPattern>().map_err(|reason| glob.wrong(reason))?;
    Ok(text.to_owned())
}
