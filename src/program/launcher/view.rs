//! A view of the file system of its own for a program: its directories under fixed names, and a private `/tmp`.
//!
//! The launcher enters new user and mount namespaces (Linux, `user_namespaces(7)`) and builds a root of bind mounts with what the
//! old one has and the program's directory beside. The directories in that are shown to each program anew. Nothing needs to be
//! set up or cleaned up: all of it goes with the launcher.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::{getegid, geteuid, pivot_root};
use rustix::thread::{CapabilitySet, UnshareFlags, remove_capability_from_bounding_set, unshare_unsafe};

use super::door::{PFS, ROOM};

/// The view of a launcher's programs, which is the launcher's own too.
pub(super) struct View {
    room: &'static Path,
    pfs: &'static Path,
}

/// What is shown to one program. It is not shown any more when this is dropped.
pub(super) struct Shown {
    places: Vec<PathBuf>,
    /// What cannot be written while it is shown.
    closed: Vec<PathBuf>,
}

/// The directories in the room that a program may write into.
const OPEN: [&str; 3] = ["out", "tmp", "code"];

impl View {
    /// Enters a view in which `room` is the programs' directory. No thread may have begun.
    pub(super) fn build(room: &Path) -> Result<Self, String> {
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
        // A program of root's could change the view of those after it.
        remove_capability_from_bounding_set(CapabilitySet::SYS_ADMIN)
            .map_err(|error| failed("cannot keep the view as it is", error))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(|error| failed("cannot part the file systems", error))?;
        let root = room.join("root");
        fs::create_dir_all(&root).map_err(|error| failed("cannot make a root", error))?;
        mount("vds", &root, "tmpfs", MountFlags::empty(), None)
            .map_err(|error| failed("cannot make a root", error))?;
        take_over(&root)?;
        bind(room, &root.join(name_of(ROOM)))?;
        hide_others(room, &root)?;
        for place in ["tmp", name_of(PFS)] {
            fs::create_dir_all(root.join(place)).map_err(|error| failed("cannot make a place", error))?;
        }
        mount("vds", root.join(name_of(PFS)), "tmpfs", MountFlags::empty(), None)
            .map_err(|error| failed("cannot make a place", error))?;
        change_root(&root)?;
        // What is written where nobody looks would be lost in silence.
        remount(Path::new("/"), MountFlags::RDONLY)?;
        Ok(Self { room: Path::new(ROOM), pfs: Path::new(PFS) })
    }

    /// Shows the inputs of these names, which cannot be written, the output, and the directory for temporary files, as they lie in
    /// the room now. Nothing beside these can be written.
    pub(super) fn show(&self, inputs: &[String]) -> Result<Shown, String> {
        let Self { room, pfs } = self;
        let mut shown = Shown { places: Vec::new(), closed: Vec::new() };
        shown.bind(room.join("tmp"), "/tmp".into())?;
        shown.bind(room.join("out"), pfs.join("out"))?;
        let all = room.join("in");
        shown.bind(all.clone(), all.clone())?;
        remount(&all, MountFlags::RDONLY)?;
        // What is shown of that is as little to be written as all of it.
        inputs.iter().try_for_each(|name| shown.bind(all.join(name), pfs.join(name)))?;
        for open in OPEN.map(|sub| room.join(sub)) {
            shown.bind(open.clone(), open)?;
        }
        shown.close(room)?;
        shown.close(pfs)?;
        Ok(shown)
    }
}

impl Shown {
    fn bind(&mut self, from: PathBuf, to: PathBuf) -> Result<(), String> {
        bind(&from, &to)?;
        self.places.push(to);
        Ok(())
    }

    /// Lets nothing be written there but where something else lies on it.
    fn close(&mut self, place: &Path) -> Result<(), String> {
        remount(place, MountFlags::RDONLY)?;
        self.closed.push(place.to_owned());
        Ok(())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        for place in &self.closed {
            let _ = remount(place, MountFlags::empty());
        }
        for place in self.places.iter().rev() {
            let _ = unmount(place, UnmountFlags::DETACH);
            if place.starts_with(PFS) {
                // Of one that was left out nobody is to see the name.
                let _ = fs::remove_dir(place);
            }
        }
    }
}

fn failed(what: &str, error: impl Into<io::Error>) -> String {
    format!("{what}: {}", error.into())
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

/// Shows nothing of the directory that has the rooms of other programs beside this one's.
fn hide_others(room: &Path, root: &Path) -> Result<(), String> {
    let Some(rooms) = room.parent().and_then(|rooms| rooms.strip_prefix("/").ok()) else { return Ok(()) };
    let shown = root.join(rooms);
    if rooms.as_os_str().is_empty() || !shown.is_dir() {
        return Ok(());
    }
    mount("vds", &shown, "tmpfs", MountFlags::RDONLY, None)
        .map_err(|error| failed("cannot hide the rooms of others", error))
}

fn bind(from: &Path, to: &PathBuf) -> Result<(), String> {
    let fail = |error| failed(&format!("cannot show {}", from.display()), error);
    fs::create_dir_all(to).map_err(fail)?;
    mount_bind(from, to).map_err(|error| fail(error.into()))
}

/// Lets the place be used so from now on.
fn remount(place: &Path, how: MountFlags) -> Result<(), String> {
    let fail = |error| failed(&format!("cannot show {}", place.display()), error);
    let flags = kept(place).map_err(fail)? | MountFlags::BIND | how;
    mount_remount(place, flags, "").map_err(|error| fail(error.into()))
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
