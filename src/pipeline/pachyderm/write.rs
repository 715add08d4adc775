//! A pipeline file, written so that a person likes to read it.

use toml::Value;

use crate::object::StageName;

/// The longest list that stays on one line, in characters.
const WIDTH: usize = 80;

/// A table `[stage.NAME]`.
pub(super) fn stage(name: &StageName, keys: &[(&str, Value)]) -> String {
    let mut text = format!("[stage.{}]\n", key(name.as_str()));
    for (name, value) in keys {
        text += &format!("{name} = {}\n", pretty(value, 0));
    }
    text
}

/// A line of comment for each line of the text.
pub(super) fn comment(text: &str) -> String {
    let clean = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>();
    text.lines().map(|line| format!("# {}", clean(line)).trim_end().to_owned() + "\n").collect()
}

/// A key, in quotes if it needs them.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// A value, whose long lists have a line for each item.
fn pretty(value: &Value, depth: usize) -> String {
    let flat = value.to_string();
    match value {
        Value::Table(table) if flat.len() > WIDTH => {
            let one = |(name, value): (&String, &Value)| format!("{} = {}", key(name), pretty(value, depth));
            format!("{{ {} }}", table.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) if flat.len() > WIDTH => {
            let indent = "  ".repeat(depth);
            let one = |value: &Value| format!("{indent}  {},\n", pretty(value, depth + 1));
            format!("[\n{}{indent}]", list.iter().map(one).collect::<String>())
        }
        _ => flat,
    }
}
