//! Patterns for paths: how an input is cut into units.
//!
//! `/` is one unit, the whole tree; `/*` one for each top entry; `/*/*/*` one for each entry three levels down; a pattern with
//! `**` one for each file it matches. The unit of a path depends on the path alone.

use std::fmt;
use std::str::FromStr;

use super::glob::{Glob, Slash};

/// A pattern for paths.
#[derive(Debug, Clone)]
pub struct PathPattern {
    text: String,
    prefix: String,
    form: Form,
    /// The whole as one glob.
    glob: Glob,
    /// What it does not cover though it matches.
    except: Vec<PathPattern>,
}

#[derive(Debug, Clone)]
enum Form {
    Whole,
    Segments(Vec<Segment>),
    Files,
}

/// A pattern for one name of a path.
#[derive(Debug, Clone)]
enum Segment {
    Any,
    Literal(String),
    Glob(Glob),
}

/// Whether the text means more than itself.
pub(super) fn is_magic(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '}', '(', ')', '\\'])
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "*" | "(*)" => Self::Any,
            text if !is_magic(text) => Self::Literal(text.to_owned()),
            text => Self::Glob(Glob::parse(text, Slash::Separates)?),
        })
    }

    fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(text) => text == name,
            Self::Glob(glob) => glob.is_match(name),
        }
    }
}

/// The names that the text matches, one after another; nothing if a group of it holds a slash.
fn segments(text: &str) -> Option<Vec<&str>> {
    let (mut open, mut start, mut segments) = (0_usize, 0, Vec::new());
    let mut is_class = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            ']' => is_class = false,
            '[' => is_class = true,
            _ if is_class => {}
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            '/' if open > 0 => return None,
            '/' => {
                segments.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.extend(text.get(start..));
    Some(segments)
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('/').ok_or("the path does not begin with '/'")?.trim_end_matches('/');
        let glob = Glob::parse(inner, Slash::Separates)?;
        let literal: Vec<&str> = inner.split('/').take_while(|segment| !is_magic(segment)).collect();
        let whole_literal = literal.len() == inner.split('/').count();
        let prefix = match literal.join("/") {
            prefix if prefix.is_empty() || whole_literal => prefix,
            prefix => format!("{prefix}/"),
        };
        let form = match segments(inner) {
            _ if inner.is_empty() => Form::Whole,
            Some(segments) if !inner.contains("**") => {
                Form::Segments(segments.into_iter().map(Segment::parse).collect::<Result<_, _>>()?)
            }
            _ => Form::Files,
        };
        Ok(Self { text: text.to_owned(), prefix, form, glob, except: Vec::new() })
    }
}

impl PathPattern {
    /// The same, without what one of these patterns covers.
    #[must_use]
    pub fn without(self, except: Vec<Self>) -> Self {
        Self { except, ..self }
    }

    /// The text with which every matching path starts.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The unit that `path` belongs to: empty for the whole tree, `None` if the pattern does not cover the path.
    pub fn unit<'a>(&self, path: &'a str) -> Option<&'a str> {
        let unit = match &self.form {
            Form::Whole => Some(""),
            Form::Files => self.glob.is_match(path).then_some(path),
            Form::Segments(segments) => {
                let mut end = 0;
                let mut names = path.split('/');
                for (at, segment) in segments.iter().enumerate() {
                    let name = names.next().filter(|name| segment.is_match(name))?;
                    end += name.len() + usize::from(at > 0);
                }
                path.get(..end)
            }
        };
        unit.filter(|_| self.except.iter().all(|except| except.unit(path).is_none()))
    }

    /// How many groups of the pattern capture what they match.
    pub fn groups(&self) -> usize {
        self.glob.captures
    }

    /// What the groups of the pattern matched in a unit of it, in the order in which they open.
    pub fn captures<'a>(&self, unit: &'a str) -> Vec<&'a str> {
        self.glob.captures(unit).unwrap_or_default()
    }
}

