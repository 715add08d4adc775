//! One document as the keys of a stage.

use toml::{Table, Value};

use super::amounts;
use super::input::Reader;
use super::keys::{self, check};
use super::names::Era;
use super::node::{Mistake, Node};
use super::notes::{Notes, Topic};

/// How often Pachyderm tries a datum unless something is said.
const TRIES: i64 = 3;

/// The most that a vds pipeline file lets a stage try a datum, and run at a time. More would come to the same.
const MOST: (i64, i64) = (100, 1024);

/// Where Pachyderm lays inputs and outputs out.
const PFS: &str = "/pfs";

/// The keys of a stage, in the order in which they are written.
pub(super) type Keys = Vec<(&'static str, Value)>;

/// A document, and what it is here.
pub(super) struct Member<'a> {
    pub(super) document: Node<'a>,
    pub(super) era: Era,
    pub(super) stage: &'a str,
}

/// The keys of the stage that the document describes.
pub(super) fn keys(member: &Member<'_>, reader: &Reader<'_>, notes: &mut Notes) -> Result<Keys, Mistake> {
    let Member { document, era, stage } = member;
    check(document, keys::DOCUMENT, notes)?;
    let input = document.get("input").ok_or_else(|| document.wrong("it needs an `input`"))?;
    let mut keys: Keys = vec![("input", reader.input(&input, 0, notes)?)];
    let transform = document.get("transform").ok_or_else(|| document.wrong("it needs a `transform`"))?;
    let place = program(&transform, &mut keys, notes)?;
    let tries = document.get("datum_tries").map_or(Ok(TRIES), |tries| tries.whole())?;
    keys.push(("tries", tries.min(MOST.0).into()));
    for (theirs, ours) in [("datum_timeout", "timeout"), ("job_timeout", "job_timeout")] {
        let Some(said) = document.get(theirs) else { continue };
        let time = amounts::time(said.text()?).map_err(|error| said.wrong(error))?;
        keys.extend(time.map(|time| (ours, time.into())));
    }
    limits(document, stage, &mut keys, notes)?;
    if let Some(spec) = document.get("reprocess_spec") {
        match spec.text()? {
            word @ ("until_success" | "every_job") => keys.push(("reprocess", word.into())),
            _ => return Err(spec.wrong("expected `until_success` or `every_job`")),
        }
    }
    if place == Place::Fixed {
        keys.push(("isolation", "required".into()));
    }
    keys.push(("compat", "pachyderm".into()));
    if *era == Era::One {
        notes.add(Topic::Concat, *stage);
        keys.push(("on_conflict", "concat".into()));
    }
    Ok(keys)
}

/// Where a program looks for its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In `/pfs`, by what is written in the spec.
    Fixed,
    /// Nobody can say.
    Unknown,
}

/// The programs of a `transform`, and what they find besides files.
fn program(transform: &Node<'_>, keys: &mut Keys, notes: &mut Notes) -> Result<Place, Mistake> {
    check(transform, keys::TRANSFORM, notes)?;
    let mut texts: Vec<String> = Vec::new();
    let cmd = transform.get("cmd").ok_or_else(|| {
        transform.wrong(
            "it needs a `cmd`: what an image would start of itself cannot be known; see its ENTRYPOINT",
        )
    })?;
    for (theirs, ours) in [("cmd", "command"), ("stdin", "stdin")] {
        let Some(said) = transform.get(theirs) else { continue };
        texts.extend(said.texts()?);
        keys.push((ours, said.texts()?.into()));
    }
    if cmd.texts()?.first().is_some_and(String::is_empty) {
        return Err(cmd.wrong("expected the name of a program"));
    }
    if let Some(env) = transform.get("env") {
        let mut table = Table::new();
        for (name, value) in env.fields()? {
            let value = value.text()?;
            texts.push(value.to_owned());
            table.insert(name.to_owned(), value.into());
        }
        keys.push(("env", Value::Table(table)));
    }
    if let Some(codes) = transform.get("accept_return_code") {
        let codes: Vec<i64> = codes.items()?.iter().map(Node::whole).collect::<Result<_, _>>()?;
        keys.push(("accept_return_code", codes.into()));
    }
    if let Some(err_cmd) = transform.get("err_cmd") {
        texts.extend(err_cmd.texts()?);
        keys.push(("err_cmd", err_cmd.texts()?.into()));
    }
    for secret in transform.get("secrets").map_or(Ok(Vec::new()), |secrets| secrets.items())? {
        check(&secret, keys::SECRET, notes)?;
        let part = |key: &str| secret.get(key).map_or(Ok(""), |part| part.text());
        notes.add(Topic::Secrets, format!("{} in {}", part("name")?, part("mount_path")?));
    }
    Ok(if texts.iter().any(|text| text.contains(PFS)) { Place::Fixed } else { Place::Unknown })
}

/// How much the stage may use, and how many datums run at a time.
fn limits(document: &Node<'_>, stage: &str, keys: &mut Keys, notes: &mut Notes) -> Result<(), Mistake> {
    if let Some(limits) = document.get("resource_limits") {
        check(&limits, keys::LIMITS, notes)?;
        if let Some(memory) = limits.get("memory") {
            let size = amounts::size(&memory.amount()?).map_err(|error| memory.wrong(error))?;
            notes.add(Topic::Memory, stage);
            keys.push(("limits", Value::Table(Table::from_iter([("memory".to_owned(), size.into())]))));
        }
    }
    if let Some(parallelism) = document.get("parallelism_spec") {
        check(&parallelism, keys::PARALLELISM, notes)?;
        if let Some(constant) = parallelism.get("constant") {
            keys.push(("parallelism", constant.whole()?.min(MOST.1).into()));
        }
    }
    Ok(())
}
