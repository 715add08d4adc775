//! A copy of a store in use as one file, a tar archive: what it unpacks to is a store that opens and is whole.
//!
//! What comes first in it is needed by what comes later: packs, then the journal as it was before they were listed, and at last the file that says
//! that this is a store. So an archive that ends too early unpacks to none. Packs are compressed as they are, so the archive is not.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tar::{EntryType, Header};

use super::directory::{TRIES, copy_pack, outside, whole_journal};
use super::error::Error;
use crate::backend::{Backend as _, Listed, LocalBackend};
use crate::interrupt::undo_with;
use crate::journal::Journal;
use crate::object::Digest;
use crate::progress::{Amount, Progress};
use crate::store::{DIR_NAME, Store};

/// Archives consist of blocks of so many bytes.
const BLOCK: u64 = 512;

/// With two empty blocks they end.
const END: [u8; 1024] = [0; 1024];

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// The last operation in it.
    pub operation: u64,
    /// How many packs it has.
    pub packs: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes an archive of `store` into the new file `path`, which is there when it is whole and on disk.
pub fn archive(store: &Store, path: &Path, progress: &dyn Progress) -> Result<Archived, Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let fail = |source| Error::Io { path: path.to_owned(), source };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::metadata(dir).map_err(fail)?;
    outside(store, dir)?;
    let mut draft = tempfile::Builder::new();
    draft.prefix(".vds-backup-").permissions(Permissions::from_mode(0o666));
    // Its error names the draft, which nobody asked for.
    let draft = draft.tempfile_in(dir).map_err(|error| fail(error.kind().into()))?;
    let place = draft.path().to_owned();
    let _undoing = undo_with(move || drop(fs::remove_file(place)));
    let archived = stream(store, draft.as_file(), path, progress)?;
    draft.as_file().sync_all().map_err(fail)?;
    draft.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        _ => fail(error.error),
    })?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)?;
    Ok(archived)
}

/// Writes an archive of `store` to `out`, which messages call `name`. What was written before an error is no archive.
pub fn stream(
    store: &Store,
    out: impl Write,
    name: &Path,
    progress: &dyn Progress,
) -> Result<Archived, Error> {
    // A store in which nothing has happened yet gets its journal.
    store.session()?.check_sound()?;
    let out = BufWriter::with_capacity(1 << 20, out);
    let mut writing = Writing { store, out, name, written: 0, packs: BTreeSet::new(), progress };
    for _ in 0..TRIES {
        let journal = whole_journal(store)?;
        if writing.packs()? {
            return writing.end(&journal);
        }
    }
    Err(Error::Restless)
}

/// An archive that is being written.
struct Writing<'a, W: Write> {
    store: &'a Store,
    out: BufWriter<W>,
    name: &'a Path,
    written: u64,
    packs: BTreeSet<Digest>,
    progress: &'a dyn Progress,
}

impl<W: Write> Writing<'_, W> {
    /// Adds a file of so many bytes, which `content` writes, under its place in the store's directory.
    fn add(
        &mut self,
        place: &str,
        len: u64,
        content: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let name = self.name;
        let fail = |source| Error::Io { path: name.to_owned(), source };
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(len);
        header.set_mode(0o644);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        header.set_mtime(now.as_secs());
        header.set_path(Path::new(DIR_NAME).join(place)).map_err(fail)?;
        header.set_cksum();
        self.out.write_all(header.as_bytes()).map_err(fail)?;
        content(&mut self.out)?;
        let rest = usize::try_from(len.next_multiple_of(BLOCK) - len).unwrap_or_default();
        self.out.write_all(&vec![0; rest]).map_err(fail)?;
        self.written += BLOCK + len.next_multiple_of(BLOCK);
        Ok(())
    }

    /// Adds the packs that are there and not added yet; false if one has gone meanwhile.
    fn packs(&mut self) -> Result<bool, Error> {
        let mut new = LocalBackend::new(&self.store.root().join("packs")).list()?;
        new.retain(|pack| !self.packs.contains(&pack.name));
        let bytes = new.iter().map(|pack| pack.len).sum();
        self.progress.begin("copying packs", Amount::Bytes(Some(bytes)));
        for Listed { name, len } in new {
            // Whole and checked, before anything is told of it.
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
            let path = self.name;
            if !copy_pack(self.store, &name, &mut bytes, path)? {
                return Ok(false);
            }
            let fail = |source| Error::Io { path: path.to_owned(), source };
            let content = |out: &mut dyn Write| out.write_all(&bytes).map_err(fail);
            self.add(&format!("packs/{name:.2}/{name}.pack"), bytes.len() as u64, content)?;
            self.packs.insert(name);
            self.progress.advance(len);
        }
        self.progress.end();
        Ok(true)
    }

    /// Adds the journal, and what says that this is a store.
    fn end(mut self, journal: &Journal) -> Result<Archived, Error> {
        let name = self.name;
        let fail = |source| Error::Io { path: name.to_owned(), source };
        let format = fs::read(self.store.root().join("format")).map_err(fail)?;
        self.add("journal/operations", journal.len(), |out| Ok(journal.copy_to(out)?))?;
        self.add("format", format.len() as u64, |out| out.write_all(&format).map_err(fail))?;
        self.out.write_all(&END).and_then(|()| self.out.flush()).map_err(fail)?;
        let (packs, bytes) = (self.packs.len() as u64, self.written + END.len() as u64);
        Ok(Archived { operation: journal.tip().number, packs, bytes })
    }
}
