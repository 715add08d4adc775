//! Small steps that every stage takes between its trees and their paths.

use super::{Error, Files, Output};
use crate::object::{Entry, TreePath};

/// All files whose paths start with the text `prefix`, in byte order of the paths.
pub(super) fn list(files: &dyn Files, prefix: &str) -> Result<Vec<(TreePath, Entry)>, Error> {
    let mut found = Vec::new();
    files.scan(prefix, &mut |path, entry| {
        found.push((path.clone(), *entry));
        Ok(())
    })?;
    Ok(found)
}

/// The whole content of the file at `path`, if it is there.
pub(super) fn load(files: &dyn Files, path: &str) -> Result<Option<Vec<u8>>, Error> {
    files.find(path)?.map(|entry| files.read(&entry)).transpose()
}

/// A text that a stage has made up, as a path.
pub(super) fn tree_path(text: &str) -> Result<TreePath, Error> {
    text.parse().map_err(|error| Error::Data { reason: format!("{error}"), hint: None })
}

/// Keeps `bytes` as the file at `path`; without any, there shall be none.
pub(super) fn put_or_remove(output: &mut dyn Output, path: &str, bytes: Option<&[u8]>) -> Result<(), Error> {
    match bytes {
        Some(bytes) => output.put_bytes(tree_path(path)?, bytes).map(|_| ()),
        None => output.remove(tree_path(path)?),
    }
}
