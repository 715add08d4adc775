//! Three versions of a JSON document, brought together value by value.
//!
//! Objects are merged key by key, in our order, with what the other side added after them. Anything else, arrays too, is one
//! value. Numbers and strings stay as they were written (RFC 8259 leaves their precision to the reader); the layout is ours.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::three::{Joined, Three, Unreadable};

/// The deepest nesting, as in `serde_json`.
const DEEPEST: usize = 128;

/// A value: an object, in the order of its keys, or anything else as it was written.
#[derive(Debug, Clone)]
enum Value {
    Object(Vec<(String, Self)>),
    Other(Box<RawValue>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len() && {
                    let b: BTreeMap<&str, &Self> =
                        b.iter().map(|(key, value)| (key.as_str(), value)).collect();
                    a.iter().all(|(key, value)| b.get(key.as_str()) == Some(&value))
                }
            }
            // By what is written: as numbers, 1.10 and 1.1 are the same, and so are many that differ in their last digit.
            (Self::Other(a), Self::Other(b)) => a.get() == b.get() || compact(a.get()) == compact(b.get()),
            _ => false,
        }
    }
}

/// A value without the white space between its parts.
fn compact(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let matters = |c: &char| {
        let kept = quoted || !c.is_ascii_whitespace();
        quoted ^= *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        kept
    };
    text.chars().filter(matters).collect()
}

/// The keys of one object, each with its value as it was written.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Read)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Other(raw) => raw.serialize(to),
            Self::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

fn parse(raw: &RawValue, pointer: &str, depth: usize) -> Result<Value, String> {
    if !raw.get().starts_with('{') {
        return Ok(Value::Other(raw.to_owned()));
    }
    if depth == DEEPEST {
        return Err(format!("it is nested deeper than {DEEPEST} levels"));
    }
    let Members(members) = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    let mut seen = std::collections::BTreeSet::new();
    let mut values = Vec::with_capacity(members.len());
    for (key, raw) in members {
        let inside = below(pointer, &key);
        if !seen.insert(key.clone()) {
            return Err(format!("it has {inside} twice"));
        }
        let value = parse(&raw, &inside, depth + 1)?;
        values.push((key, value));
    }
    Ok(Value::Object(values))
}

/// The pointer to a member (RFC 6901).
fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn read(bytes: &[u8]) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    parse(raw, "", 0)
}

/// The three versions as one. An empty common ancestor is none.
pub(super) fn merge(three: Three<'_>) -> Result<Joined, Unreadable> {
    let read = |version, bytes| read(bytes).map_err(|reason| Unreadable { version, reason });
    let base = if three.base.is_empty() { None } else { Some(read("base", three.base)?) };
    let (ours, theirs) = (read("ours", three.ours)?, read("theirs", three.theirs)?);
    let mut conflicts = Vec::new();
    let merged = join(base.as_ref(), Some(&ours), Some(&theirs), "", &mut conflicts);
    let bytes = write(&merged.unwrap_or(ours), three.ours);
    bytes
        .map(|bytes| Joined { bytes, conflicts })
        .map_err(|error| Unreadable { version: "ours", reason: error.to_string() })
}

