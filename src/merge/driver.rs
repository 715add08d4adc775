//! A program that merges one file, called as git calls a merge driver (`gitattributes(5)`, "Defining a custom merge driver").
//!
//! The command is a shell's. In it `%O`, `%A` and `%B` stand for files with the common ancestor's version, ours and theirs, `%P`
//! for the path, `%L` for the length of conflict marks, `%S`, `%X` and `%Y` for the names of the three versions. It leaves the merged file in
//! `%A` and ends with 0, or with 1 to 128 if there are conflicts left in it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::text::Labels;
use super::three::Three;
use crate::object::TreePath;
use crate::program::{self, Ran, Watch};

/// How long a merge driver may take for one file when nothing is said.
pub const DRIVER_TIMEOUT: Duration = Duration::from_secs(600);

/// The length of conflict marks, as in git.
const MARK: &str = "7";

/// The largest exit code that says that conflicts are left.
const CONFLICTS: i32 = 128;

/// How much of what a failed driver printed is told, in characters.
const TOLD: usize = 200;

/// A file as a driver left it.
pub(super) struct Driven {
    pub(super) bytes: Vec<u8>,
    /// Whether it says that conflicts are left.
    pub(super) conflicts: bool,
}

/// A call of a driver.
pub(super) struct Call<'a> {
    pub(super) command: &'a str,
    pub(super) path: &'a TreePath,
    pub(super) labels: &'a Labels,
    /// A directory for the three files, which is the call's own.
    pub(super) dir: &'a Path,
    pub(super) timeout: Duration,
}

impl Call<'_> {
    /// Runs the driver; or says why it came to nothing.
    pub(super) fn run(&self, three: Three<'_>, watch: &Watch) -> Result<Driven, String> {
        let file = |name: &str| self.dir.join(name);
        let unwritten = |error: io::Error| format!("its files cannot be written: {error}");
        for (name, bytes) in [("base", three.base), ("ours", three.ours), ("theirs", three.theirs)] {
            fs::write(file(name), bytes).map_err(unwritten)?;
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(self.expand(&|name| quote(&file(name).to_string_lossy()))).stdin(Stdio::null());
        let Ran { printed, code } = program::run(command, Some(self.timeout), watch);
        match code {
            // The shell did not find it, or may not run it.
            Ok(code @ (126 | 127)) => Err(format!("it ended with exit code {code}{}", said(&printed))),
            Ok(code @ 0..=CONFLICTS) => {
                let bytes =
                    fs::read(file("ours")).map_err(|error| format!("it left no merged file: {error}"))?;
                Ok(Driven { bytes, conflicts: code != 0 })
            }
            Ok(code) => Err(format!("it ended with exit code {code}{}", said(&printed))),
            Err(failure) => Err(format!("{failure}{}", said(&printed))),
        }
    }

    fn expand(&self, file: &dyn Fn(&str) -> String) -> String {
        let mut line = String::new();
        let mut rest = self.command;
        while let Some((before, after)) = rest.split_once('%') {
            line += before;
            let mut chars = after.chars();
            match chars.next() {
                Some('O') => line += &file("base"),
                Some('A') => line += &file("ours"),
                Some('B') => line += &file("theirs"),
                Some('P') => line += &quote(self.path.as_str()),
                Some('L') => line += MARK,
                Some('S') => line += &quote("base"),
                Some('X') => line += &quote(&self.labels.ours),
                Some('Y') => line += &quote(&self.labels.theirs),
                Some('%') => line.push('%'),
                other => {
                    line.push('%');
                    line.extend(other);
                }
            }
            rest = chars.as_str();
        }
        line + rest
    }
}

/// A text as one word of a shell's. What is one already stays as it is, for commands that put quotes around it.
fn quote(text: &str) -> String {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The last of what a program printed, for a message.
fn said(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = words.char_indices().rev().nth(TOLD - 1).map_or(0, |(at, _)| at);
    let last = words.get(start..).unwrap_or_default();
    if last.is_empty() { String::new() } else { format!("; it said: {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(command: &str, timeout: Duration) -> Result<(String, bool), String> {
        let dir = tempfile::tempdir().unwrap();
        let labels = Labels { ours: "main".to_owned(), theirs: "it's".to_owned() };
        let path = "a b/$(x)'.csv".parse().unwrap();
        let call = Call { command, path: &path, labels: &labels, dir: dir.path(), timeout };
        let three = Three { base: b"base\n", ours: b"ours\n", theirs: b"theirs\n" };
        let driven = call.run(three, &Watch::begin())?;
        Ok((String::from_utf8(driven.bytes).unwrap(), driven.conflicts))
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_driver_is_called_as_git_calls_it() {
        let merged = |text: &str, conflicts| Ok((text.to_owned(), conflicts));
        assert_eq!(call("cat %O %B >> %A", LONG), merged("ours\nbase\ntheirs\n", false));
        assert_eq!(
            call("printf '%%s %%s %%s' %P %L %Y > %A; exit 1", LONG),
            merged("a b/$(x)'.csv 7 it's", true)
        );
    }

    #[test]
    fn a_driver_that_fails_says_why() {
        assert_eq!(
            call("echo no such key; exit 129", LONG).unwrap_err(),
            "it ended with exit code 129; it said: no such key"
        );
        assert!(call("rm %A", LONG).unwrap_err().starts_with("it left no merged file"));
        assert!(
            call("no-such-driver %A", LONG)
                .unwrap_err()
                .starts_with("it ended with exit code 127; it said: ")
        );
        assert_eq!(call("kill -9 $$", LONG).unwrap_err(), "it was ended by signal 9");
        let hanging = call("sleep 1000 & wait", Duration::from_millis(50)).unwrap_err();
        assert_eq!(hanging, "it took longer than 0 s");
    }
}
