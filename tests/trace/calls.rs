//! What a call to the kernel changes about the files below a directory.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::unistd::Pid;

use super::registers::Registers;

/// A file or directory, whatever it is called: its device and its number there.
pub type Node = (u64, u64);

/// One change of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An empty file is made.
    Create(Place),
    /// A file gets this length.
    Resize(Place, u64),
    /// Bytes are written from here on.
    Write(Place, u64, Vec<u8>),
    /// What was written to a file, or which names a directory has, is to be on disk.
    Sync(Place),
    /// A part of a file is sent to the disk, and its length is not.
    Push(Place),
    /// A directory is made.
    MakeDir(Place),
    /// A name moves, over another if there is one.
    Rename(PathBuf, PathBuf),
    /// A name goes.
    Remove(PathBuf),
    /// A file gets another name.
    Link(PathBuf, PathBuf),
    /// A symbolic link is made.
    Symlink(Vec<u8>, PathBuf),
    /// A file can be written through memory, without calls.
    Map(Place),
    /// Something that is not kept by the record: modes and times.
    Other(PathBuf),
    /// Something is said on standard output.
    Say(Vec<u8>),
}

/// An open file, by its name as it is now and by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    pub node: Node,
}

impl Place {
    /// What is to be made at this path.
    fn new(path: PathBuf) -> Self {
        Self { path, node: (0, 0) }
    }

    /// What was made there.
    pub fn find(&mut self) {
        self.node = fs::symlink_metadata(&self.path).map_or((0, 0), |meta| (meta.dev(), meta.ino()));
    }
}

/// Which calls count, and how much is read of them.
pub struct Scope<'a> {
    /// Only changes below this directory count.
    pub root: &'a Path,
    /// Where standard output goes.
    pub said: &'a Path,
    /// Whether bytes are read, too.
    pub bytes: bool,
}

/// A thread that makes a call.
struct Caller<'a> {
    thread: Pid,
    scope: &'a Scope<'a>,
}

