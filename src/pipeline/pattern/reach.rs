//! How far a glob gets in a text.
//!
//! It is found as a set of places in the text, one element of the glob after another. So the time grows with the length of the
//! text and of the glob, whatever stands in them; only what stands in `!(...)` is tried at each place anew.

use super::glob::{Glob, How, Node, Slash};
use super::places::Places;

impl Glob {
    fn ends_name(&self, c: char) -> bool {
        c == '/' && self.slash == Slash::Separates
    }

    /// Where `nodes` can end that begin at one of the places `from`.
    pub(super) fn reach(&self, nodes: &[Node], text: &str, from: Places) -> Places {
        let mut places = from;
        for node in nodes {
            if places.is_empty() {
                break;
            }
            places = self.step(node, text, &places);
        }
        places
    }

    pub(super) fn step(&self, node: &Node, text: &str, from: &Places) -> Places {
        match node {
            Node::Char(wanted) => characters(text, from, |c| c == *wanted),
            Node::One => characters(text, from, |c| !self.ends_name(c)),
            Node::Class(class) => characters(text, from, |c| !self.ends_name(c) && class.has(c)),
            Node::Run => run(text, from, |c| self.ends_name(c)),
            Node::Anything => run(text, from, |_| false),
            Node::Directories => {
                let mut to = from.clone();
                let mut is_in = false;
                for (at, c) in text.char_indices() {
                    is_in |= from.has(at);
                    if is_in && c == '/' {
                        to.add(at + 1);
                    }
                }
                to
            }
            Node::Group { how, ways, .. } => self.group(*how, ways, text, from),
        }
    }

    fn group(&self, how: How, ways: &[Vec<Node>], text: &str, from: &Places) -> Places {
        match how {
            How::Once => self.once(ways, text, from),
            How::AtMostOnce => {
                let mut to = self.once(ways, text, from);
                to.add_all(from);
                to
            }
            How::AnyTimes => {
                let mut to = from.clone();
                to.add_all(&self.often(ways, text, from));
                to
            }
            How::AtLeastOnce => self.often(ways, text, from),
            How::Not => {
                let mut to = Places::none(text);
                for at in from.iter() {
                    let here = Places::one(text, at);
                    let matched = self.once(ways, text, &here);
                    let all = run(text, &here, |c| self.ends_name(c));
                    all.iter().filter(|end| !matched.has(*end)).for_each(|end| to.add(end));
                }
                to
            }
        }
    }

    pub(super) fn once(&self, ways: &[Vec<Node>], text: &str, from: &Places) -> Places {
        let mut to = Places::none(text);
        for way in ways {
            to.add_all(&self.reach(way, text, from.clone()));
        }
        to
    }

    /// Where one gets by going a way at least once.
    pub(super) fn often(&self, ways: &[Vec<Node>], text: &str, from: &Places) -> Places {
        let mut all = Places::none(text);
        let mut newest = from.clone();
        while !newest.is_empty() {
            let mut next = self.once(ways, text, &newest);
            next.take(&all);
            all.add_all(&next);
            newest = next;
        }
        all
    }
}

/// One character further, where `is` says so.
fn characters(text: &str, from: &Places, is: impl Fn(char) -> bool) -> Places {
    let mut to = Places::none(text);
    for (at, c) in text.char_indices().filter(|(at, c)| from.has(*at) && is(*c)) {
        to.add(at + c.len_utf8());
    }
    to
}

/// Any number of characters further, up to one that `ends` the run.
fn run(text: &str, from: &Places, ends: impl Fn(char) -> bool) -> Places {
    let mut to = from.clone();
    let mut is_in = false;
    for (at, c) in text.char_indices() {
        is_in = (is_in || from.has(at)) && !ends(c);
        if is_in {
            to.add(at + c.len_utf8());
        }
    }
    to
}