/// With what it does not cover.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.except.iter().try_for_each(|except| write!(f, " except {except}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"pattern | path -> unit"`; `!` is no match.
    #[track_caller]
    fn check(case: &str) {
        let (pattern, rest) = case.split_once(" | ").unwrap();
        let (path, unit) = rest.split_once(" -> ").unwrap();
        let pattern: PathPattern = pattern.parse().unwrap();
        assert_eq!(pattern.unit(path).unwrap_or("!"), unit, "{case}");
        assert!(unit == "!" || path.starts_with(pattern.prefix()), "{case}");
    }

    #[test]
    fn paths_belong_to_units() {
        check("/ | a/b/c -> ");
        check("/* | a/b/c -> a");
        check("/* | top.csv -> top.csv");
        check("/*/*/* | 2024/05/01/14/14.csv -> 2024/05/01");
        check("/*/*/* | 2024/notes.txt -> !");
        check("/2024/* | 2024/05/01 -> 2024/05");
        check("/2024/* | 2023/05/01 -> !");
        check("/ecb.csv | ecb.csv -> ecb.csv");
        check("/ecb.csv | other.csv -> !");
        check("/**/*.csv | a/b/c.csv -> a/b/c.csv");
        check("/**/*.csv | a/b/c.txt -> !");
        check("/{a,b}/[0-9]* | b/7x/z -> b/7x");
        check("/{a,b}/[0-9]* | c/7x/z -> !");
        check("/a?c | abc -> abc");
        check("/a?c | abbc -> !");
        check("/a?c | a/c -> !");
        check("/[!x-z]* | yes -> !");
        check("/[!x-z]* | no/y -> no");
        check("/\\[x\\]/* | [x]/1 -> [x]/1");
        check("/a\\(1\\)+x.csv | a(1)+x.csv -> a(1)+x.csv");
        check("/@(a|b)/(*) | b/c/d -> b/c");
        check("/!(a)/*.csv | a/b.csv -> !");
        check("/{a/b,c}/* | a/b/c -> a/b/c");
        check("/{a/b,c}/* | a/b/c/d -> !");
        check("/[/]x | /x -> !");
        check("/größe/* | größe/ä/b -> größe/ä");
        check("/**/1 | 1 -> 1");
        check("/a/** | a/b/c -> a/b/c");
        check("/*/ | a/b -> a");
    }

    #[test]
    fn what_is_excepted_belongs_to_no_unit() {
        let pattern: PathPattern = "/*".parse().unwrap();
        let pattern = pattern.without(vec!["/tmp".parse().unwrap(), "/**/*.part".parse().unwrap()]);
        assert_eq!(pattern.unit("a/b"), Some("a"));
        assert_eq!((pattern.unit("tmp/b"), pattern.unit("a/b.part")), (None, None));
        assert_eq!(pattern.to_string(), "/* except /tmp except /**/*.part");
    }

    #[test]
    fn hostile_patterns_are_refused_or_answer_at_once() {
        let path = "a".repeat(1000);
        for hostile in [
            "*a".repeat(500),
            "**/".repeat(300),
            "a*".repeat(400) + "b",
            "{a,aa}*".repeat(140),
            "*(*(a*)*)*".to_owned(),
            "*(!(*a*a))".to_owned(),
        ] {
            match format!("/{hostile}").parse::<PathPattern>() {
                Ok(pattern) => drop(pattern.unit(&path).map(str::len)),
                Err(reason) => assert!(!reason.is_empty(), "{hostile}"),
            }
        }
        for (hostile, want) in [
            ("{".repeat(100_000), "at most 1024 bytes"),
            ("{a,".repeat(20) + &"}".repeat(20), "at most 8 groups"),
            ("x".repeat(5000), "at most 1024 bytes"),
            ("[".to_owned(), "not closed"),
            ("{a".to_owned(), "not closed"),
            ("[z-a]".to_owned(), "is empty"),
            ("a)".to_owned(), "without what it closes"),
            ("a\\".to_owned(), "backslash"),
            ("[[:no:]]".to_owned(), "no class"),
            ("!(a!(b))".to_owned(), "another"),
            ("!(".to_owned() + &"*a".repeat(100) + ")", "at most 64"),
        ] {
            let reason = format!("/{hostile}").parse::<PathPattern>().unwrap_err();
            assert!(reason.contains(want), "{reason}");
        }
    }
}
