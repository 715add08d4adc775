//! The pipeline file: what a person writes, as values.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::pattern::Source;
use super::stage::{bin, measure, select};
use crate::object::{Digest, PipelineName, StageName};

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

/// A pipeline: a named graph of stages.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name.
    pub name: PipelineName,
    /// What it is for.
    pub description: String,
    /// Its stages, by name.
    pub stages: BTreeMap<StageName, Stage>,
}

/// One stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What it reads.
    pub input: Input,
    /// What it does.
    pub work: Work,
    /// The canonical text of what it does, which decides whether an old result can be used.
    pub code: String,
}

/// What a stage reads.
#[derive(Debug, Clone)]
pub enum Input {
    /// One source, by a name.
    One(String, Box<Source>),
    /// Every combination of units of several inputs.
    Cross(Vec<Input>),
    /// The units of several inputs, one after another.
    Union(Vec<Input>),
}

impl Input {
    /// The sources, with their names, in the order they were written.
    pub fn sources(&self) -> Vec<(&str, &Source)> {
        match self {
            Self::One(name, source) => vec![(name, source)],
            Self::Cross(inputs) | Self::Union(inputs) => inputs.iter().flat_map(Self::sources).collect(),
        }
    }

    fn cut_text(&self) -> String {
        let all = |inputs: &[Self]| inputs.iter().map(Self::cut_text).collect::<Vec<_>>().join(" ");
        match self {
            Self::One(name, source) => format!("{name}={:?}", source.glob.to_string()),
            Self::Cross(inputs) => format!("cross({})", all(inputs)),
            Self::Union(inputs) => format!("union({})", all(inputs)),
        }
    }
}

/// What a stage does.
#[derive(Debug, Clone)]
pub enum Work {
    /// Regroups files by time.
    Bin(Box<bin::Params>),
    /// Measures estimates against truths.
    Measure(Box<measure::Params>),
    /// Chooses the best measure.
    Select(Box<select::Params>),
    /// Runs a program.
    Command(Command),
}

/// A program to run for each datum.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Files that belong to it, relative to the pipeline file.
    pub code: Vec<String>,
    /// Additional environment.
    pub env: BTreeMap<String, String>,
    /// How long one datum may take.
    pub timeout: Option<Duration>,
    /// What happens when two datums write one path.
    pub on_conflict: OnConflict,
}

/// What happens when two datums write one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// The job fails and names both.
    #[default]
    Error,
    /// The contents follow each other in the order of the datums.
    Concat,
    /// The last datum in order wins.
    Last,
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
    input: Option<InputTable>,
    inputs: Option<BTreeMap<String, Source>>,
    bin: Option<bin::Params>,
    measure: Option<measure::Params>,
    select: Option<select::Params>,
    command: Option<Vec<String>>,
    #[serde(default)]
    code: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    timeout: Option<Span>,
    #[serde(default)]
    on_conflict: OnConflict,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
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

/// An input as it is written: a text, or a table with `from`, `cross` or `union`.
struct InputTable(Option<String>, InputForm);

