//! Whether a store lies on a file system of another machine.

use std::path::Path;

/// The magic numbers of network file systems, from statfs(2).
#[cfg(target_os = "linux")]
const NETWORKS: [(u64, &str); 8] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
];

/// The network file system that `dir` lies on; `None` if it is local, or nobody knows. Locks and synced writes are
/// there as good as the server makes them.
#[cfg(target_os = "linux")]
pub fn network(dir: &Path) -> Option<&'static str> {
    // The kernel gives 32 bits, signed or not as the machine has it.
    named(u64::try_from(rustix::fs::statfs(dir).ok()?.f_type & 0xffff_ffff).ok()?)
}

/// Nobody knows.
#[cfg(not(target_os = "linux"))]
pub fn network(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(target_os = "linux")]
fn named(number: u64) -> Option<&'static str> {
    NETWORKS.iter().find(|(magic, _)| *magic == number).map(|(_, name)| *name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        for (number, want) in
            [(0x6969, Some("NFS")), (0xff53_4d42, Some("CIFS")), (0xef53, None), (0x0102_1994, None)]
        {
            assert_eq!(named(number), want);
        }
        assert_eq!(network(Path::new("/no/such/place")), None);
    }
}
