//! What a file of the output was made from.

use std::collections::BTreeSet;

use super::super::listing::list;
use super::super::{Error, Files, Sources};
use super::params::Params;
use super::run::bucket_of;
use super::window::MINUTE;
use crate::object::{Entry, TreePath};

/// What the file at `path` of an output was made from. A day's observations come from that day's ticks; a score from the ticks in
/// its windows on all days, and from the truths.
pub fn sources(params: &Params, bins: &dyn Files, truth: &dyn Files, path: &str) -> Result<Sources, Error> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["obs", file] => {
            let date = file.strip_suffix(".csv").unwrap_or(file);
            let bucket = |minute| format!("{:02}/{:02}/{date}.csv", minute / 60, minute % 60);
            let paths: Vec<String> = (0..1440).map(bucket).collect();
            let mut files = Vec::new();
            for (path, entry) in paths.iter().zip(bins.find_each(&paths)?) {
                files.extend(entry.and_then(|entry| Some((path.parse().ok()?, entry))));
            }
            Ok(Sources { datum: date.to_owned(), files: vec![files, Vec::new()] })
        }
        ["score", hour, file] => {
            let minute = file.strip_suffix(".csv").unwrap_or(file);
            // Any day does: the bucket is what is asked for.
            let bucket = bucket_of(&format!("{hour}/{minute}/2000-01-01.csv")).map(|(bucket, _)| bucket);
            let files = in_windows(params, bins, bucket.unwrap_or_default())?;
            Ok(Sources { datum: format!("{hour}:{minute}"), files: vec![files, list(truth, "")?] })
        }
        _ => Ok(Sources { datum: "truth".to_owned(), files: vec![Vec::new(), list(truth, "")?] }),
    }
}

/// The ticks of all days in the minutes that the windows of a bucket reach.
fn in_windows(params: &Params, bins: &dyn Files, bucket: usize) -> Result<Vec<(TreePath, Entry)>, Error> {
    let windows = params.candidates.iter().filter_map(|candidate| candidate.window(bucket));
    let minutes: BTreeSet<i64> =
        windows.flat_map(|(from, to)| from / MINUTE..(to + MINUTE - 1) / MINUTE).collect();
    let mut files = Vec::new();
    for minute in minutes {
        files.extend(list(bins, &format!("{:02}/{:02}/", minute / 60, minute % 60))?);
    }
    Ok(files)
}