enum InputForm {
    From(Box<Source>),
    Cross(Vec<InputTable>),
    Union(Vec<InputTable>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    name: Option<String>,
    from: Option<Source>,
    cross: Option<Vec<InputTable>>,
    union: Option<Vec<InputTable>>,
}

impl<'de> Deserialize<'de> for InputTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = InputTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"REPO@BRANCH:/GLOB\" or a table with `from`, `cross` or `union`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<InputTable, E> {
                Ok(InputTable(None, InputForm::From(Box::new(text.parse().map_err(E::custom)?))))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InputTable, A::Error> {
                let RawInput { name, from, cross, union } =
                    RawInput::deserialize(MapAccessDeserializer::new(map))?;
                let form = match (from, cross, union) {
                    (Some(from), None, None) => InputForm::From(Box::new(from)),
                    (None, Some(inputs), None) => InputForm::Cross(inputs),
                    (None, None, Some(inputs)) => InputForm::Union(inputs),
                    _ => {
                        return Err(de::Error::custom(
                            "an input has exactly one of `from`, `cross` and `union`",
                        ));
                    }
                };
                Ok(InputTable(name, form))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl From<InputTable> for Input {
    fn from(InputTable(name, form): InputTable) -> Self {
        let many = |inputs: Vec<InputTable>| inputs.into_iter().map(Self::from).collect();
        match form {
            InputForm::From(source) => {
                let last = source.repo.as_str().rsplit('/').next().unwrap_or_default().to_owned();
                Self::One(name.unwrap_or(last), source)
            }
            InputForm::Cross(inputs) => Self::Cross(many(inputs)),
            InputForm::Union(inputs) => Self::Union(many(inputs)),
        }
    }
}

impl Spec {
    /// Reads a pipeline file; `file` is how messages name it.
    pub fn parse(file: &str, text: &str) -> Result<Self, SpecError> {
        let fail = |at: usize, message: String| spec_error(file, text, at, message);
        let toml_error = |error: toml::de::Error| {
            fail(error.span().map_or(0, |span| span.start), error.message().trim_end().replace('\n', ", "))
        };
        let parsed: File = toml::from_str(text).map_err(toml_error)?;
        let tables: toml::Table = toml::from_str(text).map_err(toml_error)?;
        let mut stages = BTreeMap::new();
        for (name, table) in parsed.stage {
            let at = table.span().start;
            let raw = tables.get("stage").and_then(|stages| stages.get(name.as_str()));
            let stage = Stage::read(table.into_inner(), raw)
                .map_err(|message| fail(at, format!("stage {name}: {message}")))?;
            stages.insert(name, stage);
        }
        if stages.is_empty() {
            return Err(fail(0, "a pipeline has at least one [stage.NAME]".to_owned()));
        }
        Ok(Self { name: parsed.pipeline, description: parsed.description, stages })
    }
}

fn spec_error(file: &str, text: &str, at: usize, message: String) -> SpecError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    SpecError { file: file.to_owned(), line, column, message }
}

impl Stage {
    fn read(table: StageTable, raw: Option<&toml::Value>) -> Result<Self, String> {
        let input = match (table.input, table.inputs) {
            (Some(input), None) => Input::from(input),
            (None, Some(inputs)) if !inputs.is_empty() => Input::Cross(
                inputs.into_iter().map(|(name, source)| Input::One(name, Box::new(source))).collect(),
            ),
            _ => return Err("expected either `input` or `inputs`".to_owned()),
        };
        check_names(&input)?;
        let command_only = !table.code.is_empty() || !table.env.is_empty() || table.timeout.is_some();
        let work = match (table.bin, table.measure, table.select, table.command) {
            (None, None, None, Some(argv)) if !argv.is_empty() => Work::Command(Command {
                argv,
                code: table.code,
                env: table.env,
                timeout: table.timeout.map(|span| span.0),
                on_conflict: table.on_conflict,
            }),
            _ if command_only => return Err("`code`, `env` and `timeout` belong to a `command`".to_owned()),
            (Some(params), None, None, None) => Work::Bin(Box::new(params)),
            (None, Some(params), None, None) => Work::Measure(Box::new(params)),
            (None, None, Some(params), None) => Work::Select(Box::new(params)),
            _ => {
                return Err(
                    "expected exactly one of `bin`, `measure`, `select` and a `command` that is not empty"
                        .to_owned(),
                );
            }
        };
        work.check(&input)?;
        Ok(Self { input, code: code_text(raw), work })
    }

    /// How the stage cuts its inputs and puts its outputs together, as text that is the same for the same meaning. Which repo
    /// and branch they come from is not part of it.
    pub fn plan_text(&self) -> String {
        let rule = match &self.work {
            Work::Command(command) => format!("{:?}", command.on_conflict),
            _ => String::new(),
        };
        format!("{}{rule}", self.input.cut_text())
    }

