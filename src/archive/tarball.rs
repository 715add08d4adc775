//! The members of a tar.

use std::borrow::Cow;
use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use super::error::{Error, Why};
use super::take::{Taking, refused};
use crate::object::FileKind;

/// The key with which a sparse file's map begins that is not understood here.
const SPARSE: &[u8] = b"GNU.sparse.";

/// Takes all members. What follows the end is read as well: only then is it known that a compressed archive came whole.
pub(super) fn read(reader: impl Read, taking: &mut Taking<'_>) -> Result<(), Error> {
    let mut archive = Archive::new(reader);
    for entry in archive.entries().map_err(|error| taking.broken(error))? {
        member(&mut entry.map_err(|error| taking.broken(error))?, taking)?;
    }
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| taking.broken(error))?;
    Ok(())
}

fn member(entry: &mut Entry<'_, impl Read>, taking: &mut Taking<'_>) -> Result<(), Error> {
    let kind = entry.header().entry_type();
    let name = entry.path_bytes().into_owned();
    let target = entry.link_name_bytes().map(Cow::into_owned).unwrap_or_default();
    if is_sparse(entry).map_err(|error| taking.broken(error))? {
        return Err(refused(&name, Why::Method("a sparse file in PAX format".to_owned())));
    }
    match kind {
        EntryType::Regular if name.ends_with(b"/") => taking.directory(&name),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let mode = entry.header().mode().map_err(|error| taking.broken(error))?;
            taking.file(&name, if mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable }, entry)
        }
        EntryType::Directory => taking.directory(&name),
        EntryType::Symlink => taking.symlink(&name, &target),
        EntryType::Link => taking.hard_link(&name, &target),
        EntryType::Fifo => Err(refused(&name, Why::Special("a named pipe"))),
        EntryType::Char | EntryType::Block => Err(refused(&name, Why::Special("a device"))),
        // What is said of the archive as a whole: git puts the commit there.
        EntryType::XGlobalHeader => Ok(()),
        // The name of a tape.
        other if other.as_byte() == b'V' => Ok(()),
        other => Err(refused(&name, Why::Method(format!("kind {:?}", char::from(other.as_byte()))))),
    }
}

fn is_sparse(entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(false) };
    for extension in extensions {
        if extension?.key_bytes().starts_with(SPARSE) {
            return Ok(true);
        }
    }
    Ok(false)
}
