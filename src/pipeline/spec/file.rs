//! Reading a pipeline file, and saying where a mistake is and what was expected.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::input::{Input, Leaf};
use super::input_file::{InputTable, check_names};
use super::model::{Command, Declared, OnConflict, Spec, Stage, Work};
use super::words::plain;
use crate::object::{PipelineName, StageName, TreePath};
use crate::pipeline::pattern::Source;
use crate::pipeline::stage::{bin, measure, select};

/// A mistake in a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct SpecError {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl SpecError {
    /// A mistake at the byte `at` of the file `file`, whose text is `text`.
    pub fn at(file: &str, text: &str, at: usize, message: String) -> Self {
        let (line, column) = place(text, at);
        Self { file: file.to_owned(), line, column, message }
    }
}

/// A mistake and the byte at which it is.
struct Mistake {
    at: usize,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pipeline: PipelineName,
    #[serde(default)]
    description: String,
    #[serde(default)]
    stage: BTreeMap<StageName, Spanned<StageTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    input: Option<Spanned<InputTable>>,
    inputs: Option<Spanned<BTreeMap<String, Source>>>,
    bin: Option<bin::Params>,
    measure: Option<measure::Params>,
    select: Option<select::Params>,
    command: Option<Spanned<Argv>>,
    code: Option<Spanned<Vec<Spanned<String>>>>,
    env: Option<Spanned<BTreeMap<String, String>>>,
    timeout: Option<Spanned<Span>>,
    on_conflict: Option<Spanned<OnConflict>>,
}

/// A length of time as it is written: `30s`, `10m`, `2h`.
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unit = |suffix: char, seconds: u64| {
            let count: u64 = text.strip_suffix(suffix)?.parse().ok().filter(|count| *count > 0)?;
            Some(Duration::from_secs(count.checked_mul(seconds)?))
        };
        let span = unit('s', 1).or_else(|| unit('m', 60)).or_else(|| unit('h', 3600));
        span.map(Span).ok_or_else(|| {
            de::Error::custom(format!("{text:?} is not a time; expected such as \"30s\", \"10m\" or \"2h\""))
        })
    }
}

/// A program and its arguments. A line for a shell is refused with the way to write it.
struct Argv(Vec<String>);

impl<'de> Deserialize<'de> for Argv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Argv;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts: the program and its arguments")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Argv, E> {
                Err(E::custom(format!(
                    "a command is a list, the program and its arguments; a line for the shell is [\"sh\", \"-c\", {text:?}]"
                )))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Argv, A::Error> {
                let mut argv: Vec<String> = Vec::new();
                while let Some(word) = list.next_element::<String>()? {
                    if word.contains('\0') {
                        return Err(de::Error::custom("no argument can hold a NUL"));
                    }
                    argv.push(word);
                }
                Ok(Argv(argv))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// The line and the column of the byte `at`, both counted from 1.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

impl Spec {
    /// Reads a pipeline file; `file` is how messages name it.
    pub fn parse(file: &str, text: &str) -> Result<Self, SpecError> {
        let fail = |Mistake { at, message }| SpecError::at(file, text, at, message);
        let toml_error = |error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            fail(Mistake { at, message: plain(error.message(), text.get(at..).unwrap_or_default()) })
        };
        let parsed: File = toml::from_str(text).map_err(toml_error)?;
        let tables: toml::Table = toml::from_str(text).map_err(toml_error)?;
        let mut stages = BTreeMap::new();
        for (name, table) in parsed.stage {
            let raw = tables.get("stage").and_then(|stages| stages.get(name.as_str()));
            let place = table.span().start;
            let stage = read_stage(table.into_inner(), place, raw).map_err(|Mistake { at, message }| {
                fail(Mistake { at, message: format!("stage {name}: {message}") })
            })?;
            stages.insert(name, stage);
        }
        if stages.is_empty() {
            return Err(fail(Mistake {
                at: 0,
                message: "a pipeline has at least one [stage.NAME]".to_owned(),
            }));
        }
        Ok(Self { name: parsed.pipeline, description: parsed.description, stages })
    }
}