    /// The digest of what the stage does, given the content of its declared files.
    pub fn code_digest(&self, files: &[(String, Digest)]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds stage code 1\0").update(self.code.as_bytes());
        for (name, digest) in files {
            hasher.update(b"\0").update(name.as_bytes()).update(b"\0").update(digest.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl Work {
    fn check(&self, input: &Input) -> Result<(), String> {
        let names: Vec<&str> = input.sources().into_iter().map(|(name, _)| name).collect();
        match self {
            Self::Bin(_) | Self::Select(_) if names.len() != 1 => {
                Err("this stage has exactly one input".to_owned())
            }
            Self::Measure(_) if names != ["bins", "truth"] => {
                Err("`measure` has `inputs = { bins = \"...\", truth = \"...\" }`".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// How the environment of a program speaks of an input.
pub fn variable(input: &str) -> String {
    input.to_uppercase().replace('-', "_")
}

fn check_names(input: &Input) -> Result<(), String> {
    let mut names: Vec<&str> = input.sources().into_iter().map(|(name, _)| name).collect();
    let legal = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    if let Some(name) = names.iter().find(|name| !legal(name)) {
        return Err(format!(
            "the input name {name:?} may hold letters, digits, _ and - only; give another with `name`"
        ));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(format!(
            "two inputs are named {:?}; tell them apart with `name`",
            pair.concat().split_at(pair.concat().len() / 2).0
        )),
        None => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
pipeline = "settlement"

[stage.bin]
input = "ticks@*:/*/*/*"
bin = { tz = "Europe/Berlin" }

[stage.measure]
inputs = { bins = "settlement/bin@*:/", truth = "truth@main:/ecb.csv" }
measure = { stats = ["last", "mean"], windows = ["1m", "5m"], align = ["end", "centre"], tick = "0.0001" }

[stage.select]
input = "settlement/measure@*:/"
select = { by = "rmse", top = 20 }

[stage.report]
input = { cross = [ { name = "best", from = "settlement/select@*:/best.csv" }, { name = "day", from = "ticks@*:/*/*/*" } ] }
command = ["python3", "report.py"]
code = ["report.py"]
timeout = "10m"
"#;

    #[test]
    fn the_file_of_the_design_is_read() {
        let spec = Spec::parse("p.toml", GOOD).unwrap();
        let names = |stage: &str| {
            let stage = &spec.stages[&stage.parse().unwrap()];
            stage.input.sources().iter().map(|(name, source)| format!("{name}={source}")).collect::<Vec<_>>()
        };
        assert_eq!(names("measure"), ["bins=settlement/bin@*:/", "truth=truth@main:/ecb.csv"]);
        assert_eq!(names("report"), ["best=settlement/select@*:/best.csv", "day=ticks@*:/*/*/*"]);
        assert_eq!(names("bin"), ["ticks=ticks@*:/*/*/*"]);
    }

    #[track_caller]
    fn check(from: &str, to: &str, want: &str) {
        assert!(GOOD.contains(from), "{from}");
        let error = Spec::parse("p.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }

    #[test]
    fn a_mistake_is_reported_where_it_is() {
        check("ticks@*:/*/*/*\"\nbin", "ticks@*:x\"\nbin", "p.toml:5:9: ");
        check("bin = {", "bim = {", "p.toml:6:1: unknown field `bim`");
        check("Europe/Berlin", "Europe/Berlín", "p.toml:6:");
        check("\"10m\"", "\"soon\"", "is not a time");
        check("timeout = ", "timeout ", "p.toml:20:");
        check("inputs = { bins", "inputs = { bin", "`measure` has");
        check("command = [\"python3\", \"report.py\"]", "command = []", "stage report: ");
        check("name = \"day\"", "name = \"best\"", "two inputs are named \"best\"");
        check("pipeline = \"settlement\"", "", "missing field `pipeline`");
    }
}
