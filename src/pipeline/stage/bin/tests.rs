//! An incremental run must leave the same bytes as a full one, and whole files must go where they belong unread.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fake::{Remembered, Sealed, Tree};
use super::super::{Earlier, Input};
use super::{Params, run};

/// One change of the input: the file, and what it then holds; `None` removes it.
#[derive(Debug, Clone)]
struct Step {
    path: String,
    text: Option<String>,
}

/// A row of a made-up file: minutes off the file's own, second, symbol.
fn row() -> impl Strategy<Value = (i64, i64, &'static str)> {
    (-61_i64..62, 0_i64..61, prop_oneof![Just("CL"), Just("BRN"), Just("../x"), Just("")])
}

/// Files about both changes of summer time in New York, several sources a minute, and some that are none.
fn step() -> impl Strategy<Value = Step> {
    let day = prop_oneof![
        Just("2024/03/10/07"),
        Just("2024/11/03/05"),
        Just("2024/11/03/06"),
        Just("2024/05/01/00")
    ];
    let tail = prop_oneof![
        4 => (0_u32..3).prop_map(|minute| format!("{minute:02}.csv")),
        4 => (3_u32..5, 0_u32..3).prop_map(|(minute, source)| format!("{minute:02}/s{source}.csv")),
        1 => Just("77.csv".to_owned()),
        1 => Just("notes.txt".to_owned()),
        1 => Just("_part/03.csv".to_owned()),
    ];
    let text = prop_oneof![
        1 => Just(Some(String::new())),
        1 => Just(Some("time,symbol,price\n".to_owned())),
        6 => vec(row(), 0..4).prop_map(Some).prop_map(|rows| rows.map(|rows| lines(&rows))),
        2 => Just(None),
    ];
    (day, tail, text).prop_map(|(day, tail, text)| Step { path: format!("{day}/{tail}"), text })
}

fn lines(rows: &[(i64, i64, &str)]) -> String {
    let line = |(minutes, seconds, symbol): &(i64, i64, &str)| {
        // 60 stands for a stamp that cannot be read.
        let second = if *seconds == 60 { "xx".to_owned() } else { format!("{seconds:02}") };
        let minutes = 1_730_613_600 / 60 + minutes;
        let at = chrono::DateTime::from_timestamp(minutes * 60, 0).unwrap().format("%Y-%m-%dT%H:%M");
        format!("{at}:{second}Z,{symbol},{}\n", minutes % 7)
    };
    std::iter::once("Time,symbol,price\n".to_owned()).chain(rows.iter().map(line)).collect()
}

/// Output and state after a run, or why there is none.
type Outcome = Result<(Tree, Tree), String>;

fn outcome(
    params: &Params,
    before: &Tree,
    now: &Tree,
    base: Option<&(Tree, Tree)>,
    memo: &mut Remembered,
) -> Outcome {
    let changes = before.changes_to(now);
    let input = Input { now, before, changes: &changes };
    let earlier = base.map(|(output, state)| Earlier { output, state });
    let (mut output, mut state) = base.cloned().unwrap_or_default();
    run(params, &input, earlier, &mut output, &mut state, memo).map_err(|error| error.to_string())?;
    Ok((output, state))
}

/// Applies the rounds one after another and compares each outcome with that of a full run.
fn check(params: &str, rounds: &[Vec<Step>]) -> Result<(), TestCaseError> {
    let params: Params = toml::from_str(params).unwrap();
    let mut tree = Tree::default();
    let mut last: Option<(Tree, (Tree, Tree))> = None;
    let memo = &mut Remembered::default();
    for round in rounds {
        for Step { path, text } in round {
            match text {
                Some(text) => tree.put(path, text),
                None => drop(tree.0.remove(&path.parse().unwrap())),
            }
        }
        let full = outcome(&params, &Tree::default(), &tree, None, &mut Remembered::default());
        if let Some((seen, base)) = &last {
            prop_assert_eq!(&outcome(&params, seen, &tree, Some(base), memo), &full);
        }
        if let Ok(base) = full {
            last = Some((tree.clone(), base));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn by_path_a_later_run_leaves_what_a_full_run_leaves(rounds in vec(vec(step(), 1..6), 2..6)) {
        for params in [
            "tz = \"America/New_York\"",
            "tz = \"America/New_York\"\nroll = \"01:00\"",
            "tz-in = \"America/New_York\"\ntz = \"Asia/Kolkata\"",
            "to = \"%u/%H/%M.csv\"",
            "from = \"%Y/%m/%d/%H/%M/{source}.csv\"\nto = \"{source}/%H/%M/%Y-%m-%d.csv\"",
        ] {
            check(params, &rounds)?;
        }
    }

    #[test]
    fn by_time_a_later_run_leaves_what_a_full_run_leaves(rounds in vec(vec(step(), 1..6), 2..6)) {
        for params in [
            "by = \"time\"\ntz = \"America/New_York\"",
            "by = \"time\"\nto = \"{symbol}/%H/%Y-%m-%d.csv\"\nroll = \"17:00\"",
            "by = \"time\"\nfrom = \"%Y/%m/%d\"\nto = \"%Y-%m.csv\"",
        ] {
            check(params, &rounds)?;
        }
    }
}

#[test]
fn a_day_of_minute_files_moves_without_any_content_being_read_or_written() {
    let mut now = Tree::default();
    for minute in 0..1440 {
        now.put(
            &format!("2024/05/01/{:02}/{:02}.csv", minute / 60, minute % 60),
            &format!("price\n{minute}\n"),
        );
    }
    let before = Tree::default();
    let changes = before.changes_to(&now);
    let (now, before) = (Sealed::new(now), Sealed::new(before));
    let (mut output, mut state) = (Sealed::default(), Sealed::default());
    let input = Input { now: &now, before: &before, changes: &changes };
    let params: Params = toml::from_str("tz = \"America/New_York\"").unwrap();
    run(&params, &input, None, &mut output, &mut state, &mut Remembered::default()).unwrap();
    assert_eq!((output.tree.0.len(), state.tree.0.len()), (1440, 0));
    assert_eq!(now.reads() + before.reads() + output.writes + state.writes, 0, "contents read or written");
}
