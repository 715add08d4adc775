//! Archives of every kind, and of every kind of malice.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Error, Source, import};
use crate::content;
use crate::object::access::memory::Objects;
use crate::object::{FileKind, TreePath};
use crate::progress::Silent;
use crate::snapshot::Snapshot;
use crate::store::{DEFAULT_WAIT, Store};
use crate::tree;

/// What comes of an archive of this name: `PATH=CONTENT`, with `*` for executable and `@` for a link; then the warnings. Or the failure.
fn taken(name: &str, archive: &[u8], to: Option<&str>) -> Result<String, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, archive).unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let objects = Objects::default();
    let base = tree::empty(&objects).unwrap();
    let to: Option<TreePath> = to.map(|to| to.parse().unwrap());
    let imported = import(&objects, base, &store, &Source::File(path), to.as_ref(), &Silent)?;
    let (root, tally) = imported.draft.finish(&objects).unwrap();
    assert_eq!(tally.added, imported.files);
    let mut words = Vec::new();
    for file in Snapshot::new(&objects, root).scan("").unwrap() {
        let (path, entry) = file.unwrap();
        let mark = match entry.kind {
            FileKind::File => "",
            FileKind::Executable => "*",
            FileKind::Symlink => "@",
        };
        let bytes = content::load(&objects, entry.blob).unwrap();
        words.push(format!("{path}{mark}={}", String::from_utf8_lossy(&bytes)));
    }
    Ok(words.into_iter().chain(imported.warnings).collect::<Vec<_>>().join(" "))
}