impl Caller<'_> {
    fn proc(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.thread))
    }

    fn memory(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let read = File::open(self.proc("mem")).and_then(|memory| memory.read_exact_at(&mut bytes, at));
        read.map(|()| bytes).unwrap_or_default()
    }

    /// The text at this place, up to its zero.
    fn text(&self, at: u64) -> Vec<u8> {
        let Ok(memory) = File::open(self.proc("mem")) else { return Vec::new() };
        let mut text = Vec::new();
        while text.len() < 8192 {
            // Never across the end of a page, behind which there may be nothing.
            let from = at + text.len() as u64;
            let mut piece = vec![0; usize::try_from(256 - from % 256).unwrap()];
            if memory.read_exact_at(&mut piece, from).is_err() {
                break;
            }
            let end = piece.iter().position(|byte| *byte == 0);
            text.extend(&piece[..end.unwrap_or(piece.len())]);
            if end.is_some() {
                break;
            }
        }
        text
    }

    /// The path that a call names by a directory and a text.
    fn path(&self, dir: u64, text: u64) -> PathBuf {
        let text = self.text(text);
        let path = Path::new(std::ffi::OsStr::from_bytes(&text));
        let dir = i32::try_from(dir.cast_signed() << 32 >> 32).unwrap_or(0);
        let base = if dir == libc::AT_FDCWD { "cwd".to_owned() } else { format!("fd/{dir}") };
        let whole = fs::read_link(self.proc(&base)).unwrap_or_default().join(path);
        // Its directory may be a link.
        match (whole.parent().and_then(|parent| parent.canonicalize().ok()), whole.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => whole,
        }
    }

    fn place(&self, file: u64) -> Option<Place> {
        let link = self.proc(&format!("fd/{}", file & 0xffff_ffff));
        let path = fs::read_link(&link).ok()?;
        let meta = fs::metadata(&link).ok()?;
        (meta.is_file() || meta.is_dir()).then(|| Place { path, node: (meta.dev(), meta.ino()) })
    }

    /// Where the next byte of the file goes.
    fn position(&self, file: u64) -> u64 {
        let text =
            fs::read_to_string(self.proc(&format!("fdinfo/{}", file & 0xffff_ffff))).unwrap_or_default();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        let flags = field("flags:").and_then(|flags| i32::from_str_radix(flags, 8).ok()).unwrap_or(0);
        if flags & libc::O_APPEND != 0 {
            return fs::metadata(self.proc(&format!("fd/{}", file & 0xffff_ffff)))
                .map_or(0, |meta| meta.len());
        }
        field("pos:").and_then(|at| at.parse().ok()).unwrap_or(0)
    }

    fn write(&self, args: [u64; 6], at: Option<u64>) -> Option<Change> {
        let place = self.place(args[0])?;
        if place.path == self.scope.said {
            return Some(Change::Say(self.memory(args[1], usize::try_from(args[2]).unwrap_or(0))));
        }
        let at = at.unwrap_or_else(|| self.position(args[0]));
        let len = usize::try_from(args[2]).unwrap_or(0);
        let bytes = if self.scope.bytes { self.memory(args[1], len) } else { Vec::new() };
        Some(Change::Write(place, at, bytes))
    }

    fn write_vector(&self, args: [u64; 6], at: Option<u64>) -> Option<Change> {
        let place = self.place(args[0])?;
        let at = at.unwrap_or_else(|| self.position(args[0]));
        let mut bytes = Vec::new();
        if self.scope.bytes {
            let table = self.memory(args[1], usize::try_from(args[2]).unwrap_or(0) * 16);
            let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap());
            for entry in table.chunks_exact(16) {
                bytes.extend(self.memory(number(&entry[..8]), usize::try_from(number(&entry[8..])).unwrap()));
            }
        }
        Some(Change::Write(place, at, bytes))
    }

    fn open(&self, dir: u64, path: u64, flags: u64) -> Option<Change> {
        let flags = i32::try_from(flags & 0xffff_ffff).ok()?;
        let path = self.path(dir, path);
        match fs::metadata(&path) {
            Err(_) if flags & libc::O_CREAT != 0 => Some(Change::Create(Place::new(path))),
            Ok(meta) if flags & libc::O_TRUNC != 0 && flags & libc::O_EXCL == 0 => {
                Some(Change::Resize(Place { path, node: (meta.dev(), meta.ino()) }, 0))
            }
            _ => None,
        }
    }

    fn change(&self, call: &Registers) -> Option<Change> {
        let args = call.args;
        let [a, b, c, d, ..] = args;
        let here = i64::from(libc::AT_FDCWD).cast_unsigned();
        Some(match call.number {
            libc::SYS_openat => self.open(a, b, c)?,
            libc::SYS_write => self.write(args, None)?,
            libc::SYS_pwrite64 => self.write(args, Some(d))?,
            libc::SYS_writev => self.write_vector(args, None)?,
            libc::SYS_pwritev | libc::SYS_pwritev2 => self.write_vector(args, Some(d))?,
            libc::SYS_mmap => self.map(args)?,
            libc::SYS_ftruncate => Change::Resize(self.place(a)?, b),
            libc::SYS_fsync | libc::SYS_fdatasync => Change::Sync(self.place(a)?),
            libc::SYS_sync_file_range => Change::Push(self.place(a)?),
            libc::SYS_mkdirat => Change::MakeDir(Place::new(self.path(a, b))),
            libc::SYS_renameat | libc::SYS_renameat2 => Change::Rename(self.path(a, b), self.path(c, d)),
            libc::SYS_unlinkat => Change::Remove(self.path(a, b)),
            libc::SYS_linkat => Change::Link(self.path(a, b), self.path(c, d)),
            libc::SYS_symlinkat => Change::Symlink(self.text(a), self.path(b, c)),
            libc::SYS_fchmodat | libc::SYS_utimensat => Change::Other(self.path(a, b)),
            libc::SYS_fchmod | libc::SYS_fallocate => Change::Other(self.place(a)?.path),
            libc::SYS_copy_file_range => self.copied(c, d, usize::try_from(args[4]).ok()?, a)?,
            libc::SYS_sendfile => self.copied(a, 0, usize::try_from(d).ok()?, b)?,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => self.open(here, a, b)?,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_creat => {
                self.open(here, a, u64::from((libc::O_CREAT | libc::O_TRUNC).cast_unsigned()))?
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => Change::MakeDir(Place::new(self.path(here, a))),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => Change::Rename(self.path(here, a), self.path(here, b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink | libc::SYS_rmdir => Change::Remove(self.path(here, a)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_link => Change::Link(self.path(here, a), self.path(here, b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_symlink => Change::Symlink(self.text(a), self.path(here, b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => Change::Other(self.path(here, a)),
            _ => return None,
        })
    }

    fn map(&self, args: [u64; 6]) -> Option<Change> {
        let has = |flags: u64, flag: i32| flags & u64::from(flag.cast_unsigned()) != 0;
        let can_write = has(args[2], libc::PROT_WRITE) && has(args[3], libc::MAP_SHARED);
        (can_write && !has(args[3], libc::MAP_ANONYMOUS)).then(|| self.place(args[4]).map(Change::Map))?
    }

    /// Bytes that the kernel takes from another file.
    fn copied(&self, to: u64, at: u64, len: usize, from: u64) -> Option<Change> {
        let at = if at == 0 { self.position(to) } else { self.number(at) };
        let source = self.proc(&format!("fd/{}", from & 0xffff_ffff));
        let mut bytes = Vec::new();
        if self.scope.bytes {
            let all = fs::read(source).ok()?;
            let start = usize::try_from(self.position(from)).ok()?.min(all.len());
            bytes.extend(&all[start..all.len().min(start.saturating_add(len))]);
        }
        Some(Change::Write(self.place(to)?, at, bytes))
    }

    fn number(&self, at: u64) -> u64 {
        self.memory(at, 8).try_into().map_or(0, u64::from_ne_bytes)
    }
}

impl Change {
    /// What is changed.
    pub fn path(&self) -> &Path {
        match self {
            Self::Rename(_, path)
            | Self::Remove(path)
            | Self::Link(_, path)
            | Self::Symlink(_, path)
            | Self::Other(path) => path,
            Self::Create(place)
            | Self::MakeDir(place)
            | Self::Resize(place, _)
            | Self::Write(place, ..)
            | Self::Sync(place)
            | Self::Map(place)
            | Self::Push(place) => &place.path,
            Self::Say(_) => Path::new("standard output"),
        }
    }

    /// Whether it needs room on the disk.
    pub fn grows(&self) -> bool {
        matches!(
            self,
            Self::Create(_) | Self::MakeDir(_) | Self::Write(..) | Self::Link(..) | Self::Symlink(..)
        )
    }

    /// What is done, in a word.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Resize(..) => "resize",
            Self::Write(..) => "write",
            Self::Sync(_) => "sync",
            Self::Push(_) => "push",
            Self::Map(_) => "map",
            Self::MakeDir(_) => "make directory",
            Self::Rename(..) => "rename to",
            Self::Remove(_) => "remove",
            Self::Link(..) => "link",
            Self::Symlink(..) => "symlink",
            Self::Other(_) => "set",
            Self::Say(_) => "say",
        }
    }
}

/// What this call would change in the scope.
pub fn decode(thread: Pid, call: &Registers, scope: &Scope<'_>) -> Option<Change> {
    let change = Caller { thread, scope }.change(call)?;
    if let Change::MakeDir(place) = &change
        && place.path.exists()
    {
        return None;
    }
    (matches!(change, Change::Say(_)) || change.path().starts_with(scope.root)).then_some(change)
}
