//! The work of a command stage: one process for each datum that has no result yet.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::Error;
use super::job::Datums;
use super::results::{self, Outcome};
use super::run::{Done, Failure, Task};
use super::spec::{Command, Input, OnConflict};
use crate::checkout::{self, Clash};
use crate::content;
use crate::history;
use crate::ingest::{self, Overlay};
use crate::object::{Digest, Entry, FileKind, ObjectRead, ObjectWrite, TreePath};
use crate::progress::Silent;
use crate::snapshot::Snapshot;
use crate::tree::{self, Cursor};

/// How much of a datum's log is kept, in bytes.
const LOG_LIMIT: u64 = 16 << 20;

/// The longest pause between two looks at a process.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The part of one input that a datum sees.
#[derive(Clone)]
struct Part {
    input: String,
    unit: String,
    files: Vec<(TreePath, Entry)>,
}

/// One datum: what a process sees.
struct Datum {
    name: String,
    parts: Vec<Part>,
    key: Digest,
}

pub(super) fn work(task: &Task<'_>, command: &Command, sink: &dyn ObjectWrite) -> Result<Done, Failure> {
    let objects: &dyn ObjectRead = task.store.objects();
    let datums = datums(task, objects)?;
    let mut outcomes: BTreeMap<Digest, Outcome> = BTreeMap::new();
    for datum in &datums {
        if let Some(outcome) = results::find(objects, task.table, &datum.key)? {
            outcomes.insert(datum.key, outcome);
        }
    }
    let missing: Vec<&Datum> = datums.iter().filter(|datum| !outcomes.contains_key(&datum.key)).collect();
    let reused = (datums.len() - missing.len()) as u64;
    task.progress.begin("running datums", Some(missing.len() as u64));
    let ran: Vec<Result<Outcome, Failed>> = missing
        .par_iter()
        .map(|datum| {
            let result = run(task, command, datum, sink);
            task.progress.advance(1);
            result
        })
        .collect();
    task.progress.end();
    let mut new = Vec::new();
    let mut failures = Vec::new();
    for (datum, result) in missing.iter().zip(ran) {
        match result {
            Ok(outcome) => new.push((datum.key, outcome)),
            Err(failed) => failures.push((*datum, failed)),
        }
    }
    let counts = Datums { processed: new.len() as u64, reused, failed: failures.len() as u64 };
    let all_failed = failures.len();
    if let Some((datum, failed)) = failures.into_iter().next() {
        let logs =
            failed.log.map(|log| tree::build(sink, [(datum.name.clone().into_bytes(), log)])).transpose()?;
        let more =
            if all_failed > 1 { format!(" (and {} more datums)", all_failed - 1) } else { String::new() };
        let reason = format!("datum {}: {}{more}", datum.name, failed.reason);
        let hint = Some(format!("`vds job logs {}` shows what it printed", task.job.id));
        return Err(Failure { error: Error::Failed { reason, hint }, datums: counts, logs });
    }
    outcomes.extend(new.iter().copied());
    let outcome = merge(sink, command.on_conflict, &datums, &outcomes)?;
    Ok(Done { outcome, datums: counts, results: new })
}

/// Cuts the inputs into datums, in a fixed order.
fn datums(task: &Task<'_>, objects: &dyn ObjectRead) -> Result<Vec<Datum>, Error> {
    let mut commits = task.inputs.iter();
    let parts = combinations(&task.stage.input, &mut commits, objects)?;
    let code = task.pipeline.code_digest(task.stage);
    Ok(parts.into_iter().map(|parts| Datum { name: name(&parts), key: key(&code, &parts), parts }).collect())
}

fn combinations<'a>(
    input: &Input,
    commits: &mut impl Iterator<Item = &'a crate::object::InputCommit>,
    objects: &dyn ObjectRead,
) -> Result<Vec<Vec<Part>>, Error> {
    match input {
        Input::One(name, source) => {
            let Some(commit) = commits.next() else { return Ok(Vec::new()) };
            let root = history::load(objects, commit.commit)?.tree;
            let mut units: BTreeMap<String, Vec<(TreePath, Entry)>> = BTreeMap::new();
            for file in Snapshot::new(objects, root).scan(source.glob.prefix())? {
                let (path, entry) = file?;
                if let Some(unit) = source.glob.unit(path.as_str()) {
                    units.entry(unit.to_owned()).or_default().push((path, entry));
                }
            }
            Ok(units
                .into_iter()
                .map(|(unit, files)| vec![Part { input: name.clone(), unit, files }])
                .collect())
        }
        Input::Union(inputs) => {
            let mut all = Vec::new();
            for input in inputs {
                all.extend(combinations(input, commits, objects)?);
            }
            Ok(all)
        }
        Input::Cross(inputs) => {
            let mut all = vec![Vec::new()];
            for input in inputs {
                let right = combinations(input, commits, objects)?;
                let pair = |left: &Vec<Part>| -> Vec<Vec<Part>> {
                    right.iter().map(|right| [left.as_slice(), right.as_slice()].concat()).collect()
                };
                all = all.iter().flat_map(pair).collect();
            }
            Ok(all)
        }
    }
}

