//! Putting records of several sources into one file.

use super::super::Error;
use crate::tick::write_record;

/// One source's header and records, in the order they are to have.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) header: Option<csv::StringRecord>,
    pub(super) records: Vec<csv::StringRecord>,
}

/// The records of all sources, one after another, under one header. Headers that differ in more than case are an error.
pub(super) fn header_of(sources: &[Source]) -> Result<Option<&csv::StringRecord>, Error> {
    let mut first: Option<(&str, &csv::StringRecord)> = None;
    for source in sources {
        let Some(header) = &source.header else { continue };
        match first {
            None => first = Some((&source.path, header)),
            Some((path, known)) if !same(known, header) => {
                let reason = format!("{path} and {} have different headers and go to one file", source.path);
                let hint =
                    "bring them to one form first, or keep them apart with a {capture} in `to`".to_owned();
                return Err(Error::Data { reason, hint: Some(hint) });
            }
            Some(_) => {}
        }
    }
    Ok(first.map(|(_, header)| header))
}

fn same(a: &csv::StringRecord, b: &csv::StringRecord) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.trim().to_lowercase() == b.trim().to_lowercase())
}

/// The file of these sources, in their order.
pub(super) fn concat(sources: &[Source]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    if let Some(header) = header_of(sources)? {
        write_record(&mut out, header.iter());
    }
    for record in sources.iter().flat_map(|source| &source.records) {
        write_record(&mut out, record.iter());
    }
    Ok(out)
}