fn join(
    base: Option<&Value>,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    pointer: &str,
    conflicts: &mut Vec<String>,
) -> Option<Value> {
    if ours == theirs || theirs == base {
        return ours.cloned();
    }
    if ours == base {
        return theirs.cloned();
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (ours, theirs) {
        let c = if let Some(Value::Object(members)) = base { members.as_slice() } else { &[] };
        return Some(Value::Object(members(c, a, b, pointer, conflicts)));
    }
    let show = |value: Option<&Value>| match value {
        None => "absent".to_owned(),
        Some(value) => serde_json::to_string(value).unwrap_or_default(),
    };
    let place = if pointer.is_empty() { "the document" } else { pointer };
    conflicts.push(format!("{place}: base {}, ours {}, theirs {}", show(base), show(ours), show(theirs)));
    ours.cloned()
}

type Member = (String, Value);

fn members(
    base: &[Member],
    ours: &[Member],
    theirs: &[Member],
    pointer: &str,
    conflicts: &mut Vec<String>,
) -> Vec<Member> {
    let map = |members: &'_ [Member]| -> BTreeMap<String, Value> { members.iter().cloned().collect() };
    let (b, o, t) = (map(base), map(ours), map(theirs));
    let added = theirs.iter().filter(|(key, _)| !o.contains_key(key));
    let keys = ours.iter().chain(added).map(|(key, _)| key);
    let mut merged = Vec::new();
    for key in keys {
        let value = join(b.get(key), o.get(key), t.get(key), &below(pointer, key), conflicts);
        merged.extend(value.map(|value| (key.clone(), value)));
    }
    merged
}

/// Writes the document in the layout of `like`: on one line, or indented as its second line is.
fn write(value: &Value, like: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut lines = like.split(|byte| *byte == b'\n').skip(1);
    let second = lines.next().filter(|line| !line.is_empty());
    let indent: Option<Vec<u8>> =
        second.map(|line| line.iter().copied().take_while(|byte| matches!(byte, b' ' | b'\t')).collect());
    let mut bytes = Vec::new();
    match indent {
        None => value.serialize(&mut serde_json::Serializer::new(&mut bytes))?,
        Some(indent) => {
            let layout = serde_json::ser::PrettyFormatter::with_indent(&indent);
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, layout))?;
        }
    }
    if like.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, ours: &str, theirs: &str, want: &str, conflicts: &[&str]) {
        let three = Three { base: base.as_bytes(), ours: ours.as_bytes(), theirs: theirs.as_bytes() };
        let Joined { bytes, conflicts: got } = merge(three).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
        assert_eq!(got, conflicts);
    }

    #[test]
    fn objects_go_together_key_by_key() {
        check(
            r#"{"a":1,"b":2}"#,
            r#"{"a":5,"b":2}"#,
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"a":5,"b":2,"c":3}"#,
            &[],
        );
        check(
            r#"{"a":{"x":1,"y":2}}"#,
            r#"{"a":{"x":2,"y":2}}"#,
            r#"{"a":{"x":1}}"#,
            r#"{"a":{"x":2}}"#,
            &[],
        );
        check("", r#"{"a":1}"#, r#"{"b":[1,2]}"#, r#"{"a":1,"b":[1,2]}"#, &[]);
        check(r#"{"b":1,"a":2}"#, r#"{"b":1,"a":3}"#, r#"{"a":2, "b":1}"#, r#"{"b":1,"a":3}"#, &[]);
    }

    #[test]
    fn what_both_changed_is_named() {
        check(
            r#"{"a":{"x/y":1}}"#,
            r#"{"a":{"x/y":2}}"#,
            r#"{"a":{"x/y":3}}"#,
            r#"{"a":{"x/y":2}}"#,
            &["/a/x~1y: base 1, ours 2, theirs 3"],
        );
        check("[1]", "[1,2]", "[1,3]", "[1,2]", &["the document: base [1], ours [1,2], theirs [1,3]"]);
        check(r#"{"a":1}"#, "{}", r#"{"a":2}"#, "{}", &["/a: base 1, ours absent, theirs 2"]);
    }

    #[test]
    fn numbers_and_layout_stay_as_they_were_written() {
        let (base, ours) =
            ("{\n  \"p\": 1.10,\n  \"q\": 1\n}\n", "{\n  \"p\": 1.10,\n  \"q\": 12345678901234567890.0\n}\n");
        check("[1, 2]", "[1, 2]", "[1,2]", "[1, 2]", &[]);
        let digits = ["[1234567890123456789]", "[1234567890123456788]"];
        check(digits[0], digits[0], digits[1], digits[1], &[]);
        check(r#"[" \\"]"#, r#"[" \\"]"#, r#"["  \\"]"#, r#"["  \\"]"#, &[]);
        check(
            base,
            ours,
            "{\"p\":1.1000,\"q\":1}",
            "{\n  \"p\": 1.1000,\n  \"q\": 12345678901234567890.0\n}\n",
            &[],
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let refused =
            |ours: &str| merge(Three { base: b"", ours: ours.as_bytes(), theirs: b"{}" }).unwrap_err().reason;
        assert_eq!(refused(r#"{"a":{"b":1,"b":2}}"#), "it has /a/b twice");
        assert!(refused("{").starts_with("it is no JSON: "));
        assert!(refused("\u{ff}").starts_with("it is no JSON: "));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(127), "}".repeat(127));
        assert!(merge(Three { base: b"", ours: deep.as_bytes(), theirs: b"{}" }).is_ok());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(4000), "}".repeat(4000));
        assert_eq!(refused(&deep), "it is nested deeper than 128 levels");
    }
}
