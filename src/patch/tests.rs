//! Files that are not what one would wish.

use std::ops::ControlFlow;

use super::{Context, Error, rows, text};
use crate::compare::Difference;
use crate::content;
use crate::object::access::memory::Objects;
use crate::object::{BlobId, Entry, FileKind};
use crate::table;

fn difference(before: Option<Entry>, after: Option<Entry>) -> Difference {
    Difference { path: "f.csv".parse().unwrap(), before, after, renamed_from: None }
}

fn kept(objects: &Objects, bytes: &[u8], kind: FileKind) -> Entry {
    let kept = content::keep_bytes(objects, bytes).unwrap();
    Entry { kind, blob: kept.blob, size: kept.size }
}

#[test]
fn very_large_files_are_told_of_and_not_read() {
    // Nothing is kept, so that reading would fail.
    let objects = Objects::default();
    let large = |text: &[u8]| Entry { kind: FileKind::File, blob: BlobId::of(text), size: 2 << 30 };
    let both = difference(Some(large(b"1")), Some(large(b"2")));
    let patch = String::from_utf8(text(&objects, &both, Context::default()).unwrap()).unwrap();
    assert!(
        patch.contains("Large files a/f.csv and b/f.csv differ (only up to 32 MiB are compared by line)"),
        "{patch}"
    );
    let refused = rows(&objects, &both, &"k".parse().unwrap(), &mut |_| ControlFlow::Continue(()));
    let Err(Error::Table { source: table::Error::TooLarge { bytes }, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(bytes, 2 << 30);
}

#[test]
fn bytes_that_are_no_utf8_are_compared_as_they_are() {
    let objects = Objects::default();
    let [a, b] = [b"x\n\xe4\n", b"x\n\xf6\n"].map(|bytes| kept(&objects, bytes, FileKind::File));
    let patch = text(&objects, &difference(Some(a), Some(b)), Context(0)).unwrap();
    assert!(patch.ends_with(b"@@ -2 +2 @@\n-\xe4\n+\xf6\n"), "{}", patch.escape_ascii());
}

#[test]
fn a_link_that_becomes_a_file_is_another_thing() {
    let objects = Objects::default();
    let link = kept(&objects, b"n", FileKind::Symlink);
    let file = kept(&objects, b"n\n", FileKind::Executable);
    let patch = text(&objects, &difference(Some(link), Some(file)), Context::default()).unwrap();
    let patch = String::from_utf8(patch).unwrap();
    assert!(patch.contains("deleted file mode 120000") && patch.contains("new file mode 100755"), "{patch}");
    let plain = Entry { kind: FileKind::File, ..file };
    let patch = text(&objects, &difference(Some(plain), Some(file)), Context::default()).unwrap();
    let want = "diff --git a/f.csv b/f.csv\nold mode 100644\nnew mode 100755\n";
    assert_eq!(String::from_utf8(patch).unwrap(), want);
}

#[test]
fn a_reader_who_has_had_enough_is_told_no_more() {
    let objects = Objects::default();
    let table = kept(&objects, b"k,v\n1,a\n2,b\n", FileKind::File);
    let mut told = 0;
    let enough = &mut |_| {
        told += 1;
        if told == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    rows(&objects, &difference(None, Some(table)), &"k".parse().unwrap(), enough).unwrap();
    assert_eq!(told, 3);
}
