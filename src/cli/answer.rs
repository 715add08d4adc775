//! How answers are given: as text for people, as one JSON document, or as bare ids and names.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

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
    write(text.as_bytes())
}

/// The same with bytes that may be no text.
pub(super) fn write(bytes: &[u8]) -> Result<Reader, Cause> {
    let mut out = io::stdout().lock();
    settle(out.write_all(bytes).and_then(|()| out.flush()))
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

/// A list that is being written. As JSON it is one document on one line.
struct Listed<'a, T> {
    form: Form,
    listing: &'a Listing<'a, T>,
    out: BufWriter<io::StdoutLock<'static>>,
    written: io::Result<()>,
    between: &'static str,
}

impl<'a, T> Listed<'a, T> {
    fn begin(form: Form, listing: &'a Listing<'a, T>) -> Self {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = match form {
            Form::Json => write!(out, "{{\"{}\":[", listing.name),
            _ => Ok(()),
        };
        Self { form, listing, out, written, between: "" }
    }

    fn put(&mut self, item: &T) -> Reader {
        let Listing { document, text, quiet, .. } = self.listing;
        if self.written.is_ok() {
            self.written = match self.form {
                Form::Json => write!(self.out, "{}{}", self.between, document(item)),
                Form::Text => self.out.write_all(text(item).as_bytes()),
                Form::Quiet => self.out.write_all(quiet(item).as_bytes()),
            };
            self.between = ",";
        }
        if self.written.is_ok() { Reader::There } else { Reader::Gone }
    }

    /// Ends the list; what the document says of an error is in `failure`.
    fn end(mut self, failure: Option<Value>) -> Result<(), Cause> {
        let mut written = self.written;
        if self.form == Form::Json && written.is_ok() {
            let error = failure.map(|failure| format!(",\"error\":{failure}"));
            written = writeln!(self.out, "],\"vds\":{}{}}}", view::VERSION, error.unwrap_or_default());
        }
        settle(written.and_then(|()| self.out.flush())).map(drop)
    }
}

/// Writes a list as it comes, so that its length is no matter. `make` hands over its items, until nobody reads them.
/// `failure` makes what the document says of an error that ends it.
pub(super) fn list<T>(
    form: Form,
    listing: &Listing<'_, T>,
    make: impl FnOnce(&mut dyn FnMut(&T) -> ControlFlow<()>) -> Result<(), Cause>,
    failure: impl Fn(&Cause) -> Value,
) -> Result<(), Cause> {
    let mut listed = Listed::begin(form, listing);
    let ended = make(&mut |item| match listed.put(item) {
        Reader::There => ControlFlow::Continue(()),
        Reader::Gone => ControlFlow::Break(()),
    });
    listed.end(ended.as_ref().err().map(failure))?;
    ended
}

/// Writes data to standard output piece by piece, until nobody reads it.
pub(super) fn stream(pieces: impl Iterator<Item = Result<Vec<u8>, Cause>>) -> Result<(), Cause> {
    let mut out = BufWriter::new(io::stdout().lock());
    for piece in pieces {
        if settle(out.write_all(&piece?))? == Reader::Gone {
            return Ok(());
        }
    }
    settle(out.flush()).map(drop)
}
