//! The tables of a pipeline file, and the values in them, as they are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::command::{Batch, Compat, Isolation, Reprocess};
use super::input_file::InputTable;
use super::model::OnConflict;
use crate::amount::{Size, Span};
use crate::object::{PipelineName, StageName};
use crate::pipeline::pattern::Source;
use crate::pipeline::stage::{bin, measure, select};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) pipeline: PipelineName,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) stage: BTreeMap<StageName, Spanned<StageTable>>,
}

/// A stage.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StageTable {
    pub(super) input: Option<Spanned<InputTable>>,
    pub(super) inputs: Option<Spanned<BTreeMap<String, Source>>>,
    pub(super) bin: Option<bin::Params>,
    pub(super) measure: Option<measure::Params>,
    pub(super) select: Option<select::Params>,
    pub(super) command: Option<Spanned<Argv>>,
    pub(super) coalesce: Option<bool>,
    // What follows belongs to a command.
    pub(super) code: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) env: Option<Spanned<BTreeMap<String, String>>>,
    pub(super) batch: Option<Spanned<BatchWord>>,
    pub(super) stdin: Option<Spanned<Lines>>,
    pub(super) err_cmd: Option<Spanned<Argv>>,
    pub(super) accept_return_code: Option<Spanned<Vec<i32>>>,
    pub(super) tries: Option<Spanned<u32>>,
    pub(super) timeout: Option<Spanned<Span>>,
    pub(super) job_timeout: Option<Spanned<Span>>,
    pub(super) limits: Option<Spanned<LimitsTable>>,
    pub(super) parallelism: Option<Spanned<usize>>,
    pub(super) reprocess: Option<Spanned<Reprocess>>,
    pub(super) incremental: Option<Spanned<bool>>,
    pub(super) isolation: Option<Spanned<Isolation>>,
    pub(super) compat: Option<Spanned<Compat>>,
    pub(super) on_conflict: Option<Spanned<OnConflict>>,
}

/// What a program may use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    pub(super) memory: Option<Size>,
    pub(super) cpu: Option<Span>,
    pub(super) file_size: Option<Size>,
}

/// Whether a program gets many datums, and how.
#[derive(Clone, Copy)]
pub(super) struct BatchWord(pub(super) Batch);

impl<'de> Deserialize<'de> for BatchWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = BatchWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or \"shell\"")
            }

            fn visit_bool<E: de::Error>(self, is_batch: bool) -> Result<BatchWord, E> {
                Ok(BatchWord(if is_batch { Batch::Json } else { Batch::No }))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<BatchWord, E> {
                match text {
                    "shell" => Ok(BatchWord(Batch::Shell)),
                    other => Err(E::unknown_variant(other, &["shell"])),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a list of lines")]
pub(super) enum Lines {
    Text(String),
    Lines(Vec<String>),
}

impl Lines {
    /// The text.
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Lines(lines) => lines.into_iter().map(|line| line + "\n").collect(),
        }
    }
}

/// A program and its arguments. A line for a shell is refused with the way to write it.
pub(super) struct Argv(pub(super) Vec<String>);

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