/// One member: `PATH=CONTENT`, `PATH*=CONTENT` executable, `PATH@TARGET` a link, `PATH&TARGET` a hard link, `PATH/` a directory,
/// `PATH!c` of another kind.
fn tarred(members: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for member in members.split_whitespace() {
        let (at, sign) =
            member.char_indices().find(|(_, c)| "=@&!".contains(*c)).unwrap_or((member.len(), '/'));
        let (name, rest) = (&member[..at], member.get(at + 1..).unwrap_or(""));
        let mut header = Header::new_gnu();
        let (kind, content) = match sign {
            '=' => (EntryType::Regular, rest),
            '@' => (EntryType::Symlink, ""),
            '&' => (EntryType::Link, ""),
            '/' => (EntryType::Directory, ""),
            _ => (EntryType::new(rest.as_bytes()[0]), ""),
        };
        let bare = name.trim_end_matches('*');
        // Not by `set_path`, which knows what is wrong with some names.
        header.as_gnu_mut().unwrap().name[..bare.len()].copy_from_slice(bare.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..rest.len()].copy_from_slice(rest.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(if name.ends_with('*') { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zipped(members: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members.split_whitespace() {
        if let Some((name, target)) = member.split_once('@') {
            writer.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
        } else if let Some((name, content)) = member.split_once('=') {
            let mode = if name.ends_with('*') { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default().unix_permissions(mode);
            writer.start_file(name.trim_end_matches('*'), options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        } else {
            writer.add_directory(member, SimpleFileOptions::default()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn check(name: &str, archive: &[u8], want: &str) {
    let got = taken(name, archive, None).unwrap_or_else(|error| format!("!{error}"));
    // The place is another one each time.
    let got = got.replace(&std::env::temp_dir().display().to_string(), "");
    assert!(got == want || (want.starts_with('!') && got.contains(&want[1..])), "{got:?} is not {want:?}");
}

#[test]
fn every_kind_of_archive_is_told_by_its_contents() {
    let want = "a/b=1 a/x*=run l@=a/b s/z=2";
    let tar = tarred("./ a/b=1 a/ a/x*=run l@a/b ./s//z=2");
    check("x", &tar, want);
    check("x.zip", &tar, want);
    check("x.tar.gz", &gzipped(&tar), want);
    check("x", &zstd::encode_all(&tar[..], 1).unwrap(), want);
    check("x.tar", &zipped("a/b=1 a/ a/x*=run l@a/b s//z=2"), want);
    // Two gz one after the other are one.
    let (first, second) = tar.split_at(700);
    check("x.gz", &[gzipped(first), gzipped(second)].concat(), want);
    check("x.csv.gz", &gzipped(b"a,b"), "x.csv=a,b");
    check("x.csv.zst", &zstd::encode_all(&b"a,b"[..], 1).unwrap(), "x.csv=a,b");
    check("x", &gzipped(b"a,b"), "x=a,b");
    assert_eq!(
        taken("x", &tar, Some("in/it")).unwrap(),
        "in/it/a/b=1 in/it/a/x*=run in/it/l@=a/b in/it/s/z=2"
    );
}

#[test]
fn what_is_no_archive_is_refused() {
    check("x", b"", "!holds no files");
    check("x", b"a,b\n", "!is no tar, zip, gz or zst archive");
    check("x", b"\xfd7zXZ\0...", "!it looks like xz");
    check("x", &[0; 10240], "!is no tar");
    check("x.tar.gz", &gzipped(b"a,b"), "!is no tar");
    check("x", &tarred("a/"), "!holds no files");
    check("x", b"PK\x03\x04 and no more", "!cannot read");
}

#[test]
fn what_is_cut_or_damaged_is_refused_at_every_byte() {
    let tar = tarred("a=some_text b=more_text");
    let tar = &tar[..2048];
    for whole in [gzipped(tar), zipped("a=some_text b=more_text")] {
        for len in 0..whole.len() - 1 {
            assert!(taken("x.tar", &whole[..len], None).is_err(), "cut at {len}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            // Some bytes say nothing, or only what the time was; what is taken is never another content.
            if let Ok(text) = taken("x.tar", &bytes, None) {
                assert!(text.contains("=some_text") && text.contains("=more_text"), "{at}: {text}");
            }
        }
    }
    for len in [1, 511, 513, 600, 1025, 1100] {
        assert!(taken("x", &tar[..len], None).is_err(), "cut at {len}");
    }
}

#[test]
fn hard_links_are_files_and_the_last_of_a_name_counts() {
    check("x", &tarred("a=1 d/b&a c*=2 e&c"), "a=1 c*=2 d/b=1 e*=2");
    check("x", &tarred("a=1 l@a m&l"), "a=1 l@=a m@=a");
    check(
        "x",
        &tarred("b&a a=1"),
        "!\"b\" cannot be imported: it is a hard link to \"a\", which is no file before it",
    );
    check("x", &tarred("b&/etc/passwd"), "!it is a hard link to \"/etc/passwd\"");
    let again = "the last member counts of each name that came more than once, such as a";
    check("x", &tarred("a=1 b=1 ./a=2"), &format!("a=2 b=1 {again}"));
    check("x", &tarred("a@/etc b=1 a=2"), &format!("a=2 b=1 {again}"));
    check("x", &tarred("a=1 e/ d/ d/e/"), "a=1 passed over 3 directories without files, such as d");
}

#[test]
fn no_member_leads_out() {
    for (members, want) in [
        ("ok=1 ../x=1", "!\"../x\" cannot be imported: its name leads out of the archive"),
        ("a/../../x=1", "!its name leads out"),
        ("/etc/x=1", "!\"/etc/x\" cannot be imported: its name is absolute"),
        ("../d/", "!its name leads out"),
        (".vds/format=1", "!'.vds'"),
        ("l@/etc/passwd", "!\"l\" cannot be imported: it is a link to \"/etc/passwd\", out of the archive"),
        ("a/l@../../x", "!\"a/l\" cannot be imported: it is a link"),
        ("l@/etc l/x=1", "!\"l\" cannot be imported: it is a file, and l/x would lie in it"),
        ("a=1 a/b=2", "!\"a\" cannot be imported: it is a file, and a/b would lie in it"),
    ] {
        check("x", &tarred(members), want);
        check("x", &zipped(members), want);
    }
    for (members, want) in [
        ("p!6", "!it is a named pipe"),
        ("p!3", "!it is a device"),
        ("p!4", "!it is a device"),
        ("p!M", "!it is stored in a way"),
    ] {
        check("x", &tarred(members), want);
    }
    check("x", &tarred("a=1 v!V g!g"), "a=1");
}

#[test]
fn much_that_is_little_takes_no_memory_and_little_room() {
    /// So many zeros, made as they are read.
    struct Zeros(u64);
    impl Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = buffer.len().min(usize::try_from(self.0).unwrap());
            buffer[..len].fill(0);
            self.0 -= len as u64;
            Ok(len)
        }
    }
    let size = 64 << 20;
    let mut header = Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    builder.append(&header, Zeros(size)).unwrap();
    let archive = builder.into_inner().unwrap().finish().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("x");
    fs::write(&path, archive).unwrap();
    let store = Store::init(dir.path(), DEFAULT_WAIT).unwrap();
    let objects = Objects::default();
    let base = tree::empty(&objects).unwrap();
    let imported = import(&objects, base, &store, &Source::File(path), None, &Silent).unwrap();
    assert_eq!(imported.bytes, size);
    assert!(imported.new_bytes < 1 << 20, "{}", imported.new_bytes);
}
