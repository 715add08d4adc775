//! From text to documents: JSON or YAML, one or several, in a list, one after another, or with `---` between them.

use serde::Deserialize;
use serde_json::Value;

/// Why a text is neither JSON nor YAML.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// The number of the part between two `---` in which it is, counted from 1.
    pub(super) part: usize,
    pub(super) message: String,
}

/// Part of a text, and the number of lines before it.
struct Part {
    text: String,
    line: usize,
}

/// The documents of the text.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, Unreadable> {
    let mut documents = Vec::new();
    for (at, part) in parts(text).iter().enumerate() {
        let found = read(part).map_err(|message| Unreadable { part: at + 1, message })?;
        documents.extend(found.into_iter().flat_map(flat).filter(|document| !document.is_null()));
    }
    Ok(documents)
}

/// The text, cut at the lines that begin a new document.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = vec![Part { text: String::new(), line: 0 }];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let rest = line.strip_prefix("---").map(str::trim);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#')) {
            parts.push(Part { text: String::new(), line: number + 1 });
        } else if let Some(part) = parts.last_mut() {
            part.text.push_str(line);
        }
    }
    parts.retain(|part| !part.text.trim().is_empty());
    parts
}

/// What a part says, by whichever of the two languages it is in.
fn read(part: &Part) -> Result<Vec<Value>, String> {
    let json: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&part.text).into_iter().collect();
    let wrong = match json {
        Ok(documents) => return Ok(documents),
        Err(wrong) => wrong,
    };
    match serde_saphyr::from_multiple::<Yaml>(&part.text) {
        Ok(documents) => Ok(documents.into_iter().map(|Yaml(value)| value).collect()),
        Err(_) if part.text.trim_start().starts_with(['{', '[']) => {
            let message = wrong.to_string();
            let place = format!(" at line {} column {}", wrong.line(), wrong.column());
            let what = message.strip_suffix(&place).unwrap_or(&message);
            Err(format!("line {}, column {}: {what}", part.line + wrong.line(), wrong.column()))
        }
        Err(error) => Err(told(&error, part.line)),
    }
}

/// What is wrong with a YAML text, and where; so many lines are before it in the file.
fn told(error: &serde_saphyr::Error, before: usize) -> String {
    let error = error.without_snippet();
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let what = message.lines().next().unwrap_or_default();
    let Some(place) = error.location() else { return what.to_owned() };
    let (line, column) = (place.line(), place.column());
    let what = what.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(what);
    format!("line {}, column {column}: {what}", before as u64 + line)
}

/// A value of YAML, which is one of JSON too.
#[derive(Deserialize)]
#[serde(transparent)]
struct Yaml(Value);

/// The documents in a list, or the one that is none.
fn flat(document: Value) -> Vec<Value> {
    match document {
        Value::Array(list) => list,
        other => vec![other],
    }
}