/// The stage that a table at the byte `place` describes.
fn read_stage(table: StageTable, place: usize, raw: Option<&toml::Value>) -> Result<Stage, Mistake> {
    let fail = |at: usize, message: &str| Err(Mistake { at, message: message.to_owned() });
    let (input, input_at) = match (table.input, table.inputs) {
        (Some(input), None) => {
            let at = input.span().start;
            (input.into_inner().input().map_err(|message| Mistake { at, message })?, at)
        }
        (None, Some(inputs)) if !inputs.as_ref().is_empty() => {
            let at = inputs.span().start;
            let one = |(name, source)| Input::One(Box::new(Leaf::new(name, source)));
            (Input::Cross(inputs.into_inner().into_iter().map(one).collect()), at)
        }
        (Some(_), Some(inputs)) => {
            return fail(inputs.span().start, "expected either `input` or `inputs`, not both");
        }
        (_, Some(inputs)) => return fail(inputs.span().start, "`inputs` names at least one input"),
        (None, None) => return fail(place, "expected `input` or `inputs`"),
    };
    check_names(&input).map_err(|message| Mistake { at: input_at, message })?;
    let mut command_only = [
        table.code.as_ref().map(|value| ("code", value.span().start)),
        table.env.as_ref().map(|value| ("env", value.span().start)),
        table.timeout.as_ref().map(|value| ("timeout", value.span().start)),
        table.on_conflict.as_ref().map(|value| ("on_conflict", value.span().start)),
    ]
    .into_iter()
    .flatten();
    let work = match (table.bin, table.measure, table.select, table.command) {
        (None, None, None, Some(argv)) => {
            let at = argv.span().start;
            let Argv(argv) = argv.into_inner();
            if argv.first().is_none_or(String::is_empty) {
                return fail(at, "a command begins with the name of a program");
            }
            if let Some(env) = &table.env {
                check_env(env.as_ref()).map_err(|message| Mistake { at: env.span().start, message })?;
            }
            Work::Command(Command {
                argv,
                code: declared(table.code.map(Spanned::into_inner).unwrap_or_default())?,
                env: table.env.map(Spanned::into_inner).unwrap_or_default(),
                timeout: table.timeout.map(|span| span.into_inner().0),
                on_conflict: table.on_conflict.map(Spanned::into_inner).unwrap_or_default(),
            })
        }
        (bin, measure, select, None) => {
            let work = match (bin, measure, select) {
                (Some(params), None, None) => Work::Bin(Box::new(params)),
                (None, Some(params), None) => Work::Measure(Box::new(params)),
                (None, None, Some(params)) => Work::Select(Box::new(params)),
                _ => {
                    return fail(place, "expected exactly one of `bin`, `measure`, `select` and `command`");
                }
            };
            if let Some((key, at)) = command_only.next() {
                return fail(at, &format!("`{key}` belongs to a `command`; it has no effect here"));
            }
            work
        }
        _ => return fail(place, "expected exactly one of `bin`, `measure`, `select` and `command`"),
    };
    check_inputs(&work, &input).map_err(|message| Mistake { at: input_at, message })?;
    Ok(Stage { input, code: code_text(raw), work, at: input_at })
}

/// The files that belong to a program, all of them beside or below the pipeline file.
fn declared(code: Vec<Spanned<String>>) -> Result<Vec<Declared>, Mistake> {
    let one = |name: Spanned<String>| {
        let at = name.span().start;
        let path = name.into_inner().parse::<TreePath>();
        let wrong = |error| format!("{error}; expected a file beside or below the pipeline file");
        Ok(Declared { path: path.map_err(|error| Mistake { at, message: wrong(error) })?, at })
    };
    code.into_iter().map(one).collect()
}

fn check_inputs(work: &Work, input: &Input) -> Result<(), String> {
    let names: Vec<&str> = input.sources().into_iter().map(|(name, _)| name).collect();
    match work {
        Work::Bin(_) | Work::Select(_) if names.len() != 1 => {
            Err("`bin` and `select` have exactly one input".to_owned())
        }
        Work::Measure(_) if names != ["bins", "truth"] => {
            Err("`measure` has `inputs = { bins = \"...\", truth = \"...\" }`".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    let legal = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    for (name, value) in env {
        if !legal(name) || value.contains('\0') {
            return Err(format!("{name:?} cannot be set in an environment"));
        }
        if name.starts_with("VDS_") {
            return Err(format!("{name:?} is set by vds; choose a name that does not begin with VDS_"));
        }
    }
    Ok(())
}

/// What a stage does, without where its input comes from, as text that is the same for the same meaning.
fn code_text(raw: Option<&toml::Value>) -> String {
    let mut kept = toml::Table::new();
    for (key, value) in raw.and_then(toml::Value::as_table).into_iter().flatten() {
        if !matches!(key.as_str(), "input" | "inputs" | "timeout" | "on_conflict") {
            kept.insert(key.clone(), value.clone());
        }
    }
    serde_json::to_string(&kept).unwrap_or_default()
}
