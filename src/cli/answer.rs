//! How answers are given: as text for people, as one JSON document, or as bare ids and names.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Value;

use super::complaint::io_error;
use crate::fault::Cause;
use crate::view;

/// How an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
    Quiet,
}

/// Whether somebody still reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    There,
    Gone,
}

/// What to do when an answer cannot be written.
pub(super) const FREE: &str = "free space where standard output goes to";

/// A document: the value's fields, led by the version of the shapes.
pub(super) fn document<T: Serialize>(value: &T) -> Value {
    let mut document = serde_json::to_value(value).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("vds".to_owned(), view::VERSION.into());
    }
    document
}

/// Writes data to standard output. A reader that has gone away has had enough, which is no failure.
pub(super) fn print(text: &str) -> Result<Reader, Cause> {
    let mut out = io::stdout().lock();
    settle(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What the end of some writing means.
pub(super) fn settle(written: io::Result<()>) -> Result<Reader, Cause> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(io_error("cannot write to standard output", &error, FREE)),
    }
}

/// How a long list is given, item by item: its name in the document, and what an item looks like.
pub(super) struct Listing<'a, T> {
    pub(super) name: &'static str,
    pub(super) document: &'a dyn Fn(&T) -> Value,
    pub(super) text: &'a dyn Fn(&T) -> String,
    pub(super) quiet: &'a dyn Fn(&T) -> String,
}

/// Writes a list as it comes, so that its length is no matter. As JSON it is one document on one line.
/// `failure` makes what the document says of an error that ends it.
pub(super) fn list<T>(
    form: Form,
    items: impl Iterator<Item = Result<T, Cause>>,
    listing: &Listing<'_, T>,
    failure: impl Fn(&Cause) -> Value,
) -> Result<(), Cause> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut ended = Ok(());
    let mut written = match form {
        Form::Json => write!(out, "{{\"{}\":[", listing.name),
        _ => Ok(()),
    };
    let mut between = "";
    for item in items {
        if written.is_err() {
            break;
        }
        match item {
            Ok(item) if form == Form::Json => {
                written = write!(out, "{between}{}", (listing.document)(&item));
                between = ",";
            }
            Ok(item) => {
                let text = if form == Form::Quiet { (listing.quiet)(&item) } else { (listing.text)(&item) };
                written = out.write_all(text.as_bytes());
            }
            Err(cause) => {
                ended = Err(cause);
                break;
            }
        }
    }
    if form == Form::Json && written.is_ok() {
        let error = ended.as_ref().err().map(|cause| format!(",\"error\":{}", failure(cause)));
        written = writeln!(out, "],\"vds\":{}{}}}", view::VERSION, error.unwrap_or_default());
    }
    settle(written.and_then(|()| out.flush()))?;
    ended
}
