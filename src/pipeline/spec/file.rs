//! Reading a pipeline file, and saying where a mistake is and what was expected.

use std::collections::BTreeMap;

use super::command_file;
use super::input::{Input, Leaf};
use super::input_file::check_names;
use super::model::{PiledUp, Spec, Stage, Work};
use super::table::{File, StageTable};
use super::words::plain;

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
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) message: String,
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
            let home = format!("{}/{name}", parsed.pipeline);
            let stage =
                read_stage(table.into_inner(), &home, place, raw).map_err(|Mistake { at, message }| {
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

/// The stage `home`, `PIPELINE/STAGE`, that a table at the byte `place` describes.
fn read_stage(
    mut table: StageTable,
    home: &str,
    place: usize,
    raw: Option<&toml::Value>,
) -> Result<Stage, Mistake> {
    let fail = |at: usize, message: &str| Err(Mistake { at, message: message.to_owned() });
    let (input, input_at) = match (table.input.take(), table.inputs.take()) {
        (Some(input), None) => {
            let at = input.span().start;
            (input.into_inner().input(home).map_err(|message| Mistake { at, message })?, at)
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
    let kinds =
        [table.bin.is_some(), table.measure.is_some(), table.select.is_some(), table.command.is_some()];
    if kinds.into_iter().filter(|is_there| *is_there).count() != 1 {
        return fail(place, "expected exactly one of `bin`, `measure`, `select` and `command`");
    }
    let piled_up = if table.coalesce == Some(false) { PiledUp::OneByOne } else { PiledUp::Together };
    let first_extra = command_file::first(&table);
    let work = match (table.command.take(), table.bin.take(), table.measure.take(), table.select.take()) {
        (Some(argv), ..) => Work::Command(Box::new(command_file::read(argv, table)?)),
        (_, Some(params), ..) => Work::Bin(Box::new(params)),
        (_, _, Some(params), _) => Work::Measure(Box::new(params)),
        (.., Some(params)) => Work::Select(Box::new(params)),
        (None, None, None, None) => return fail(place, "expected a kind of stage"),
    };
    if let Some((key, at)) = first_extra.filter(|_| !matches!(work, Work::Command(_))) {
        return fail(at, &format!("`{key}` belongs to a `command`; it has no effect here"));
    }
    check_inputs(&work, &input).map_err(|message| Mistake { at: input_at, message })?;
    Ok(Stage { input, code: code_text(raw), work, piled_up, at: input_at })
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

/// The keys that say nothing of what comes out of a datum that succeeds.
const WITHOUT_EFFECT: [&str; 12] = [
    "input",
    "inputs",
    "coalesce",
    "err_cmd",
    "tries",
    "timeout",
    "job_timeout",
    "limits",
    "parallelism",
    "reprocess",
    "isolation",
    "on_conflict",
];

/// What a stage does, without where its input comes from, as text that is the same for the same meaning.
fn code_text(raw: Option<&toml::Value>) -> String {
    let mut kept = toml::Table::new();
    for (key, value) in raw.and_then(toml::Value::as_table).into_iter().flatten() {
        if !WITHOUT_EFFECT.contains(&key.as_str()) {
            kept.insert(key.clone(), value.clone());
        }
    }
    serde_json::to_string(&kept).unwrap_or_default()
}
