//! Why a file is left out of what is committed.

use std::fmt;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::GitignoreBuilder;

use super::walk::IGNORE_FILE;
use crate::object::TreePath;

/// A line of a file that says what is to be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The file, from the top.
    file: String,
    /// The line.
    line: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which has the line {:?}", self.file, self.line)
    }
}

/// The line that leaves out what is at `path` below `root`, or a directory above it.
pub fn left_out(root: &Path, path: &TreePath, is_dir: bool) -> Option<Rule> {
    let mut dirs: Vec<&str> = path.ancestors().collect();
    dirs.insert(0, "");
    // The nearest file decides.
    dirs.into_iter().rev().find_map(|dir| {
        let place = root.join(dir);
        let mut builder = GitignoreBuilder::new(&place);
        builder.add(place.join(IGNORE_FILE)).is_none().then_some(())?;
        let rules = builder.build().ok()?;
        match rules.matched_path_or_any_parents(root.join(path.as_str()), is_dir) {
            Match::Ignore(glob) => {
                let file = place.join(IGNORE_FILE).strip_prefix(root).ok()?.to_string_lossy().into_owned();
                Some(Rule { file, line: glob.original().to_owned() })
            }
            Match::Whitelist(_) | Match::None => None,
        }
    })
}
