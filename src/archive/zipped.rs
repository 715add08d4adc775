//! The members of a zip.

use std::fs::File;
use std::io::{self, BufReader, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{Error, Why};
use super::take::{Taking, refused};
use crate::object::{FileKind, MAX_PATH};
use crate::progress::Progress;
use crate::store::Store;

/// Takes all members, if they fit on the disk of `store`.
pub(super) fn read(
    file: File,
    store: &Store,
    taking: &mut Taking<'_>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(taking, error))?;
    if archive.has_overlapping_entries().map_err(|error| broken(taking, error))? {
        return Err(Error::Overlap { place: taking.place().to_owned() });
    }
    check_room(&mut archive, store, taking)?;
    if archive.has_duplicate_names() {
        taking.warn("the last member counts of each name that came more than once".to_owned());
    }
    for at in 0..archive.len() {
        member(&mut archive, at, taking, progress)?;
    }
    Ok(())
}

fn broken(taking: &Taking<'_>, error: ZipError) -> Error {
    taking.broken(match error {
        ZipError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    })
}

/// What is compressed there takes as much room here, more or less.
fn check_room(
    archive: &mut ZipArchive<BufReader<File>>,
    store: &Store,
    taking: &Taking<'_>,
) -> Result<(), Error> {
    let Some(disk) = store.disk() else { return Ok(()) };
    let mut needed = 0_u64;
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(|error| broken(taking, error))?;
        needed = needed.saturating_add(member.compressed_size().min(member.size()));
    }
    if disk.has_room_for(needed) {
        Ok(())
    } else {
        Err(Error::NoRoom { place: store.root().to_owned(), needed, disk })
    }
}

fn member(
    archive: &mut ZipArchive<BufReader<File>>,
    at: usize,
    taking: &mut Taking<'_>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let (name, encrypted, method) = {
        let raw = archive.by_index_raw(at).map_err(|error| broken(taking, error))?;
        progress.advance(raw.compressed_size());
        // Without the mark that says so, names are mostly UTF-8 all the same, and else in the letters of the first PCs.
        let name = match std::str::from_utf8(raw.name_raw()) {
            Ok(name) => name.as_bytes().to_vec(),
            Err(_) => raw.name().map_or_else(|_| raw.name_raw().to_vec(), |name| name.as_bytes().to_vec()),
        };
        (name, raw.encrypted(), raw.compression())
    };
    if encrypted {
        return Err(refused(&name, Why::Encrypted));
    }
    let mut member = match archive.by_index(at) {
        Err(ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_)) => {
            return Err(refused(&name, Why::Method(method.to_string())));
        }
        other => other.map_err(|error| broken(taking, error))?,
    };
    if member.is_dir() {
        return taking.directory(&name);
    }
    let mode = member.unix_mode().unwrap_or(0);
    if member.is_symlink() {
        let mut target = Vec::new();
        let most = MAX_PATH as u64 + 1;
        member.by_ref().take(most).read_to_end(&mut target).map_err(|error| taking.broken(error))?;
        return taking.symlink(&name, &target);
    }
    match mode & 0o170_000 {
        0 | 0o100_000 => {}
        0o010_000 => return Err(refused(&name, Why::Special("a named pipe"))),
        0o140_000 => return Err(refused(&name, Why::Special("a socket"))),
        _ => return Err(refused(&name, Why::Special("a device"))),
    }
    taking.file(&name, if mode & 0o100 == 0 { FileKind::File } else { FileKind::Executable }, member)
}
