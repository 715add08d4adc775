//! What a spec says of time and triggers, as a pipeline file says it.

use toml::{Table, Value};

use super::amounts;
use super::keys::{self, check};
use super::node::{Mistake, Node};
use super::notes::Notes;
use crate::pipeline::condition::Schedule;

fn table<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Table>())
}

fn schedule(said: &Node<'_>) -> Result<Value, Mistake> {
    let text = said.text()?;
    Schedule::new(text, None).map_err(|why| said.wrong(why))?;
    Ok(text.into())
}

/// A `cron`, as a value of `input`.
pub(super) fn cron(said: &Node<'_>, notes: &mut Notes) -> Result<Value, Mistake> {
    check(said, keys::CRON, notes)?;
    let name = said.get("name").ok_or_else(|| said.wrong("it needs a `name`"))?;
    let spec = said.get("spec").ok_or_else(|| said.wrong("it needs a `spec`"))?;
    let mut pairs = vec![("name", name.text()?.into()), ("cron", schedule(&spec)?)];
    if let Some(start) = said.get("start") {
        pairs.push(("start", start.text()?.into()));
    }
    if let Some(overwrite) = said.get("overwrite") {
        pairs.push(("overwrite", overwrite.flag()?.into()));
    }
    Ok(table(pairs))
}

/// A `trigger` of an input, as the value of `trigger`; on which branch it waits is not told. One of its conditions is enough, unless it says `all`.
pub(super) fn trigger(said: &Node<'_>, notes: &mut Notes) -> Result<Value, Mistake> {
    check(said, keys::TRIGGER, notes)?;
    let mut conditions = Vec::new();
    if let Some(commits) = said.get("commits") {
        conditions.push(table([("commits", commits.whole()?.into())]));
    }
    if let Some(size) = said.get("size") {
        let text = amounts::size(&size.amount()?).map_err(|why| size.wrong(why))?;
        conditions.push(table([("size", text.into())]));
    }
    for key in ["cron_spec", "rate_limit_spec"] {
        if let Some(spec) = said.get(key) {
            conditions.push(table([("cron", schedule(&spec)?)]));
        }
    }
    let is_all = said.get("all").map(|all| all.flag()).transpose()?.unwrap_or(false);
    Ok(match (conditions.len(), is_all) {
        (0, _) => table([("commits", 1.into())]),
        (1, _) => conditions.remove(0),
        (_, true) => table([("all", Value::Array(conditions))]),
        (_, false) => table([("any", Value::Array(conditions))]),
    })
}
