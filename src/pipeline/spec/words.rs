//! What the parser of a pipeline file says, in the words of the person who wrote the file.

/// What the parser says of a value without quotes, and also when there is no value at all.
const UNQUOTED: &str = "string values must be quoted, expected literal string";

/// The parser's message about the file's text that begins with `rest`.
pub(super) fn plain(message: &str, rest: &str) -> String {
    let message = message.trim_end().replace('\n', ", ");
    if message == UNQUOTED || message.starts_with("invalid boolean") {
        let line = rest.lines().next().unwrap_or_default().trim_start();
        let is_missing = line.is_empty() || line.starts_with('#');
        let what = if is_missing { "there is no value" } else { "a text stands in quotes" };
        return format!("{what}; expected such as \"text\", 5, true or [\"one\", \"two\"]");
    }
    let mismatch = ["invalid type: ", "invalid value: "].iter().find_map(|start| message.strip_prefix(start));
    if let Some((found, expected)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) {
        return format!("expected {}, not {}", kind(expected), value(found));
    }
    match message.as_str() {
        "wanted string or table" => "expected a text".to_owned(),
        "invalid basic string, expected `\"`" => "a text does not end; expected `\"`".to_owned(),
        other => other.replace("unknown variant `", "unknown value `"),
    }
}

/// What was expected.
fn kind(expected: &str) -> &str {
    match expected {
        "usize" | "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more",
        "isize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" | "variant identifier" => "a text",
        "a sequence" => "a list",
        "a map" | "map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") => "a text",
        other => other,
    }
}

/// What was found.
fn value(found: &str) -> String {
    let inner = |start: &str| found.strip_prefix(start).map(|inner| inner.replace('`', ""));
    match found {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => inner("string ")
            .map(|text| format!("the text {text}"))
            .or_else(|| {
                inner("integer ").or_else(|| inner("floating point ")).map(|n| format!("the number {n}"))
            })
            .or_else(|| inner("boolean "))
            .unwrap_or_else(|| found.to_owned()),
    }
}
