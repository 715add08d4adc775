//! What a collection that was killed leaves to the next one.

use super::collect;
use super::tests::{author, by, commit, noise, place, read, remove_branch, walkdir};
use crate::progress::Silent;
use crate::store::{DEFAULT_WAIT, Store};

/// A collection that was killed had put its copies in place. The next one made the very same pack, and took it for one that nothing needs.
#[test]
fn what_a_killed_collection_had_copied_is_kept_by_the_next_one() {
    let place = place();
    let store = &place.store;
    let kept = commit(store, "main", &[("a", noise(1, 300_000))]);
    commit(store, "side", &[("b", noise(2, 300_000))]);
    remove_branch(store, "side");
    let want = read(store, kept).unwrap();
    let packs = store.root().join("packs");
    let before = walkdir(&packs);
    let copy = tempfile::tempdir().unwrap();
    for path in walkdir(store.root()) {
        let to = copy.path().join(path.strip_prefix(store.root()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&path, to).unwrap();
    }
    let other = Store::open(copy.path(), DEFAULT_WAIT).unwrap();
    collect(&other, &author(), &by("ops=0"), &Silent).unwrap();
    let mut left = 0;
    for path in walkdir(&other.root().join("packs")) {
        let to = packs.join(path.strip_prefix(other.root().join("packs")).unwrap());
        if !before.contains(&to) {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(path, to).unwrap();
            left += 1;
        }
    }
    assert!(left > 0);
    for _ in 0..2 {
        place.gc();
        assert_eq!(read(store, kept).unwrap(), want);
    }
}
