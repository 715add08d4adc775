//! What becomes of one path, decided from its three versions alone.

use serde::{Deserialize, Serialize};

use crate::object::{BlobId, Entry, FileKind};

/// One path in the common ancestor and on both sides; `None` where it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// In the common ancestor.
    pub base: Option<Entry>,
    /// On the side that is merged into.
    pub ours: Option<Entry>,
    /// On the side that is merged.
    pub theirs: Option<Entry>,
}

/// Why two sides do not go together at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConflictKind {
    /// Both changed the file, differently.
    ModifyModify,
    /// Both added a file of this name, with other content.
    AddAdd,
    /// One changed the file, the other deleted it.
    ModifyDelete,
    /// One has a file where the other has a directory.
    FileDirectory,
    /// Both added the same content, and only one made it executable.
    Mode,
    /// Both changed it, and at least one of them has a symbolic link there.
    Symlink,
}

impl ConflictKind {
    /// The kind in one word, for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ModifyModify => "modify/modify",
            Self::AddAdd => "add/add",
            Self::ModifyDelete => "modify/delete",
            Self::FileDirectory => "file/directory",
            Self::Mode => "mode",
            Self::Symlink => "symlink",
        }
    }
}

/// What becomes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It becomes this.
    Take(Option<Entry>),
    /// It cannot be told.
    Conflict(ConflictKind),
}

/// The one of two values that differs from what both come from; `None` if both do, differently.
pub(super) fn changed<T: PartialEq + Copy>(base: Option<T>, ours: T, theirs: T) -> Option<T> {
    match () {
        () if ours == theirs || base == Some(theirs) => Some(ours),
        () if base == Some(ours) => Some(theirs),
        () => None,
    }
}

impl Versions {
    /// What becomes of the path. The side that changed it wins; where both did, content and executable bit are looked at
    /// one by one.
    pub fn decide(&self) -> Decision {
        let Self { base, ours, theirs } = *self;
        if let Some(entry) = changed(Some(base), ours, theirs) {
            return Decision::Take(entry);
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return Decision::Conflict(ConflictKind::ModifyDelete);
        };
        if [ours, theirs].iter().any(|entry| entry.kind == FileKind::Symlink) {
            return Decision::Conflict(ConflictKind::Symlink);
        }
        let content = |entry: Entry| -> (BlobId, u64) { (entry.blob, entry.size) };
        let kind = changed(base.map(|base| base.kind), ours.kind, theirs.kind);
        match (changed(base.map(content), content(ours), content(theirs)), kind) {
            (Some((blob, size)), Some(kind)) => Decision::Take(Some(Entry { kind, blob, size })),
            (Some(_), None) => Decision::Conflict(ConflictKind::Mode),
            // Of a link there is no earlier version of the file.
            (None, _) if base.is_some_and(|base| base.kind != FileKind::Symlink) => {
                Decision::Conflict(ConflictKind::ModifyModify)
            }
            (None, _) => Decision::Conflict(ConflictKind::AddAdd),
        }
    }

    /// The executable bit that the merged file gets: what the side that changed it says; of two that were added, set if
    /// either has it.
    pub fn kind(&self) -> FileKind {
        let kind =
            |entry: Option<Entry>| entry.map(|entry| entry.kind).filter(|kind| *kind != FileKind::Symlink);
        match (kind(self.ours), kind(self.theirs)) {
            (Some(ours), Some(theirs)) => {
                changed(kind(self.base), ours, theirs).unwrap_or(FileKind::Executable)
            }
            (ours, theirs) => ours.or(theirs).unwrap_or(FileKind::File),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-` is absent, `a` a file, `a*` an executable one, `a@` a link; equal letters have equal content.
    fn entry(text: &str) -> Option<Entry> {
        let content = text.trim_end_matches(['*', '@']);
        let kind = match text.get(content.len()..) {
            Some("*") => FileKind::Executable,
            Some("@") => FileKind::Symlink,
            _ => FileKind::File,
        };
        (text != "-").then(|| Entry {
            kind,
            blob: BlobId::of(content.as_bytes()),
            size: content.len() as u64,
        })
    }

    /// Reads `"base ours theirs -> result"`; a conflict is named by its kind.
    #[track_caller]
    fn check(case: &str) {
        let (versions, want) = case.split_once(" -> ").unwrap();
        let [base, ours, theirs] = *versions.split(' ').map(entry).collect::<Vec<_>>() else {
            panic!("{case}")
        };
        let got = |versions: Versions| match versions.decide() {
            Decision::Conflict(kind) => kind.word().to_owned(),
            Decision::Take(found) => {
                let names = ["-", "a", "b", "c", "a*", "b*", "c*", "a@", "b@", "c@"];
                names.into_iter().find(|name| entry(name) == found).unwrap().to_owned()
            }
        };
        assert_eq!(got(Versions { base, ours, theirs }), want, "{case}");
        // Nothing depends on which side is called ours.
        assert_eq!(got(Versions { base, ours: theirs, theirs: ours }), want, "{case}, the other way round");
    }

    #[test]
    fn the_side_that_changed_wins() {
        for case in [
            "a a b -> b",
            "a a - -> -",
            "- - a -> a",
            "a b b -> b",
            "a - - -> -",
            "- a a -> a",
            "a a a* -> a*",
        ] {
            check(case);
        }
    }

    #[test]
    fn content_and_mode_are_told_apart() {
        check("a b a* -> b*");
        check("a* a b* -> b");
        check("a b* b -> b*");
        check("- a a* -> mode");
        check("a@ b b* -> mode");
    }

    #[test]
    fn both_changed_it() {
        check("a b c -> modify/modify");
        check("a b c* -> modify/modify");
        check("- a b -> add/add");
        check("a@ b c -> add/add");
        check("a b - -> modify/delete");
        check("a a* - -> modify/delete");
        check("a@ b@ c@ -> symlink");
        check("a b@ c -> symlink");
        check("a a@ b -> symlink");
        check("- a@ a -> symlink");
        check("a@ b@ - -> modify/delete");
    }

    #[test]
    fn the_merged_file_is_executable_if_somebody_made_it_so() {
        let kind = |base, ours, theirs| {
            Versions { base: entry(base), ours: entry(ours), theirs: entry(theirs) }.kind()
        };
        assert_eq!(kind("a", "b", "c*"), FileKind::Executable);
        assert_eq!(kind("a*", "b", "c*"), FileKind::File);
        assert_eq!(kind("-", "b", "c*"), FileKind::Executable);
        assert_eq!(kind("a", "b", "c"), FileKind::File);
    }
}
