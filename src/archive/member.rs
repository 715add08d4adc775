//! Where a member goes, and where its links lead. Deciding only.

use std::collections::{BTreeMap, VecDeque};

use super::error::Why;
use crate::object::TreePath;

/// So many links are followed one after the other; a file system gives up there, too.
const MOST_LINKS: usize = 40;

/// The path of a member within its archive; `None` for the top itself, which tars name as `./`.
pub(super) fn path(name: &[u8]) -> Result<Option<TreePath>, Why> {
    let name = std::str::from_utf8(name).map_err(|_| Why::NotUtf8)?;
    if name.starts_with('/') {
        return Err(Why::Absolute);
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(Why::Outside);
    }
    if parts.is_empty() && !name.is_empty() {
        return Ok(None);
    }
    parts.join("/").parse().map(Some).map_err(Why::Illegal)
}

/// Whether the link at `path` leads out of the archive, by itself or through others of its `links`.
pub(super) fn leads_out(path: &TreePath, links: &BTreeMap<TreePath, String>) -> bool {
    let mut at: Vec<&str> = path.as_str().split('/').collect();
    at.pop();
    let mut ahead: VecDeque<&str> = VecDeque::new();
    let mut followed = 0;
    let mut next = links.get(path);
    loop {
        if let Some(target) = next.take() {
            followed += 1;
            if target.starts_with('/') {
                return true;
            }
            if followed > MOST_LINKS {
                // It leads nowhere.
                return false;
            }
            target.split('/').rev().for_each(|part| ahead.push_front(part));
        }
        match ahead.pop_front() {
            None => return false,
            Some("" | ".") => {}
            Some("..") => {
                if at.pop().is_none() {
                    return true;
                }
            }
            Some(name) => {
                at.push(name);
                next = at.join("/").parse::<TreePath>().ok().and_then(|here| links.get(&here));
                if next.is_some() {
                    at.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_where_they_say_and_never_out() {
        for (name, want) in [
            ("a/b", "a/b"),
            ("./a//b/", "a/b"),
            ("./", "."),
            ("a/../b", "!Outside"),
            ("..", "!Outside"),
            ("../../etc/passwd", "!Outside"),
            ("/etc/passwd", "!Absolute"),
            ("a\0b", "!Illegal"),
            ("a/.vds/format", "!Illegal"),
            ("", "!Illegal"),
            ("..a/b..", "..a/b.."),
        ] {
            let got = match path(name.as_bytes()) {
                Ok(path) => path.map_or(".".to_owned(), |path| path.to_string()),
                Err(why) => format!("!{}", format!("{why:?}").split(['(', ' ']).next().unwrap()),
            };
            assert_eq!(got, want, "{name:?}");
        }
        assert_eq!(path(b"\xff"), Err(Why::NotUtf8));
    }

    /// Reads `"a/l->../b x->y"`, and tells which of the links lead out.
    #[track_caller]
    fn check(links: &str, want: &str) {
        let links: BTreeMap<TreePath, String> = links
            .split_whitespace()
            .map(|link| link.split_once("->").unwrap())
            .map(|(path, target)| (path.parse().unwrap(), target.to_owned()))
            .collect();
        let out: Vec<&str> =
            links.keys().filter(|path| leads_out(path, &links)).map(TreePath::as_str).collect();
        assert_eq!(out.join(" "), want, "{links:?}");
    }

    #[test]
    fn links_that_lead_out_are_found_also_through_others() {
        check("l->x a/l->../x a/b/l->../../x", "");
        check("l->../x a/l->../../x m->/etc/passwd", "a/l l m");
        check("l->a/../../x", "l");
        // By its text it stays within; by what `up` is, it does not.
        check("a/b/c/up->../../.. m->a/b/c/up/x n->a/b/c/up/../x", "n");
        check("a->b b->a c->c/.. d->.", "");
        check("a->/tmp b->a/x", "a b");
    }
}
