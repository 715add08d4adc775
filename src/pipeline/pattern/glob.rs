//! Globs as pipelines have them: those of shells, with their extended groups, and with captures.

use super::parse;
use super::places::Places;

/// A glob.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    pub(super) nodes: Vec<Node>,
    /// How many groups capture what they match.
    pub(super) captures: usize,
    pub(super) slash: Slash,
}

/// What a slash is to a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    /// It ends a name: only `**` goes past it.
    Separates,
    /// A character like any other.
    Ordinary,
}

/// An element of a glob.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// This character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, within a name.
    Run,
    /// `**`: any characters at all.
    Anything,
    /// `**/`: no directory, or several.
    Directories,
    /// `[...]`: one of these characters.
    Class(Class),
    /// A group of ways to go on. One in parentheses captures what it matches, under its number from 0.
    Group { how: How, ways: Vec<Vec<Node>>, capture: Option<usize> },
}

/// How often a way of a group is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// `(...)`, `@(...)`, `{...}`.
    Once,
    /// `?(...)`.
    AtMostOnce,
    /// `*(...)`.
    AnyTimes,
    /// `+(...)`.
    AtLeastOnce,
    /// `!(...)`: whatever within a name no way matches.
    Not,
}

/// A set of characters.
#[derive(Debug, Clone)]
pub(super) struct Class {
    pub(super) negated: bool,
    pub(super) items: Vec<Item>,
}

/// Some characters.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// From this to that one.
    Range(char, char),
    /// A class that has a name, such as `[:alpha:]`; or what is not in it.
    Named { is: fn(&char) -> bool, negated: bool },
}

impl Class {
    pub(super) fn has(&self, c: char) -> bool {
        let is_in = |item: &Item| match item {
            Item::Range(first, last) => (*first..=*last).contains(&c),
            Item::Named { is, negated } => is(&c) != *negated,
        };
        self.items.iter().any(is_in) != self.negated
    }
}

impl Glob {
    /// Reads a glob; or says why it is none.
    pub(super) fn parse(text: &str, slash: Slash) -> Result<Self, String> {
        parse::parse(text, slash)
    }

    /// Whether it matches all of `text`.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.reach(&self.nodes, text, Places::one(text, 0)).has(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"glob | text -> captures"`, these separated by blanks, `''` for an empty one; `!` is no match.
    #[track_caller]
    fn check(case: &str) {
        let (glob, rest) = case.split_once(" | ").unwrap();
        let (text, want) = rest.split_once(" ->").unwrap();
        let glob = Glob::parse(glob, Slash::Separates).unwrap();
        let shown = |capture: &&str| if capture.is_empty() { "''".to_owned() } else { (*capture).to_owned() };
        let got = match glob.captures(text) {
            None => "!".to_owned(),
            Some(captures) => captures.iter().map(shown).collect::<Vec<_>>().join(" "),
        };
        assert_eq!(got, want.trim(), "{case}");
        assert_eq!(glob.is_match(text), want.trim() != "!", "{case}");
    }

    #[test]
    fn plain_globs_match_as_in_shells() {
        for case in [
            "a*c | abc ->",
            "a*c | ac ->",
            "a*c | a/c -> !",
            "a?c | abc ->",
            "a?c | ac -> !",
            "a?c | a/c -> !",
            "[a-c]x | bx ->",
            "[!a-c]x | bx -> !",
            "[^a-c]x | dx ->",
            "[!a]b | /b -> !",
            "[]a] | ] ->",
            "[a-]x | -x ->",
            "[[:digit:]_]x | 7x ->",
            "[[:^digit:]]x | 7x -> !",
            "[![:digit:]]x | ax ->",
            "{a,bc}d | bcd ->",
            "{a,bc}d | bd -> !",
            "{a,{b,c}}d | cd ->",
            "{,x}y | y ->",
            "x{1,2}* | x2/3 -> !",
            "**/x | x ->",
            "**/x | a/b/x ->",
            "**/x | ax -> !",
            "a/** | a/b/c ->",
            "a/** | a -> !",
            "a** | a/b ->",
            "a/**/b | a/b ->",
            "a/**/b | a/x/y/b ->",
            "\\*x | *x ->",
            "\\(1\\) | (1) ->",
            "a+b@c!d | a+b@c!d ->",
            "größe* | größe-ä ->",
            "?rün | grün ->",
            "a,b|c | a,b|c ->",
        ] {
            check(case);
        }
    }

    #[test]
    fn extended_groups_match_as_in_shells() {
        for case in [
            "@(a|b)x | bx -> b",
            "@(a|b)x | abx -> !",
            "*(a|b)x | x -> ''",
            "*(a|b)x | abax -> aba",
            "+(a|b)x | x -> !",
            "+(ab|a)x | aabx -> aab",
            "?(a)x | x -> ''",
            "?(a)x | aax -> !",
            "!(a)x | ax -> !",
            "!(a)x | x -> ''",
            "!(a)x | aax -> aa",
            "!(a|b) | c -> c",
            "!(a|b) | b -> !",
            "!(*.tmp) | a.csv -> a.csv",
            "!(*.tmp) | a.tmp -> !",
            "!(a)* | a -> ''",
            "!(a)/b | x/b -> x",
            "!(x)/!(y) | a/b/c -> !",
            "**(a) | xaa -> ''",
            "*(+(a)|b)c | aabac -> aaba a",
        ] {
            check(case);
        }
    }

    #[test]
    fn groups_capture_what_they_match() {
        for case in [
            "(*)-(*).csv | a-b-c.csv -> a-b c",
            "(*)/(??)* | foo/ABC.txt -> foo AB",
            "(bar-(*)) | bar-123 -> bar-123 123",
            "test/a*(a|b)/*(*).go | test/aaaa/x.go -> aaa x",
            "test/a?(a|b)/?(*).go | test/aa/x.go -> a x",
            "test*(/?(+(a|b)/*.go)) | test/a/x.go -> /a/x.go a/x.go a",
            "{a,b}(c) | bc -> c",
            "(a) | b -> !",
            "(a|ab)(c|bcd)(*) | abcd -> ab c d",
            "(**)/x | a/b/x -> a/b",
            "+((a)|(b)) | ab -> ab a b",
        ] {
            check(case);
        }
    }

    #[test]
    fn a_slash_may_be_a_character_like_any_other() {
        let glob = |text: &str| Glob::parse(text, Slash::Ordinary).unwrap();
        assert!(glob("feature/*").is_match("feature/a/b") && glob("!(main)").is_match("a/b"));
        assert!(
            glob("a?b").is_match("a/b") && glob("a[/]b").is_match("a/b") && !glob("!(main)").is_match("main")
        );
    }
}
