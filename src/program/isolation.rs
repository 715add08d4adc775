//! A view of the file system of its own for a program: its directories under fixed names, and a private `/tmp`.
//!
//! The program is started through a launcher, which is vds itself: it enters new user and mount namespaces (Linux,
//! `user_namespaces(7)`), builds a root of bind mounts with what the old one has and the program's directories beside, and becomes the
//! program. Nothing needs to be set up or cleaned up: all of it goes with the process. Where the kernel does not let it, programs run
//! without.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// With this argument vds is the launcher; the directory of the program and its command line follow.
const ARGUMENT: &str = "__isolated";

/// The exit code of a launcher that failed.
const FAILED: u8 = 125;

/// With this and the number of an error the launcher says that all was ready and the program could not be started.
const EXEC: &str = "exec ";

/// The program's directory, as it sees it: the one that the launcher was given.
pub const ROOM: &str = "/vds";

/// Where it finds its inputs by their names, and its output as `out`.
pub const PFS: &str = "/pfs";

static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();

/// Makes the running program, which must call [`launched`] first of all, the launcher of others.
pub fn offer_launcher() {
    if let Ok(own) = std::env::current_exe() {
        let _ = LAUNCHER.set(own);
    }
}

/// The launcher, ready for a program whose directory is `room`, with `in`, `out`, `tmp` and `code` in it. The command line is
/// to be added. `None` where there is none.
pub fn launcher(room: &Path) -> Option<Command> {
    let mut command = Command::new(LAUNCHER.get()?);
    command.arg(ARGUMENT).arg(room);
    Some(command)
}

/// Why programs cannot have a view of their own here; nothing if they can. It is tried once, with the help of the directory
/// `room`, which must not be there.
pub fn obstacle(room: &Path) -> Option<&'static str> {
    static TRIED: OnceLock<Option<String>> = OnceLock::new();
    let tried = TRIED.get_or_init(|| {
        let reason = attempt(room).err();
        // It lies in a directory that is swept.
        let _ = fs::remove_dir_all(room);
        reason
    });
    tried.as_deref()
}

