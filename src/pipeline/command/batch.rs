//! One process for many datums: how it is told of them, and how it answers.
//!
//! For each datum it gets a line on its standard input, and answers with a line that it writes into a named pipe. Standard output is
//! no place for answers: it belongs to the log, and to whatever programs print there. One datum is told of at a time, so all
//! that is printed until the answer belongs to it, and all datums can be laid out in the same place.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, mkfifoat, openat};
use rustix::io::ioctl_fionbio;

use super::environment::Environment;
use crate::pipeline::spec::Batch;
use crate::program::{Besides, Event, Failure, Launcher, Live, Running, Start, Watch};

/// The longest answer, in bytes.
const LONGEST: usize = 64 << 10;

/// How long a program may take to end when there are no more datums.
const GRACE: Duration = Duration::from_secs(5);

/// A program that works on one datum after another.
pub(super) struct Worker<'a> {
    running: Running<'a>,
    /// Nothing once there are no more datums.
    tell: Option<PipeWriter>,
    answers: File,
    heard: Vec<u8>,
}

/// What became of a datum.
pub(super) enum Answer {
    /// The program has done its work.
    Done,
    /// It has not, for this reason.
    Failed(String),
    /// It has ended with this exit code, and has not answered.
    Ended(i32),
    /// It answered so, which says nothing.
    Unclear(String),
    /// It answered before it was asked.
    Unasked,
}

impl<'a> Worker<'a> {
    /// Starts the program, which answers into `place`.
    pub(super) fn begin(
        launcher: &mut Option<Launcher>,
        mut start: Start,
        place: &Path,
        watch: &'a Watch,
    ) -> io::Result<Self> {
        match fs::remove_file(place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        mkfifoat(CWD, place, Mode::RUSR | Mode::WUSR)?;
        // Open for writing too: so it never ends, and the program need not wait for anybody to open it.
        let answers =
            File::from(openat(CWD, place, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
        let (stdin, tell) = io::pipe()?;
        ioctl_fionbio(&tell, true)?;
        start.stdin = Some(stdin.into());
        let running = Running::begin(launcher, start, watch)?;
        Ok(Self { running, tell: Some(tell), answers, heard: Vec::new() })
    }

    /// Tells the program of a datum and waits for its answer, while `live` shows what it prints.
    pub(super) fn ask(
        &mut self,
        line: &[u8],
        timeout: Option<Duration>,
        live: &mut Live,
    ) -> Result<Answer, Failure> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let answer = self.ask_until(line, until, live);
        answer.map_err(|failure| match (failure, timeout) {
            (Failure::TimedOut { .. }, Some(limit)) => Failure::TimedOut { limit },
            (failure, _) => failure,
        })
    }

    fn ask_until(
        &mut self,
        mut line: &[u8],
        until: Option<Instant>,
        live: &mut Live,
    ) -> Result<Answer, Failure> {
        let left = || until.map(|until| until.saturating_duration_since(Instant::now()));
        self.hear();
        if !self.heard.is_empty() {
            return Ok(Answer::Unasked);
        }
        while !line.is_empty() {
            let Some(tell) = &mut self.tell else { return Err(Failure::Unknown) };
            match tell.write(line) {
                Ok(count) => line = line.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let can_write = Some(Besides::Write(tell.as_fd()));
                    if let Event::Ended(code) = self.running.wait(left(), can_write, Some(live))? {
                        return Ok(Answer::Ended(code));
                    }
                }
                // Nobody reads it any more; how it ended is seen below.
                Err(_) => break,
            }
        }
        loop {
            if let Some(answer) = self.answer() {
                return Ok(answer);
            }
            let event = self.running.wait(left(), Some(Besides::Read(self.answers.as_fd())), Some(live))?;
            self.hear();
            if let Event::Ended(code) = event {
                return Ok(self.answer().unwrap_or(Answer::Ended(code)));
            }
        }
    }

    /// Takes in what was answered.
    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        if let Ok(count) = self.answers.read(&mut buffer) {
            self.heard.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }

    /// The next whole answer.
    fn answer(&mut self) -> Option<Answer> {
        let end = match self.heard.iter().position(|byte| *byte == b'\n') {
            Some(end) => end,
            None if self.heard.len() > LONGEST => LONGEST,
            None => return None,
        };
        let line: Vec<u8> = self.heard.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line);
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        Some(match (word, rest.trim()) {
            ("ok", "") => Answer::Done,
            ("failed", reason) => Answer::Failed(reason.to_owned()),
            _ => Answer::Unclear(line.trim().chars().take(80).collect()),
        })
    }

    /// What it has printed since this was asked last.
    pub(super) fn printed(&mut self) -> Vec<u8> {
        self.running.printed()
    }

    /// Kills it. Returns what it has printed besides, and the launcher, which is free again.
    pub(super) fn kill(self) -> (Vec<u8>, Option<Launcher>) {
        self.running.finish()
    }

    /// Lets it end, since there are no more datums for now.
    pub(super) fn end(mut self) -> Option<Launcher> {
        drop(self.tell.take());
        // One that takes too long is killed; one that failed has answered for all its datums before.
        let _ = self.running.wait(Some(GRACE), None, None);
        self.kill().1
    }
}

/// The line that tells of a datum with these variables.
pub(super) fn line(form: Batch, variables: &Environment) -> Vec<u8> {
    let variables = variables.iter().map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()));
    let text = match form {
        Batch::Shell => {
            let set = variables.map(|(name, value)| format!(" {name}={}", quoted(&value)));
            format!("export{}", set.collect::<String>())
        }
        Batch::Json | Batch::No => {
            let object = variables.map(|(name, value)| (name.into(), value.into())).collect();
            serde_json::Value::Object(object).to_string()
        }
    };
    (text + "\n").into_bytes()
}

/// The text as a shell reads it, in one line.
fn quoted(text: &str) -> String {
    if !text.contains('\n') {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut inner = String::new();
    for each in text.chars() {
        match each {
            '\n' => inner += "\\n",
            '\\' => inner += "\\\\",
            '%' => inner += "%%",
            '\'' => inner += "'\\''",
            each => inner.push(each),
        }
    }
    format!("\"$(printf -- '{inner}')\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_what_is_meant() {
        let values = ["plain", "it's $HOME \"`x`\" \\n", "two\nlines", "a%s\\'\nb\tc  d", ""];
        for value in values {
            let variables = Environment::from([("A".into(), value.into()), ("B".into(), "b".into())]);
            let line = String::from_utf8(line(Batch::Shell, &variables)).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            let script =
                format!("read -r line <<'END'\n{line}END\neval \"$line\"; printf '%s|%s' \"$A\" \"$B\"");
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{value}|b"));
        }
    }

    #[test]
    fn a_line_of_json_holds_all_variables() {
        let variables = Environment::from([("A".into(), "x\n\"y".into()), ("B".into(), "".into())]);
        assert_eq!(line(Batch::Json, &variables), b"{\"A\":\"x\\n\\\"y\",\"B\":\"\"}\n");
    }
}
