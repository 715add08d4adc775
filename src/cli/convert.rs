//! `vds pipeline convert`, and files that another program's users bring.

use std::path::Path;

use serde_json::json;

use super::complaint::usage;
use super::context::{Answer, Context};
use super::pipeline::read;
use crate::fault::Cause;
use crate::object::PipelineName;
use crate::pipeline::Error;
use crate::pipeline::pachyderm::{Translated, Untranslated, translate};

/// The text of a pipeline file as it is stored: as it stands, or translated.
pub(super) fn source(file: &Path, name: Option<&PipelineName>, cx: &Context) -> Result<String, Cause> {
    let text = read(file)?;
    match translation(file, &text, name)? {
        Some(Translated { source, warnings, .. }) => {
            warn(&warnings, cx);
            Ok(source)
        }
        None if name.is_some() => Err(usage(
            format!("{} holds no specs of Pachyderm; --name is for these", file.display()),
            "a pipeline file says its name itself: pipeline = \"NAME\"",
        )),
        None => Ok(text),
    }
}

fn translation(file: &Path, text: &str, name: Option<&PipelineName>) -> Result<Option<Translated>, Cause> {
    let shown = file.display().to_string();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(translate(&Untranslated { file: &shown, stem: &stem, text, name }).map_err(Error::from)?)
}

fn warn(warnings: &[String], cx: &Context) {
    warnings.iter().for_each(|warning| cx.note(&format!("warning: {warning}")));
}

pub(super) fn run(file: &Path, name: Option<&PipelineName>, cx: &Context) -> Answer {
    let text = read(file)?;
    let Some(Translated { pipeline, source, warnings }) = translation(file, &text, name)? else {
        return Err(usage(
            format!("{} holds no specs of Pachyderm", file.display()),
            "name a file with `pipeline.name`, `transform` and `input` in JSON or YAML; a vds pipeline file needs no change",
        ));
    };
    warn(&warnings, cx);
    let document = json!({ "pipeline": pipeline, "source": source, "warnings": warnings });
    cx.say(&document, || source.clone(), || format!("{pipeline}\n"))
}
