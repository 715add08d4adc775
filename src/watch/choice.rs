//! Which files are not finished, or are somebody's own, by their names.

/// How the names of unfinished files end.
const UNFINISHED: [&str; 4] = [".tmp", ".part", ".partial", "~"];

/// Whether a path in the directory is left out: hidden, or with the name of an unfinished file, at any depth.
pub(super) fn is_left_out(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.') || UNFINISHED.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_and_hidden_files_are_left_out() {
        for path in
            ["a.tmp", "d/a.csv.part", "a.partial", "a~", ".~lock.a.ods#", ".a.csv.Xy12", ".d/a", "d.tmp/a"]
        {
            assert!(is_left_out(path), "{path}");
        }
        for path in ["a", "d/a.csv", "tmp", "a.tmp.csv", "part", "a~b"] {
            assert!(!is_left_out(path), "{path}");
        }
    }
}
