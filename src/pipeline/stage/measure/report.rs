//! What a run tells a person.

use std::collections::BTreeMap;

use super::super::{Report, counted};
use super::observed::Observed;
use crate::tick::Count;

/// What was read and scored, and what about it a person should look at: days that were read, unreadable truths with the first
/// of them, the number of scored days, and estimates that are the price of a tick of size 0 with one of them.
pub(super) fn report(
    days: &BTreeMap<String, Observed>,
    bad_truths: (u64, Option<String>),
    affected: usize,
    found_prices: (usize, Option<String>),
) -> Report {
    let mut report = Report::default();
    let mut count = Count::default();
    days.values().for_each(|day| count.add(day.count));
    let (read, scored) = (counted(days.len() as u64, "day"), counted(affected as u64, "day"));
    report.lines.push(format!("{read} read, {scored} scored"));
    let reasons = [
        (count.fields, "with another number of fields than the header"),
        (count.time, "with an unreadable time"),
        (count.price, "with an unreadable price"),
    ];
    let reasons: Vec<String> = reasons
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let bad = |(date, day): (&String, &Observed)| {
        let (minute, record, reason) = day.first_bad?;
        Some(format!("record {record} of {:02}/{:02}/{date}.csv, {reason}", minute / 60, minute % 60))
    };
    if let Some(first) = days.iter().find_map(bad) {
        let rows = counted(count.bad(), "bad row");
        report.warn(format!("{rows} passed over: {}; such as {first}", reasons.join(", ")));
    }
    if count.left_out > 0 {
        report.lines.push(format!("{} left out by filters", counted(count.left_out, "row")));
    }
    if let (rows, Some(first)) = bad_truths {
        let rows = counted(rows, "row");
        report.warn(format!("{rows} of the truth left out that cannot be read, such as {first}"));
    }
    if let (hits, Some(first)) = found_prices {
        let hits = counted(hits as u64, "exact hit");
        report.warn(format!(
            "{hits} of the truth by a tick of size 0, such as {first}: that may be the settlement \
             price itself, sent among the ticks; leave such rows out with `where`"
        ));
    }
    report
}
