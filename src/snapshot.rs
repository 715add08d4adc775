//! One version of a file tree, read only.

use crate::content;
use crate::fault::{Kind, fault};
use crate::object::{Entry, NodeId, ObjectRead, TreePath};
use crate::tree::{self, Cursor, Totals};

/// A failed reading of a snapshot.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the fields")]
pub enum Error {
    /// The tree failed.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// A file's content failed.
    #[error("cannot read {path}")]
    Content { path: TreePath, source: content::Error },
    /// A path in the tree is not a legal one, so somebody else made the tree.
    #[error("the tree holds an illegal path {path:?}")]
    Path { path: String },
}

fault! {
    Error passes on Tree;
    kind {
        Self::Content { source, .. } => source.kind(),
        Self::Path { .. } => Kind::Damaged,
    }
    hint {
        Self::Content { source, .. } => source.hint(),
        Self::Path { .. } => Some("do not use this commit; it was not made by vds".to_owned()),
    }
}

/// A version of a file tree.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    objects: &'a dyn ObjectRead,
    root: NodeId,
}

/// What lies directly in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A file.
    File(TreePath, Entry),
    /// A directory: its path, and the files below it.
    Directory(TreePath, Totals),
}

/// A path whose file differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: TreePath,
    /// The file in the first.
    pub before: Option<Entry>,
    /// The file in the second.
    pub after: Option<Entry>,
}

/// The path that a key of a file tree stands for.
pub fn path_of(key: Vec<u8>) -> Result<TreePath, Error> {
    let illegal = |bytes: &[u8]| Error::Path { path: String::from_utf8_lossy(bytes).into_owned() };
    let text = String::from_utf8(key).map_err(|error| illegal(error.as_bytes()))?;
    text.parse().map_err(|_| illegal(text.as_bytes()))
}

/// The text with which all paths below the directory `dir` start.
pub fn below(dir: Option<&TreePath>) -> String {
    dir.map(|dir| format!("{dir}/")).unwrap_or_default()
}

impl<'a> Snapshot<'a> {
    /// The tree `root` among `objects`.
    pub fn new(objects: &'a dyn ObjectRead, root: NodeId) -> Self {
        Self { objects, root }
    }

    /// The root of the tree.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Where its objects are.
    pub fn objects(&self) -> &'a dyn ObjectRead {
        self.objects
    }

    /// The file at `path`.
    pub fn find(&self, path: &str) -> Result<Option<Entry>, Error> {
        Ok(Cursor::new(self.objects, self.root)?.get(path.as_bytes())?)
    }

    /// The files at `paths`, which are in byte order, found in one pass.
    pub fn find_each(&self, paths: &[String]) -> Result<Vec<Option<Entry>>, Error> {
        let mut cursor = Cursor::new(self.objects, self.root)?;
        paths.iter().map(|path| Ok(cursor.get(path.as_bytes())?)).collect()
    }

    /// All files whose paths start with the text `prefix`, in byte order of their paths.
    pub fn scan(
        &self,
        prefix: &str,
    ) -> Result<impl Iterator<Item = Result<(TreePath, Entry), Error>> + use<'a>, Error> {
        let mut cursor = Cursor::<Entry>::new(self.objects, self.root)?;
        cursor.seek(prefix.as_bytes())?;
        let prefix = prefix.as_bytes().to_vec();
        let under = cursor.take_while(move |item| !matches!(item, Ok((key, _)) if !key.starts_with(&prefix)));
        Ok(under.map(|item| {
            let (key, entry) = item?;
            Ok((path_of(key)?, entry))
        }))
    }

    /// The files at `path`: the file itself, or all files below the directory.
    pub fn files_at(&self, path: Option<&TreePath>) -> Result<Vec<(TreePath, Entry)>, Error> {
        if let Some(path) = path
            && let Some(entry) = self.find(path.as_str())?
        {
            return Ok(vec![(path.clone(), entry)]);
        }
        self.scan(&below(path))?.collect()
    }

    /// What lies directly in the directory `dir`. Directories below are passed over by a seek, not read.
    pub fn members(&self, dir: Option<&TreePath>) -> Result<Vec<Member>, Error> {
        let prefix = below(dir);
        let mut cursor = Cursor::<Entry>::new(self.objects, self.root)?;
        cursor.seek(prefix.as_bytes())?;
        let mut members = Vec::new();
        while let Some(key) =
            cursor.peek()?.filter(|key| key.starts_with(prefix.as_bytes())).map(<[u8]>::to_vec)
        {
            let name_end =
                key.iter().skip(prefix.len()).position(|byte| *byte == b'/').map(|at| at + prefix.len());
            match name_end.and_then(|end| key.get(..end)) {
                None => {
                    if let Some((key, entry)) = cursor.next().transpose()? {
                        members.push(Member::File(path_of(key)?, entry));
                    }
                }
                Some(directory) => {
                    let inside = [directory, b"/"].concat();
                    let totals = tree::totals_in::<Entry>(self.objects, self.root, &inside)?;
                    members.push(Member::Directory(path_of(directory.to_vec())?, totals));
                    // '0' follows '/': the first key that cannot lie in the directory.
                    cursor.seek(&[directory, b"0"].concat())?;
                }
            }
        }
        Ok(members)
    }

    /// How many files there are below `dir`, and their bytes.
    pub fn totals(&self, dir: Option<&TreePath>) -> Result<Totals, Error> {
        Ok(tree::totals_in::<Entry>(self.objects, self.root, below(dir).as_bytes())?)
    }

    /// What differs from here to `other`, among the paths that start with the text `prefix`.
    pub fn diff(&self, other: &Self, prefix: &str) -> impl Iterator<Item = Result<Change, Error>> + use<'a> {
        tree::diff_in::<Entry>(self.objects, self.root, other.root, prefix.as_bytes()).map(|change| {
            let tree::Change { key, before, after } = change?;
            Ok(Change { path: path_of(key)?, before, after })
        })
    }

    /// The whole content of a file.
    pub fn read(&self, path: &TreePath, entry: &Entry) -> Result<Vec<u8>, Error> {
        content::load(self.objects, entry.blob)
            .map_err(|source| Error::Content { path: path.clone(), source })
    }
}
