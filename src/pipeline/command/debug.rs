//! A datum laid out for a person, who runs its command by hand.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::attempt::declared;
use super::batch;
use super::datum::Datum;
use super::environment;
use super::previous;
use super::process::{Program, View, prepare};
use super::room::{Files, Room};
use crate::object::ObjectRead;
use crate::pipeline::base::Base;
use crate::pipeline::error::Error;
use crate::pipeline::spec::{Batch, Command, Contents, Memory};
use crate::pipeline::task::Task;
use crate::program::{PFS, Start};

/// Lays the datum out in `dir`, which must not be there: what its program finds, and a script that runs it as vds does. Returns
/// the path of the script.
pub(in crate::pipeline) fn lay_out(
    task: &Task<'_>,
    command: &Command,
    mut datum: Datum,
    last: Option<Base>,
    dir: &Path,
) -> Result<PathBuf, Error> {
    let objects: &dyn ObjectRead = task.store.objects();
    if command.memory == Memory::Output {
        previous::give(objects, &task.stage.input, last.as_ref(), &mut datum)?;
    }
    let mut about =
        format!("datum {} of job {}, {}@{}", datum.name, task.job.id, task.job.stage_name(), task.job.branch);
    for part in datum.parts.iter_mut().filter(|part| part.contents == Contents::Lazy) {
        // Nobody is there to fill pipes.
        part.contents = Contents::Whole;
        about += &format!("; the files of the input {} are whole here", part.input);
    }
    let datum = &datum;
    let mut room = Room::at(dir.to_owned(), Vec::new(), Files::Go)?;
    room.lay_out_code(objects, &declared(task, command)?)?;
    room.lay_out(objects, datum)?;
    let mut start = prepare(task, command, View::Shared, &command.argv, datum, &room, Program::Own)
        .map_err(|reason| Error::Failed { reason, hint: None })?;
    let answers = command.batch != Batch::No;
    if answers {
        // It is told of this datum alone, and answers to the person.
        let line = batch::line(command.batch, &environment::own(task, command, View::Shared, datum, &room));
        let place = room.path("stdin");
        fs::write(&place, line).map_err(|source| Error::io("write", &place, source))?;
        // A file of its own: programs open what they answer in anew, which would empty what the person keeps the output in.
        start.env.insert("VDS_ANSWER".into(), dir.join("answer").into());
    }
    let path = dir.join("run.sh");
    let fail = |source| Error::io("write", &path, source);
    fs::write(&path, script(&about, dir, &start, answers.then(|| dir.join("answer")).as_deref()))
        .map_err(fail)?;
    fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(fail)?;
    room.leave()?;
    Ok(path)
}

/// A shell script that does what starting the process would do, with an output directory that is empty again each time. What it
/// answers in a file is printed behind.
fn script(about: &str, dir: &Path, start: &Start, answer: Option<&Path>) -> Vec<u8> {
    let mut script = b"#!/bin/sh\n# ".to_vec();
    script.extend(about.bytes().filter(|byte| *byte != b'\n'));
    script.extend(b"\nset -e\n");
    if speaks_of_view(dir, start) {
        let note = format!(
            "note: in a job the directories of this program are below {PFS}; here they are in {}, as its variables say, and paths below {PFS} lead nowhere",
            dir.display()
        );
        script.extend([b"echo ", quoted(OsStr::new(&note)).as_slice(), b" >&2\n"].concat());
    }
    for (start, end) in [("rm -rf ", " "), ("mkdir ", " ")] {
        script.extend(start.bytes());
        script.extend(quoted(dir.join("out").as_os_str()));
        script.extend(end.bytes());
        script.extend(quoted(dir.join("tmp").as_os_str()));
        script.push(b'\n');
    }
    script.extend(b"cd ");
    script.extend(quoted(dir.join("code").as_os_str()));
    let answer = answer.map(|answer| quoted(answer.as_os_str()));
    match &answer {
        Some(answer) => script.extend([b"\n: > ", answer.as_slice(), b"\nenv -i"].concat()),
        None => script.extend(b"\nexec env -i"),
    }
    for (name, value) in &start.env {
        script.extend(b" \\\n  ");
        script.extend(name.as_bytes());
        script.push(b'=');
        script.extend(quoted(value));
    }
    script.extend(b" \\\n ");
    for word in &start.argv {
        script.push(b' ');
        script.extend(quoted(OsStr::new(word)));
    }
    script.extend(b" < ");
    let stdin = dir.join("stdin");
    script.extend(if stdin.exists() { quoted(stdin.as_os_str()) } else { b"/dev/null".to_vec() });
    if let Some(answer) = &answer {
        let ends = [
            b" || code=$?\ncat ",
            answer.as_slice(),
            b"\ngrep -q '^ok' ",
            answer,
            b" || exit ${code:-1}\nexit ${code:-0}",
        ];
        script.extend(ends.concat());
    }
    script.push(b'\n');
    script
}

/// Whether the program, or what it reads, names the place that only jobs see.
fn speaks_of_view(dir: &Path, start: &Start) -> bool {
    let speaks = |text: &[u8]| text.windows(PFS.len()).any(|part| part == PFS.as_bytes());
    let code = fs::read_dir(dir.join("code")).into_iter().flatten().flatten().map(|entry| entry.path());
    start.argv.iter().any(|word| speaks(word.as_bytes()))
        || code.chain([dir.join("stdin")]).any(|path| fs::read(path).is_ok_and(|text| speaks(&text)))
}

/// The word as a shell reads it.
fn quoted(word: &OsStr) -> Vec<u8> {
    let mut quoted = b"'".to_vec();
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}
