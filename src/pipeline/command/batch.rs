//! One process for many datums: how it is told of them, and how it answers.
//!
//! For each datum it gets a line on its standard input, and answers with a line that it writes into a named pipe. Standard output is
//! no place for answers: it belongs to the log, and to whatever programs print there. One datum is told of at a time, so all
//! that is printed until the answer belongs to it, and all datums can be laid out in the same place.
//!
//! A program that answers too soon, or twice, would have what it wrote taken for the output of another datum. So it is not told of
//! a datum before it reads on: it gets the beginning of the line, and the rest when it has taken that. Whoever reads on is done with
//! the datum before, so what it has answered until then, it has answered for that one, and more than one answer is seen. When
//! there are no more datums it is waited for until it ends. The result of a datum counts only then.

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

/// How long a program may take to end when there are no more datums, unless it is said how long a datum may.
const GRACE: Duration = Duration::from_secs(60);

/// The least that a pipe can hold. It can be written into only when it is empty.
const SMALLEST: usize = 1;

/// A program that works on one datum after another.
pub(super) struct Worker<'a> {
    running: Running<'a>,
    /// Nothing once there are no more datums.
    tell: Option<PipeWriter>,
    answers: File,
    heard: Vec<u8>,
}

/// What a program does that was told of a datum, or has been begun.
pub(super) enum Turn {
    /// It reads on.
    ReadsOn,
    /// It has ended with this exit code.
    Ended(i32),
    /// It has answered more than once, or unasked.
    Surplus,
}

/// A line for a program, and what that is to answer.
pub(super) struct Told<'a> {
    pub(super) line: &'a [u8],
    /// The id of the datum, which an answer may name.
    pub(super) id: &'a str,
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
    /// It answered for another datum.
    Other,
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
        shrink(&tell);
        start.stdin = Some(stdin.into());
        let running = Running::begin(launcher, start, watch)?;
        Ok(Self { running, tell: Some(tell), answers, heard: Vec::new() })
    }

    /// Waits until the program reads on, which it does by taking the beginning of `line`. It has that long.
    pub(super) fn turn(
        &mut self,
        line: &[u8],
        timeout: Option<Duration>,
        live: &mut Live,
    ) -> Result<Turn, Failure> {
        let until = Until::of(timeout);
        let turn = if let Some(code) = self.tell(line.get(..1).unwrap_or_default(), &until, live)? {
            Turn::Ended(code)
        } else {
            let Some(tell) = &self.tell else { return Err(Failure::Unknown) };
            match until.wait(&mut self.running, Besides::Write(tell.as_fd()), live)? {
                Event::Ready => Turn::ReadsOn,
                Event::Ended(code) => Turn::Ended(code),
            }
        };
        self.hear();
        Ok(if self.heard.is_empty() { turn } else { Turn::Surplus })
    }

    /// Tells the program, which reads on, of a datum and waits for its answer, while `live` shows what it prints.
    pub(super) fn ask(
        &mut self,
        told: &Told<'_>,
        timeout: Option<Duration>,
        live: &mut Live,
    ) -> Result<Answer, Failure> {
        let until = Until::of(timeout);
        if let Some(code) = self.tell(told.line.get(1..).unwrap_or_default(), &until, live)? {
            return Ok(Answer::Ended(code));
        }
        loop {
            if let Some(answer) = self.answer(told.id) {
                return Ok(answer);
            }
            let event = until.wait(&mut self.running, Besides::Read(self.answers.as_fd()), live)?;
            self.hear();
            if let Event::Ended(code) = event {
                return Ok(self.answer(told.id).unwrap_or(Answer::Ended(code)));
            }
        }
    }

    /// Writes to the program as fast as it reads; the exit code, if it has ended.
    fn tell(&mut self, mut text: &[u8], until: &Until, live: &mut Live) -> Result<Option<i32>, Failure> {
        while !text.is_empty() {
            let Some(tell) = &mut self.tell else { return Err(Failure::Unknown) };
            match tell.write(text) {
                Ok(count) => text = text.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let can_write = Besides::Write(tell.as_fd());
                    if let Event::Ended(code) = until.wait(&mut self.running, can_write, live)? {
                        return Ok(Some(code));
                    }
                }
                // Nobody reads it any more; how it ended is seen by who waits for it.
                Err(_) => break,
            }
        }
        Ok(None)
    }

    /// Takes in what was answered.
    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        if let Ok(count) = self.answers.read(&mut buffer) {
            self.heard.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }

    /// The next whole answer.
    fn answer(&mut self, id: &str) -> Option<Answer> {
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
            ("ok", named) if named == id => Answer::Done,
            ("ok", named) if named.len() == id.len() => Answer::Other,
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

    /// Lets it end, since there are no more datums for now. Returns why its last answer does not count, if so, and the launcher.
    pub(super) fn end(mut self, timeout: Option<Duration>) -> (Option<String>, Option<Launcher>) {
        drop(self.tell.take());
        let limit = timeout.unwrap_or(GRACE);
        let ended = self.running.wait(Some(limit), None, None);
        self.hear();
        let doubt = match ended {
            _ if !self.heard.is_empty() => Some(TWICE.to_owned()),
            Err(Failure::TimedOut { .. }) => {
                Some(format!("did not end within {} s of the end of its standard input", limit.as_secs()))
            }
            Err(Failure::Stopped) => Some("was stopped before it ended".to_owned()),
            // One that failed has answered for all its datums before.
            Ok(_) | Err(_) => None,
        };
        (doubt, self.kill().1)
    }
}

/// What is said of a program that answers too often.
pub(super) const TWICE: &str = "answered more than once";

/// How long is waited.
struct Until {
    limit: Option<Duration>,
    moment: Option<Instant>,
}

impl Until {
    fn of(limit: Option<Duration>) -> Self {
        Self { limit, moment: limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    /// Waits for something besides the end of the program.
    fn wait(
        &self,
        running: &mut Running<'_>,
        besides: Besides<'_>,
        live: &mut Live,
    ) -> Result<Event, Failure> {
        let left = self.moment.map(|moment| moment.saturating_duration_since(Instant::now()));
        running.wait(left, Some(besides), Some(live)).map_err(|failure| match (failure, self.limit) {
            (Failure::TimedOut { .. }, Some(limit)) => Failure::TimedOut { limit },
            (failure, _) => failure,
        })
    }
}

/// Lets the pipe hold as little as may be. Where that cannot be had, more of a program's surplus answers go unseen.
fn shrink(pipe: &PipeWriter) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, SMALLEST);
    #[cfg(not(target_os = "linux"))]
    let _ = (pipe, SMALLEST);
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
