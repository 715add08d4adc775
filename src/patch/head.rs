//! The lines above what differs in a file, as git writes them.

use crate::object::{Entry, FileKind, TreePath};

/// So many digits of an id are shown.
const DIGITS: usize = 12;

/// The two versions of a file: where each lies and what it is. One of them is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) before: Option<(&'a TreePath, &'a Entry)>,
    pub(super) after: Option<(&'a TreePath, &'a Entry)>,
}

impl Sides<'_> {
    /// What stands first: which file it is, how it came or went, and which contents these are.
    pub(super) fn head(&self) -> String {
        let names = [("a/", self.before.or(self.after)), ("b/", self.after.or(self.before))];
        let [old, new] =
            names.map(|(side, file)| file.map(|(path, _)| quoted(side, path)).unwrap_or_default());
        let mut head = format!("diff --git {old} {new}\n");
        match (self.before, self.after) {
            (None, Some((_, entry))) => head += &format!("new file mode {}\n", mode(entry)),
            (Some((_, entry)), None) => head += &format!("deleted file mode {}\n", mode(entry)),
            (Some((from, a)), Some((to, b))) => {
                if a.kind != b.kind {
                    head += &format!("old mode {}\nnew mode {}\n", mode(a), mode(b));
                }
                if from != to {
                    let (from, to) = (quoted("", from), quoted("", to));
                    head += &format!("similarity index 100%\nrename from {from}\nrename to {to}\n");
                }
            }
            (None, None) => {}
        }
        let ids = [self.before, self.after].map(|file| file.map(|(_, entry)| entry.blob));
        if ids[0] != ids[1] {
            let [a, b] = ids.map(|id| id.map_or_else(|| "0".repeat(DIGITS), |id| format!("{id:.DIGITS$}")));
            let kept = self.before.zip(self.after).filter(|((_, a), (_, b))| a.kind == b.kind);
            let mode = kept.map(|((_, entry), _)| format!(" {}", mode(entry))).unwrap_or_default();
            head += &format!("index {a}..{b}{mode}\n");
        }
        head
    }

    /// The two names above the hunks.
    pub(super) fn names(&self) -> String {
        let name = |side, file: Option<(&TreePath, &Entry)>| {
            let Some((path, _)) = file else { return "/dev/null".to_owned() };
            // A tab tells a name with a space from what may follow a name.
            let tab = if path.as_str().contains(' ') { "\t" } else { "" };
            format!("{}{tab}", quoted(side, path))
        };
        format!("--- {}\n+++ {}\n", name("a/", self.before), name("b/", self.after))
    }

    /// The two names in one line.
    pub(super) fn pair(&self) -> String {
        let name = |side, file: Option<(&TreePath, &Entry)>| {
            file.map_or_else(|| "/dev/null".to_owned(), |(path, _)| quoted(side, path))
        };
        format!("{} and {}", name("a/", self.before), name("b/", self.after))
    }
}

/// What git calls the kind of a file.
pub fn mode(entry: &Entry) -> &'static str {
    match entry.kind {
        FileKind::File => "100644",
        FileKind::Executable => "100755",
        FileKind::Symlink => "120000",
    }
}

/// A path as git writes one: in quotes, with escapes, if it holds anything that a line or a terminal would take amiss.
fn quoted(side: &str, path: &TreePath) -> String {
    let path = path.as_str();
    if !path.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
        return format!("{side}{path}");
    }
    let escaped = path.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c if c.is_control() => c.to_string().bytes().map(|byte| format!("\\{byte:03o}")).collect(),
        c => c.to_string(),
    });
    format!("\"{side}{}\"", escaped.collect::<String>())
}
