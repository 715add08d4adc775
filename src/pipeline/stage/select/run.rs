//! From score files to a ranking, a choice, and how sure it is.

use std::collections::BTreeMap;

use super::super::decimal::significant;
use super::super::listing::{list, tree_path};
use super::super::{Earlier, Error, Files, Input, Output, Report, Sources, counted};
use super::chart::{self, Panel};
use super::days::Observations;
use super::params::{By, Params};
use super::rank::{COLUMNS, Candidate, order};
use super::stability::{duel, leave_one_out, sign_test};
use crate::tick::write_record;

/// The columns of `best.csv` after those of the ranking.
const BEST_COLUMNS: &str = "candidates,by,runner_at,runner_bucket,runner_stat,runner_window,runner_align,runner_value,ratio,wins,losses,p_sign,stability,bucket_stability";

/// What is known about a symbol's best candidate.
struct Choice<'a> {
    best: &'a Candidate,
    runner: Option<&'a Candidate>,
    candidates: usize,
    ratio: String,
    wins: u64,
    losses: u64,
    p_sign: String,
    stability: String,
    bucket_stability: String,
}

/// How many times as many candidates are remembered as are looked at, and how many runners-up besides.
const RESERVE: usize = 2;
const RUNNERS: usize = 20;

/// Runs the stage: see the module. Every score is looked at; of the observations, those of the days that have changed.
pub fn run(
    params: &Params,
    scores: &Input<'_>,
    earlier: Option<Earlier<'_>>,
    output: &mut dyn Output,
    state: &mut dyn Output,
) -> Result<Report, Error> {
    let rows = read_scores(scores.now, params)?;
    let mut observations = Observations::open(scores, earlier)?;
    let mut report = Report::default();
    let mut ranking = format!("rank,{},coverage\n", COLUMNS.join(",")).into_bytes();
    let mut best = format!("{},coverage,{BEST_COLUMNS}\n", COLUMNS.join(",")).into_bytes();
    let mut panels = Vec::new();
    for (symbol, all) in &rows {
        let ranked = rank(all, params);
        for (at, candidate) in ranked.iter().take(params.top).enumerate() {
            let rank = (at + 1).to_string();
            let coverage = significant(candidate.coverage);
            let fields = candidate.fields.iter().map(String::as_str);
            write_record(
                &mut ranking,
                std::iter::once(rank.as_str()).chain(fields).chain([coverage.as_str()]),
            );
        }
        let Some(choice) = choose(&ranked, params, &mut observations, state)? else {
            report.warn(none_passes(symbol, all, params));
            panels.push(Panel::empty(symbol));
            continue;
        };
        write_best(&mut best, &choice, params);
        panels.push(Panel::new(symbol, all, choice.best, choice.runner, params, &caption(&choice, params)));
        report.lines.push(caption(&choice, params).join(", "));
    }
    let mut put = |path: &str, bytes: &[u8]| -> Result<(), Error> {
        output.put_bytes(tree_path(path)?, bytes).map(|_| ())
    };
    put("ranking.csv", &ranking)?;
    put("best.csv", &best)?;
    put("report.svg", chart::draw(&panels).as_bytes())?;
    observations.forget_others(state)?;
    Ok(report)
}

/// What an output was made from: every file of it looks at all there is.
pub fn sources(scores: &dyn Files) -> Result<Sources, Error> {
    Ok(Sources { datum: "all".to_owned(), files: vec![list(scores, "")?] })
}