fn name(parts: &[Part]) -> String {
    let unit = |part: &Part| if part.unit.is_empty() { "all".to_owned() } else { part.unit.clone() };
    match parts {
        [only] => unit(only),
        several => {
            several.iter().map(|part| format!("{}={}", part.input, unit(part))).collect::<Vec<_>>().join(",")
        }
    }
}

/// The hash of what the stage does and of all that the datum sees: names, paths and contents.
fn key(code: &Digest, parts: &[Part]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"vds datum 1\0").update(code.as_bytes());
    let mut text = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    for part in parts {
        text(&part.input);
        text(&part.unit);
        text(&part.files.len().to_string());
        for (path, entry) in &part.files {
            text(path.as_str());
            text(&format!("{} {}", entry.kind as u8, entry.blob));
        }
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// A datum that came to nothing.
struct Failed {
    reason: String,
    log: Option<Entry>,
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { reason: error.into().to_string(), log: None }
    }
}

/// The directories of one datum, gone when it is done.
struct Room {
    dir: tempfile::TempDir,
}

impl Room {
    fn make(task: &Task<'_>) -> Result<Self, Error> {
        let owner = crate::pack::tmp_path(&task.store.tmp());
        let prefix = owner.file_name().unwrap_or_default().to_owned();
        let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(task.store.tmp());
        let room = Self { dir: made.map_err(|source| room_error("make", &owner, source))? };
        for sub in ["in", "out", "tmp", "code"] {
            fs::create_dir(room.path(sub)).map_err(|source| room_error("make", &room.path(sub), source))?;
        }
        Ok(room)
    }

    fn path(&self, sub: &str) -> PathBuf {
        self.dir.path().join(sub)
    }
}

fn room_error(verb: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { verb, path: path.display().to_string(), source }
}

fn run(task: &Task<'_>, command: &Command, datum: &Datum, sink: &dyn ObjectWrite) -> Result<Outcome, Failed> {
    let room = Room::make(task)?;
    let objects: &dyn ObjectRead = task.store.objects();
    for part in &datum.parts {
        let dir = room.path("in").join(&part.input);
        checkout::checkout(objects, &part.files, &dir, Clash::Refuse, &Silent)?;
        make_read_only(&dir, &part.files).map_err(|source| room_error("protect", &dir, source))?;
    }
    let code: Vec<(TreePath, Entry)> = declared(task, command)?;
    checkout::checkout(objects, &code, &room.path("code"), Clash::Refuse, &Silent)?;
    let log_path = room.path("log");
    let result = execute(task, command, datum, &room, &log_path);
    let log = keep_log(sink, &log_path)?;
    if let Err(reason) = result {
        return Err(Failed { reason, log: Some(log) });
    }
    let base = Snapshot::new(sink, tree::empty(sink)?);
    let out = ingest::gather(sink, base, None, &[room.path("out")], None, Overlay::Keep, &Silent)?;
    let (output, _) = out.draft.finish(sink)?;
    let logs = tree::build(sink, [(datum.name.clone().into_bytes(), log)])?;
    Ok(Outcome { output, state: tree::empty(sink)?, logs })
}

fn declared(task: &Task<'_>, command: &Command) -> Result<Vec<(TreePath, Entry)>, Error> {
    let mine = task.pipeline.record.code.iter().filter(|(name, _)| command.code.contains(name));
    mine.map(|(name, entry)| Ok((name.parse().map_err(|_| bad_name(name))?, *entry))).collect()
}

fn bad_name(name: &str) -> Error {
    Error::Failed { reason: format!("the declared file {name:?} has no legal name"), hint: None }
}

fn make_read_only(dir: &Path, files: &[(TreePath, Entry)]) -> std::io::Result<()> {
    for (path, entry) in files.iter().filter(|(_, entry)| entry.kind != FileKind::Symlink) {
        let place = dir.join(path.as_str());
        let mode = if entry.kind == FileKind::Executable { 0o555 } else { 0o444 };
        fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    }
    Ok(())
}