fn attempt(room: &Path) -> Result<(), String> {
    for sub in ["in", "out", "tmp", "code"] {
        fs::create_dir_all(room.join(sub)).map_err(|error| error.to_string())?;
    }
    let mut command = launcher(room).ok_or("this program is not vds")?;
    let output = command.args(["/bin/sh", "-c", ":"]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Why the launcher could not start the program, from its exit code and what was printed, of which it takes its own line.
pub fn not_started(code: i32, printed: &mut Vec<u8>) -> Option<io::Error> {
    if code != i32::from(FAILED) {
        return None;
    }
    let text = String::from_utf8_lossy(printed).into_owned();
    let (before, number) = text.trim_end().rsplit_once(&format!("vds: {EXEC}"))?;
    let number = number.parse().ok()?;
    *printed = before.as_bytes().to_vec();
    Some(io::Error::from_raw_os_error(number))
}

/// If this process was started as the launcher: becomes the program, or returns the exit code of a failure. Call it before any
/// thread is begun.
pub fn launched() -> Option<u8> {
    let mut args = std::env::args_os().skip(1);
    if args.next().as_deref() != Some(OsStr::new(ARGUMENT)) {
        return None;
    }
    let failure = match (args.next(), args.collect::<Vec<_>>()) {
        (Some(room), argv) if !argv.is_empty() => enter::enter(Path::new(&room), &argv),
        _ => "the launcher was called wrongly".to_owned(),
    };
    eprintln!("vds: {failure}");
    Some(FAILED)
}

fn failed(what: &str, error: impl Into<io::Error>) -> String {
    format!("{what}: {}", error.into())
}

#[cfg(target_os = "linux")]
mod enter {
    use std::os::unix::process::CommandExt;

    use rustix::fs::{StatVfsMountFlags, statvfs};
    use rustix::mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
        mount_change, mount_remount, unmount,
    };
    use rustix::process::{getegid, geteuid, pivot_root};
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    use super::{Command, EXEC, OsString, PFS, Path, PathBuf, ROOM, failed, fs, io};

    /// Becomes the program; or says why not.
    pub(super) fn enter(room: &Path, argv: &[OsString]) -> String {
        let Some((program, arguments)) = argv.split_first() else { return "there is no program".to_owned() };
        if let Err(failure) = view(room) {
            return failure;
        }
        let error = Command::new(program).args(arguments).exec();
        format!("{EXEC}{}", error.raw_os_error().unwrap_or(0))
    }

    fn view(room: &Path) -> Result<(), String> {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        #[expect(unsafe_code, reason = "no thread has begun, and files stay shared")]
        // SAFETY: it is unsafe for what becomes of file descriptors, which these flags leave alone.
        let parted = unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) };
        parted.map_err(|error| failed("there are no namespaces for programs here", error))?;
        let map = |file: &str, text: String| {
            fs::write(format!("/proc/self/{file}"), text)
                .map_err(|error| failed("cannot keep the user", error))
        };
        map("setgroups", "deny".to_owned())?;
        map("uid_map", format!("{user} {user} 1"))?;
        map("gid_map", format!("{group} {group} 1"))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(|error| failed("cannot part the file systems", error))?;
        let root = room.join("root");
        fs::create_dir_all(&root).map_err(|error| failed("cannot make a root", error))?;
        mount("vds", &root, "tmpfs", MountFlags::empty(), None)
            .map_err(|error| failed("cannot make a root", error))?;
        take_over(&root)?;
        bind(&room.join("tmp"), &root.join("tmp"))?;
        bind(room, &root.join(name_of(ROOM)))?;
        inputs(room, &root)?;
        change_root(&root)?;
        std::env::set_current_dir(Path::new(ROOM).join("code"))
            .map_err(|error| failed("cannot enter the directory", error))
    }

    fn name_of(place: &str) -> &str {
        place.trim_start_matches('/')
    }

    /// What the old root has, but for what the program has of its own.
    fn take_over(root: &Path) -> Result<(), String> {
        let fail = |path: &Path| {
            let path = path.display().to_string();
            move |error| failed(&format!("cannot take {path} over"), error)
        };
        for entry in fs::read_dir("/").map_err(fail(Path::new("/")))? {
            let entry = entry.map_err(fail(Path::new("/")))?;
            let (old, new) = (entry.path(), root.join(entry.file_name()));
            let is_own = ["tmp", name_of(ROOM), name_of(PFS)].iter().any(|own| entry.file_name() == *own);
            let kind = entry.file_type().map_err(fail(&old))?;
            if is_own {
                continue;
            }
            if kind.is_symlink() {
                let target = fs::read_link(&old).map_err(fail(&old))?;
                std::os::unix::fs::symlink(target, &new).map_err(fail(&old))?;
                continue;
            }
            if kind.is_dir() {
                fs::create_dir(&new).map_err(fail(&old))?;
            } else {
                fs::write(&new, "").map_err(fail(&old))?;
            }
            mount_bind_recursive(&old, &new).map_err(|error| fail(&old)(error.into()))?;
        }
        Ok(())
    }

    fn bind(from: &Path, to: &PathBuf) -> Result<(), String> {
        let fail = |error| failed(&format!("cannot show {}", from.display()), error);
        fs::create_dir_all(to).map_err(fail)?;
        mount_bind(from, to).map_err(|error| fail(error.into()))
    }

    /// Shows the inputs, which cannot be written, and the output under their names.
    fn inputs(room: &Path, root: &Path) -> Result<(), String> {
        let (inputs, pfs) = (room.join("in"), root.join(name_of(PFS)));
        let fail = |error| failed(&format!("cannot show {}", inputs.display()), error);
        let read_only = |place: &Path| {
            let flags = kept(place).map_err(fail)? | MountFlags::BIND | MountFlags::RDONLY;
            mount_remount(place, flags, "").map_err(|error| fail(error.into()))
        };
        for entry in fs::read_dir(&inputs).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let place = pfs.join(entry.file_name());
            bind(&entry.path(), &place)?;
            read_only(&place)?;
        }
        bind(&room.join("out"), &pfs.join("out"))?;
        let shown = root.join(name_of(ROOM)).join("in");
        bind(&inputs, &shown)?;
        read_only(&shown)
    }

    /// What the file system forbids already. Who is not its owner may not lift it.
    fn kept(place: &Path) -> io::Result<MountFlags> {
        let set = statvfs(place)?.f_flag;
        let kept = [
            (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
            (StatVfsMountFlags::NODEV, MountFlags::NODEV),
            (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
            (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
            (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
            (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
        ];
        Ok(kept
            .iter()
            .filter(|(is, _)| set.contains(*is))
            .fold(MountFlags::empty(), |all, (_, flag)| all | *flag))
    }

    fn change_root(root: &Path) -> Result<(), String> {
        let fail = |error| failed("cannot enter the new root", error);
        std::env::set_current_dir(root).map_err(fail)?;
        // The old root comes to lie on the new one, and is taken off it.
        pivot_root(".", ".").map_err(|error| fail(error.into()))?;
        unmount(".", UnmountFlags::DETACH).map_err(|error| fail(error.into()))?;
        std::env::set_current_dir("/").map_err(fail)
    }
}

#[cfg(not(target_os = "linux"))]
mod enter {
    use super::{OsString, Path};

    pub(super) fn enter(_: &Path, _: &[OsString]) -> String {
        "there are no mount namespaces on this system".to_owned()
    }
}
