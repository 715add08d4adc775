//! Reading a glob.

use std::iter::Peekable;
use std::str::Chars;

use super::glob::{Class, Glob, How, Item, Node, Slash};

/// The longest glob, in bytes.
const LONGEST: usize = 1024;

/// The most groups that may be open at once.
const DEEPEST: usize = 8;

/// The longest glob within a `!(...)`, in elements.
const LONGEST_NOT: usize = 64;

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
    slash: Slash,
    captures: usize,
    /// Whether something stands in a `!(...)`.
    negates: bool,
}

/// Reads a glob; or says why it is none.
pub(super) fn parse(text: &str, slash: Slash) -> Result<Glob, String> {
    if text.len() > LONGEST {
        return Err(format!("a pattern has at most {LONGEST} bytes, and this one has {}", text.len()));
    }
    let mut reader = Reader { chars: text.chars().peekable(), slash, captures: 0, negates: false };
    let nodes = reader.sequence(0, &[])?;
    match reader.chars.next() {
        None => Ok(Glob { nodes, captures: reader.captures, slash }),
        Some(end) => {
            Err(format!("there is a {end:?} without what it closes; \\{end} stands for the character"))
        }
    }
}

impl Reader<'_> {
    /// The elements up to one of `ends`, which is not taken, or to what closes a group.
    fn sequence(&mut self, depth: usize, ends: &[char]) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        while let Some(c) = self.chars.peek().copied() {
            if ends.contains(&c) || c == ')' || c == '}' {
                break;
            }
            self.chars.next();
            let opens = self.chars.peek() == Some(&'(');
            let node = match c {
                '@' if opens => self.parentheses(How::Once, depth)?,
                '?' if opens => self.parentheses(How::AtMostOnce, depth)?,
                '*' if opens => self.parentheses(How::AnyTimes, depth)?,
                '+' if opens => self.parentheses(How::AtLeastOnce, depth)?,
                '!' if opens => self.not(depth)?,
                '(' => self.ways(How::Once, depth, ('|', ')'))?,
                '{' => self.ways(How::Once, depth, (',', '}'))?,
                '?' => Node::One,
                '*' => self.stars(&nodes),
                '[' => Node::Class(self.class()?),
                '\\' => Node::Char(self.chars.next().ok_or("it ends in a backslash")?),
                c => Node::Char(c),
            };
            nodes.push(node);
        }
        Ok(nodes)
    }

    /// What a `*` begins; `before` is what stands before it.
    fn stars(&mut self, before: &[Node]) -> Node {
        let mut count = 1;
        // The last star may belong to a group.
        while self.chars.peek() == Some(&'*') && self.chars.clone().nth(1).is_none_or(|c| c != '(') {
            self.chars.next();
            count += 1;
        }
        if count == 1 {
            return if self.slash == Slash::Separates { Node::Run } else { Node::Anything };
        }
        let begins = before.last().is_none_or(|node| matches!(node, Node::Char('/') | Node::Directories));
        if begins && self.slash == Slash::Separates && self.chars.next_if_eq(&'/').is_some() {
            return Node::Directories;
        }
        Node::Anything
    }

    fn parentheses(&mut self, how: How, depth: usize) -> Result<Node, String> {
        self.chars.next();
        self.ways(how, depth, ('|', ')'))
    }

    fn not(&mut self, depth: usize) -> Result<Node, String> {
        if self.negates {
            return Err("a !(...) cannot stand in another one".to_owned());
        }
        self.negates = true;
        let node = self.parentheses(How::Not, depth)?;
        self.negates = false;
        if count(std::slice::from_ref(&node)) > LONGEST_NOT {
            return Err(format!("what stands in a !(...) has at most {LONGEST_NOT} elements"));
        }
        Ok(node)
    }

    /// The ways of a group that is open.
    fn ways(&mut self, how: How, depth: usize, (between, end): (char, char)) -> Result<Node, String> {
        if depth >= DEEPEST {
            return Err(format!("at most {DEEPEST} groups may be open at once"));
        }
        let mut capture = None;
        if end == ')' {
            capture = Some(self.captures);
            self.captures += 1;
        }
        let mut ways = Vec::new();
        loop {
            ways.push(self.sequence(depth + 1, &[between])?);
            match self.chars.next() {
                Some(c) if c == between => {}
                Some(c) if c == end => return Ok(Node::Group { how, ways, capture }),
                _ => return Err(format!("a group is not closed with {end:?}")),
            }
        }
    }

    fn class(&mut self) -> Result<Class, String> {
        let unclosed = || "a [ is not closed".to_owned();
        let negated = self.chars.next_if(|c| matches!(c, '!' | '^')).is_some();
        let mut items = Vec::new();
        loop {
            match self.chars.next().ok_or_else(unclosed)? {
                ']' if !items.is_empty() => return Ok(Class { negated, items }),
                '[' if self.chars.peek() == Some(&':') => items.push(self.named()?),
                first => {
                    let first = self.literal(first).ok_or_else(unclosed)?;
                    let mut ahead = self.chars.clone();
                    let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
                    let last = if is_range {
                        self.chars.next();
                        let last = self.chars.next().ok_or_else(unclosed)?;
                        self.literal(last).ok_or_else(unclosed)?
                    } else {
                        first
                    };
                    if last < first {
                        return Err(format!("the range {first}-{last} is empty"));
                    }
                    items.push(Item::Range(first, last));
                }
            }
        }
    }

    /// The character, or what it takes the meaning from.
    fn literal(&mut self, c: char) -> Option<char> {
        if c == '\\' { self.chars.next() } else { Some(c) }
    }

    /// A class with a name, whose `[` was taken.
    fn named(&mut self) -> Result<Item, String> {
        self.chars.next();
        let negated = self.chars.next_if_eq(&'^').is_some();
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(char::is_ascii_lowercase) {
            name.push(c);
        }
        let closed = self.chars.next() == Some(':') && self.chars.next() == Some(']');
        let is: fn(&char) -> bool = match name.as_str() {
            "alnum" => char::is_ascii_alphanumeric,
            "alpha" => char::is_ascii_alphabetic,
            "blank" => |c| matches!(c, ' ' | '\t'),
            "cntrl" => char::is_ascii_control,
            "digit" => char::is_ascii_digit,
            "graph" => char::is_ascii_graphic,
            "lower" => char::is_ascii_lowercase,
            "print" => |c| c.is_ascii_graphic() || *c == ' ',
            "punct" => char::is_ascii_punctuation,
            "space" => char::is_ascii_whitespace,
            "upper" => char::is_ascii_uppercase,
            "word" => |c| c.is_ascii_alphanumeric() || *c == '_',
            "xdigit" => char::is_ascii_hexdigit,
            _ => return Err(format!("there is no class [:{name}:]")),
        };
        if closed {
            Ok(Item::Named { is, negated })
        } else {
            Err(format!("the class [:{name}:] is not closed"))
        }
    }
}

/// How many elements there are in all.
fn count(nodes: &[Node]) -> usize {
    let one = |node: &Node| match node {
        Node::Group { ways, .. } => 1 + ways.iter().map(|way| count(way)).sum::<usize>(),
        _ => 1,
    };
    nodes.iter().map(one).sum()
}
