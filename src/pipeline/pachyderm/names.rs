//! Keys as Pachyderm 2 spells them in its documentation: from camelCase, from the names of 1.x, from what `pachctl inspect` prints.

use serde_json::{Map, Value};

use super::node::Mistake;

/// When a spec was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// For Pachyderm 1.x.
    One,
    /// For Pachyderm 2.
    Two,
}

/// A document whose keys have today's names.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) era: Era,
}

/// The keys under which names are the user's own.
const OPEN: [&str; 7] =
    ["annotations", "env", "labels", "metadata", "node_selector", "pod_patch", "pod_spec"];

/// The keys that only 1.x knew.
const OLD: [&str; 8] = [
    "atom",
    "cache_size",
    "chunk_spec",
    "enable_stats",
    "from_commit",
    "hashtree_spec",
    "max_queue_size",
    "standby",
];

/// Whether it is a pipeline spec of Pachyderm.
pub(super) fn is_spec(document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some();
    let named = document.get("pipeline").and_then(|pipeline| pipeline.get("name")).is_some();
    named && (has("transform") || has("input") || has("details"))
}

/// The document with today's names.
pub(super) fn modern(document: Value) -> Result<Document, Mistake> {
    let mut era = Era::Two;
    let mut value = renamed(document, "", &mut era)?;
    // `pachctl inspect pipeline --raw` prints most of a spec as its details.
    if let Some(map) = value.as_object_mut()
        && let Some(Value::Object(details)) = map.remove("details")
    {
        for (key, value) in details {
            map.entry(key).or_insert(value);
        }
    }
    Ok(Document { value, era })
}

fn renamed(value: Value, path: &str, era: &mut Era) -> Result<Value, Mistake> {
    match value {
        Value::Object(map) => {
            let mut new = Map::new();
            for (key, value) in map {
                let name = snake(&key);
                if OLD.contains(&name.as_str()) {
                    *era = Era::One;
                }
                let name = if name == "atom" { "pfs".to_owned() } else { name };
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let value = if OPEN.contains(&name.as_str()) { value } else { renamed(value, &below, era)? };
                if new.insert(name, value).is_some() {
                    return Err(Mistake { path: below, message: "this is said twice".to_owned() });
                }
            }
            Ok(Value::Object(new))
        }
        Value::Array(list) => {
            let item = |(at, item)| renamed(item, &format!("{path}[{at}]"), era);
            Ok(Value::Array(list.into_iter().enumerate().map(item).collect::<Result<_, _>>()?))
        }
        other => Ok(other),
    }
}

/// `datumTries` as `datum_tries`.
fn snake(key: &str) -> String {
    let mut name = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}