/// All rows of all score files, by symbol. Coverage is not yet known.
fn read_scores(files: &dyn Files, params: &Params) -> Result<BTreeMap<String, Vec<Candidate>>, Error> {
    let mut found = list(files, "score/")?;
    if found.is_empty() {
        found = list(files, "")?;
        found.retain(|(path, _)| {
            let other = path.as_str().starts_with("obs/") || path.as_str() == "truth.csv";
            path.as_str().ends_with(".csv") && !other
        });
    }
    found.retain(|(path, _)| !path.as_str().split('/').any(|part| part.starts_with(['.', '_'])));
    let mut rows: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for (path, entry) in found {
        let bytes = files.read(&entry)?;
        read_file(path.as_str(), &bytes, params, &mut rows)?;
    }
    for all in rows.values_mut() {
        let most = all.iter().map(|candidate| candidate.n).max().unwrap_or(0);
        for candidate in all {
            candidate.coverage = if most == 0 { 0.0 } else { candidate.n as f64 / most as f64 };
        }
    }
    Ok(rows)
}

fn read_file(
    path: &str,
    bytes: &[u8],
    params: &Params,
    rows: &mut BTreeMap<String, Vec<Candidate>>,
) -> Result<(), Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let bad = |reason: &str| Error::Data {
        reason: format!("{path} cannot be read as scores: {reason}"),
        hint: Some("a score file has at least the columns n and the measure to choose by".to_owned()),
    };
    let header = reader.headers().map_err(|error| bad(&error.to_string()))?.clone();
    let places: Vec<Option<usize>> =
        COLUMNS.iter().map(|name| header.iter().position(|column| column == *name)).collect();
    let by = COLUMNS.iter().position(|name| *name == params.by.to_string());
    if by.and_then(|by| places.get(by).copied().flatten()).is_none() {
        return Err(bad(&format!("it has no column {}", params.by)));
    }
    for record in reader.records() {
        let record = record.map_err(|error| bad(&error.to_string()))?;
        let text = |place: &Option<usize>| place.and_then(|at| record.get(at)).unwrap_or("").to_owned();
        let fields: Vec<String> = places.iter().map(text).collect();
        let mut candidate = Candidate { fields, n: 0, coverage: 0.0, value: f64::NAN };
        candidate.n = candidate.field("n").parse().unwrap_or(0);
        candidate.value = params.rank_value(candidate.printed(params)).unwrap_or(f64::NAN);
        rows.entry(candidate.field("symbol").to_owned()).or_default().push(candidate);
    }
    Ok(())
}

/// The candidates that may be chosen, best first.
fn rank<'a>(all: &'a [Candidate], params: &Params) -> Vec<&'a Candidate> {
    let passes = |candidate: &&Candidate| {
        !candidate.value.is_nan() && candidate.n >= params.min_n && candidate.coverage >= params.min_coverage
    };
    let mut ranked: Vec<&Candidate> = all.iter().filter(passes).collect();
    ranked.sort_by(|a, b| order((a, a.value, a.n), (b, b.value, b.n)));
    ranked
}

fn choose<'a>(
    ranked: &[&'a Candidate],
    params: &Params,
    observations: &mut Observations<'_>,
    state: &mut dyn Output,
) -> Result<Option<Choice<'a>>, Error> {
    let Some(best) = ranked.first().copied() else { return Ok(None) };
    let far = |candidate: &&Candidate| match (candidate.at(), best.at()) {
        (Some(a), Some(b)) => (a - b).abs() >= params.guard * 60.0,
        _ => false,
    };
    let runners: Vec<&Candidate> = ranked.iter().skip(1).copied().filter(far).take(RUNNERS).collect();
    let runner = runners.first().copied();
    let mut choice = Choice {
        best,
        runner,
        candidates: ranked.len(),
        ratio: String::new(),
        wins: 0,
        losses: 0,
        p_sign: String::new(),
        stability: String::new(),
        bucket_stability: String::new(),
    };
    let mut wanted: Vec<&Candidate> = ranked.iter().take(params.jackknife.max(1)).copied().collect();
    let top = wanted.len();
    wanted.extend(runner.filter(|runner| !wanted.contains(runner)));
    let reserve = ranked.iter().copied().take(RESERVE * params.jackknife).chain(runners.iter().copied());
    let days = observations.days(&wanted, &reserve.collect::<Vec<_>>(), state)?;
    if let Some(runner) = runner {
        let number = |candidate: &Candidate| candidate.printed(params).parse::<f64>().ok();
        let ratio = number(runner).zip(number(best)).filter(|(_, best)| *best != 0.0).map(|(r, b)| r / b);
        choice.ratio = ratio.filter(|ratio| ratio.is_finite()).map(significant).unwrap_or_default();
        let place = |candidate: &Candidate| wanted.iter().position(|known| *known == candidate).unwrap_or(0);
        (choice.wins, choice.losses) = duel(&days, place(best), place(runner));
        choice.p_sign = significant(sign_test(choice.wins, choice.losses));
    }
    if params.jackknife > 0 && ranked.len() > 1 && !days.pairs.is_empty() {
        wanted.truncate(top);
        (choice.stability, choice.bucket_stability) = leave_one_out(&wanted, &days, params);
    }
    Ok(Some(choice))
}

