//! Score files: one a bucket, a row for each symbol and candidate.

use std::collections::BTreeMap;

use super::super::decimal::significant;
use super::super::sums::{MEASURE_COLUMNS, SUM_COLUMNS, Sums, float};
use super::params::Params;
use super::window::{clock, instant};
use crate::tick::write_record;

/// The sums of one candidate of one symbol in a bucket, and its largest error in units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) sums: Sums,
    pub(super) maxae: i128,
}

/// The cells of a bucket: by symbol and number of the candidate.
pub(super) type Cells = BTreeMap<(String, usize), Cell>;

/// The path of a bucket's score file.
pub(super) fn path(bucket: usize) -> String {
    format!("score/{:02}/{:02}.csv", bucket / 60, bucket % 60)
}

/// How the largest error is printed; two that print alike cannot be told apart afterwards.
pub(super) fn printed(maxae: i128, params: &Params) -> String {
    significant(float(maxae) / float(10_i128.pow(params.scale.decimals)))
}

/// The file of a bucket, or nothing if it has no row.
pub(super) fn to_csv(bucket: usize, cells: &Cells, params: &Params) -> Option<Vec<u8>> {
    let mut out =
        format!("bucket,symbol,stat,window,align,from,to,at,n,{},{SUM_COLUMNS}\n", MEASURE_COLUMNS.join(","))
            .into_bytes();
    let header = out.len();
    let estimates = params.estimates();
    for ((symbol, number), cell) in cells.iter().filter(|(_, cell)| cell.sums.n > 0) {
        let Some((stat, candidate)) = estimates.get(*number) else { continue };
        let Some(window) = candidate.window(bucket) else { continue };
        let mut fields = vec![
            format!("{:02}:{:02}", bucket / 60, bucket % 60),
            symbol.clone(),
            stat.to_string(),
            candidate.span.to_string(),
            candidate.align.to_string(),
            clock(window.0),
            clock(window.1),
            clock(instant(*stat, window)),
            cell.sums.n.to_string(),
        ];
        fields.extend(cell.sums.measures(cell.maxae, params.scale));
        fields.extend(cell.sums.columns().iter().map(ToString::to_string));
        write_record(&mut out, fields.iter().map(String::as_str));
    }
    (out.len() > header).then_some(out)
}

/// Reads what [`to_csv`] wrote. The largest error comes back as it was printed.
pub(super) fn from_csv(bytes: &[u8], params: &Params) -> Option<Cells> {
    let names = params.names();
    let mut cells = Cells::new();
    let mut reader = csv::Reader::from_reader(bytes);
    for record in reader.records() {
        let record = record.ok()?;
        let field = |at: usize| record.get(at);
        let name = format!("{}_{}_{}", field(2)?, field(3)?, field(4)?);
        let number = names.iter().position(|known| *known == name)?;
        let mut columns = [0; 11];
        for (at, column) in columns.iter_mut().enumerate() {
            *column = field(17 + at)?.parse().ok()?;
        }
        let sums = Sums::from_columns(field(8)?.parse().ok()?, columns);
        let maxae: f64 = field(13)?.parse().ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "errors are far smaller than 2^127 units")]
        let maxae = (maxae * float(10_i128.pow(params.scale.decimals))).round() as i128;
        cells.insert((field(1)?.to_owned(), number), Cell { sums, maxae });
    }
    Some(cells)
}
