//! What an archive is, told by its first bytes: its name may say anything.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::error::Error;
use crate::progress::{Progress, Told};

/// A block of a tar, which is enough to tell all kinds apart.
const BLOCK: usize = 512;

/// Where the checksum stands in the first block of a tar member.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Where an archive comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::StandardInput => write!(f, "standard input"),
        }
    }
}

/// An archive, ready to be read.
pub(super) enum Opened<'a> {
    Tar(Box<dyn Read + 'a>),
    Zip(File),
    /// One file that was compressed, and its name.
    Single(Box<dyn Read + 'a>, String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Gzip,
    Zstd,
    Zip,
    Tar,
    Nothing,
    Other(Option<&'static str>),
}

impl Looks {
    fn of(head: &[u8]) -> Self {
        match head {
            [] => Self::Nothing,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if is_tar(head) => Self::Tar,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other(Some("xz")),
            [b'B', b'Z', b'h', ..] => Self::Other(Some("bzip2")),
            [b'7', b'z', 0xbc, 0xaf, ..] => Self::Other(Some("7z")),
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Other(Some("lz4")),
            [b'R', b'a', b'r', b'!', ..] => Self::Other(Some("rar")),
            _ => Self::Other(None),
        }
    }
}

/// Whether this is the first block of a tar: its checksum says so, in every kind of tar there ever was.
fn is_tar(head: &[u8]) -> bool {
    let (Some(block), Some(field)) = (head.get(..BLOCK), head.get(CHECKSUM)) else { return false };
    let digits = String::from_utf8_lossy(field);
    let digits = digits.trim_matches(|c: char| c == ' ' || c == '\0');
    let outside =
        |(at, byte): (usize, &u8)| if CHECKSUM.contains(&at) { u32::from(b' ') } else { u32::from(*byte) };
    let sum: u32 = block.iter().enumerate().map(outside).sum();
    u32::from_str_radix(digits, 8) == Ok(sum)
}

/// The first block, and the source with it put back.
fn peek<'a>(mut source: Box<dyn Read + 'a>) -> io::Result<(Vec<u8>, Box<dyn Read + 'a>)> {
    let mut head = Vec::with_capacity(BLOCK);
    source.by_ref().take(BLOCK as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(source))))
}

/// Opens the archive. Its own bytes are told to `progress` as they are read, except those of a zip.
pub(super) fn open<'a>(source: &Source, progress: &'a dyn Progress) -> Result<Opened<'a>, Error> {
    let place = || source.to_string();
    let broken = |source| Error::Broken { place: place(), source };
    let mut seekable = None;
    let raw: Box<dyn Read + 'a> = match source {
        Source::StandardInput => Box::new(Told { source: io::stdin(), progress }),
        Source::File(path) => {
            let open = || -> io::Result<File> {
                let file = File::open(path)?;
                if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
            };
            let file = open().map_err(|source| Error::Unopenable { place: place(), source })?;
            seekable = file.try_clone().ok();
            Box::new(Told { source: BufReader::new(file), progress })
        }
    };
    let (head, raw) = peek(raw).map_err(broken)?;
    let inside: Box<dyn Read + 'a> = match (Looks::of(&head), seekable) {
        (Looks::Nothing, _) => return Err(Error::Empty { place: place() }),
        (Looks::Tar, _) => return Ok(Opened::Tar(raw)),
        (Looks::Zip, Some(mut file)) => {
            file.rewind().map_err(broken)?;
            return Ok(Opened::Zip(file));
        }
        (Looks::Zip, None) => return Err(Error::NotPiped { what: "a zip, whose table stands at its end" }),
        (Looks::Other(looks), _) => return Err(Error::Unknown { place: place(), looks }),
        (Looks::Gzip, _) => Box::new(MultiGzDecoder::new(raw)),
        (Looks::Zstd, _) => Box::new(zstd::Decoder::new(raw).map_err(broken)?),
    };
    let (head, inside) = peek(inside).map_err(broken)?;
    match (Looks::of(&head), source) {
        (Looks::Tar, _) => Ok(Opened::Tar(inside)),
        (_, Source::StandardInput) => Err(Error::NotPiped { what: "a compressed file without a name" }),
        (_, Source::File(path)) => match single_name(path) {
            Some(name) => Ok(Opened::Single(inside, name)),
            None => Err(Error::Unknown { place: place(), looks: Some("a tar, and is none inside") }),
        },
    }
}

/// The name of a file that was compressed alone; `None` where the archive's name says that there should be a tar in it.
fn single_name(path: &Path) -> Option<String> {
    let name = path.file_name().map(OsStr::to_string_lossy)?;
    let bare = [".gz", ".zst"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let is_tar = [".tar", ".tgz", ".tzst"].into_iter().any(|end| bare.ends_with(end));
    (!is_tar).then(|| bare.to_owned())
}
