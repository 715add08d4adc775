//! How vds becomes a launcher, and where programs find their directories then.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;

#[cfg(target_os = "linux")]
use super::serve;

/// With this argument vds is the launcher; what programs see of the file system follows.
pub(super) const ARGUMENT: &str = "__launcher";

/// The program's directory, as it sees it: the one that the launcher was given.
pub const ROOM: &str = "/vds";

/// Where it finds its inputs by their names, and its output as `out`.
pub const PFS: &str = "/pfs";

pub(super) static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Makes the running program, which must call [`launched`] first of all, the launcher of others.
pub fn offer_launcher() {
    if let Ok(own) = std::env::current_exe() {
        let _ = PROGRAM.set(own);
    }
}

/// If this process was started as the launcher: serves until it is not needed any more, and returns an exit code. Call it before
/// any thread is begun.
pub fn launched() -> Option<u8> {
    let mut args = std::env::args_os().skip(1);
    if args.next().as_deref() != Some(OsStr::new(ARGUMENT)) {
        return None;
    }
    let room = args.next().map(PathBuf::from);
    #[cfg(target_os = "linux")]
    let served = serve::serve(room.as_deref());
    #[cfg(not(target_os = "linux"))]
    let served = room.is_none();
    Some(u8::from(!served))
}