/// Runs the program to its end; the reason, if it did not succeed.
fn execute(task: &Task<'_>, command: &Command, datum: &Datum, room: &Room, log: &Path) -> Result<(), String> {
    let (program, arguments) = command.argv.split_first().ok_or("the command is empty")?;
    let io = |error: std::io::Error| format!("cannot prepare the process: {error}");
    let log = File::create(log).map_err(io)?;
    let mut process = Process::new(program);
    process.args(arguments).current_dir(room.path("code")).stdin(Stdio::null());
    process.stdout(log.try_clone().map_err(io)?).stderr(log).process_group(0);
    process.env_clear();
    for name in ["PATH", "HOME", "LANG", "LC_ALL", "USER", "TZ"] {
        process.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    for part in &datum.parts {
        let variable = part.input.to_uppercase().replace('-', "_");
        let Some(input) = task.inputs.iter().find(|input| input.name == part.input) else { continue };
        process.env(format!("VDS_IN_{variable}"), room.path("in").join(&part.input));
        process.env(format!("VDS_UNIT_{variable}"), &part.unit);
        process.env(format!("VDS_COMMIT_{variable}"), input.commit.to_string());
        process.env(format!("VDS_BRANCH_{variable}"), &input.branch);
    }
    process.env("VDS_IN", room.path("in")).env("VDS_OUT", room.path("out")).env("TMPDIR", room.path("tmp"));
    process
        .env("VDS_DATUM", &datum.name)
        .env("VDS_JOB", task.job.id.to_string())
        .env("VDS_RUN", task.job.run.to_string());
    process.env("VDS_REPO", task.output.name.as_str()).env("VDS_BRANCH", &task.job.branch);
    process.env("VDS_PIPELINE", &task.job.pipeline).env("VDS_STAGE", &task.job.stage);
    process.envs(&command.env);
    let child = process.spawn().map_err(|error| format!("cannot start {program:?}: {error}"))?;
    let status = wait(child, command.timeout)?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("{program:?} ended with exit code {code}")),
        (None, Some(signal)) => Err(format!("{program:?} was ended by signal {signal}")),
        (None, None) => Err(format!("{program:?} ended in an unknown way")),
    }
}

/// Waits for the process; when its time is up, its whole group is killed. Whatever it left running goes too.
fn wait(mut child: Child, timeout: Option<Duration>) -> Result<ExitStatus, String> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let kill = || group.map(|group| kill_process_group(group, Signal::KILL));
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                kill();
                return Ok(status);
            }
            Ok(None) => {}
            Err(error) => return Err(format!("cannot wait for the process: {error}")),
        }
        if let Some(timeout) = timeout.filter(|timeout| begun.elapsed() >= *timeout) {
            kill();
            let _ = child.wait();
            return Err(format!("it took longer than {} s", timeout.as_secs()));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn keep_log(sink: &dyn ObjectWrite, path: &Path) -> Result<Entry, Error> {
    let fail = |source| room_error("read", path, source);
    let file = File::open(path).map_err(fail)?;
    let kept = content::keep(sink, std::io::Read::take(file, LOG_LIMIT))?;
    Ok(Entry { kind: FileKind::File, blob: kept.blob, size: kept.size })
}

/// Puts the outputs of all datums together by the rule for paths that several of them wrote.
fn merge(
    sink: &dyn ObjectWrite,
    rule: OnConflict,
    datums: &[Datum],
    outcomes: &BTreeMap<Digest, Outcome>,
) -> Result<Outcome, Error> {
    let mut claims: BTreeMap<Vec<u8>, Vec<(usize, Entry)>> = BTreeMap::new();
    let mut logs = BTreeMap::new();
    for (at, datum) in datums.iter().enumerate() {
        let Some(outcome) = outcomes.get(&datum.key) else { continue };
        for file in Cursor::<Entry>::new(sink, outcome.output)? {
            let (path, entry) = file?;
            claims.entry(path).or_default().push((at, entry));
        }
        for log in Cursor::<Entry>::new(sink, outcome.logs)? {
            let (_, entry) = log?;
            logs.insert(datum.name.clone().into_bytes(), entry);
        }
    }
    let mut files = Vec::new();
    for (path, claims) in claims {
        let entry = settle(sink, rule, datums, &path, &claims)?;
        files.push((path, entry));
    }
    let output = tree::build(sink, files)?;
    Ok(Outcome { output, state: tree::empty(sink)?, logs: tree::build(sink, logs)? })
}

fn settle(
    sink: &dyn ObjectWrite,
    rule: OnConflict,
    datums: &[Datum],
    path: &[u8],
    claims: &[(usize, Entry)],
) -> Result<Entry, Error> {
    let path = String::from_utf8_lossy(path);
    match (claims, rule) {
        ([(_, only)], _) | ([.., (_, only)], OnConflict::Last) => Ok(*only),
        ([first, second, ..], OnConflict::Error) => {
            let describe = |at: usize| datums.get(at).map(describe).unwrap_or_default();
            let reason = format!("two datums wrote {path}: {} and {}", describe(first.0), describe(second.0));
            let hint =
                "let each datum write its own path, or set on_conflict to \"concat\" or \"last\"".to_owned();
            Err(Error::Failed { reason, hint: Some(hint) })
        }
        (several, _) => {
            let mut bytes = Vec::new();
            for (_, entry) in several {
                bytes.extend(content::load(sink, entry.blob)?);
            }
            let kept = content::keep_bytes(sink, &bytes)?;
            Ok(Entry { kind: FileKind::File, blob: kept.blob, size: kept.size })
        }
    }
}

fn describe(datum: &Datum) -> String {
    let inputs = datum.parts.iter().map(|part| match part.files.as_slice() {
        [(path, _)] => path.to_string(),
        [(path, _), ..] => format!("{path} and {} more files", part.files.len() - 1),
        [] => "nothing".to_owned(),
    });
    format!("{} (from {})", datum.name, inputs.collect::<Vec<_>>().join(", "))
}