/// Why nothing can be chosen, and how far the nearest candidate got.
fn none_passes(symbol: &str, all: &[Candidate], params: &Params) -> String {
    let who = if symbol.is_empty() { String::new() } else { format!(" of {symbol}") };
    let Params { by, min_n, min_coverage, .. } = params;
    let valued = || all.iter().filter(|candidate| !candidate.value.is_nan());
    let Some(nearest) =
        valued().max_by(|a, b| a.n.cmp(&b.n).then_with(|| order((b, b.value, b.n), (a, a.value, a.n))))
    else {
        let hint = if *by == By::Hit { "; `measure` needs a `tick` for it" } else { "" };
        return format!("no candidate{who} has a value of {by}{hint}");
    };
    let Candidate { n, coverage, .. } = nearest;
    format!(
        "no candidate{who} has {} and coverage {min_coverage}; the nearest has {} and coverage {}",
        counted(*min_n, "day"),
        counted(*n, "day"),
        significant(*coverage)
    )
}

fn caption(choice: &Choice<'_>, params: &Params) -> Vec<String> {
    let best = choice.best;
    let window = match (best.field("from"), best.field("to")) {
        ("", _) | (_, "") => {
            format!("{} {} {}", best.field("bucket"), best.field("window"), best.field("align"))
        }
        (from, to) => format!("{from} to {to}"),
    };
    let mut lines = vec![
        format!("Best fit: {} of {window}", best.field("stat")),
        format!("{} {} over {}", params.by, best.printed(params), counted(best.n, "day")),
    ];
    if !best.field("at").is_empty() {
        lines.push(format!("stands for {}", best.field("at")));
    }
    if let Some(runner) = choice.runner {
        let lead = if choice.ratio.is_empty() {
            String::new()
        } else {
            format!(", {} times the best", short(&choice.ratio))
        };
        lines.push(format!("runner-up at {}{lead}", runner.field("at")));
    }
    if !choice.stability.is_empty() {
        lines.push(format!("stability {}", choice.stability));
    }
    lines
}

fn short(number: &str) -> String {
    number.parse::<f64>().map_or_else(|_| number.to_owned(), |number| format!("{number:.2}"))
}

fn write_best(out: &mut Vec<u8>, choice: &Choice<'_>, params: &Params) {
    let runner = |name: &str| choice.runner.map_or(String::new(), |runner| runner.field(name).to_owned());
    let mut fields = choice.best.fields.clone();
    fields.extend([
        significant(choice.best.coverage),
        choice.candidates.to_string(),
        params.by.to_string(),
        runner("at"),
        runner("bucket"),
        runner("stat"),
        runner("window"),
        runner("align"),
        choice.runner.map_or(String::new(), |runner| runner.printed(params).to_owned()),
        choice.ratio.clone(),
        choice.wins.to_string(),
        choice.losses.to_string(),
        choice.p_sign.clone(),
        choice.stability.clone(),
        choice.bucket_stability.clone(),
    ]);
    write_record(out, fields.iter().map(String::as_str));
}
