//! An incremental run must leave the same bytes as a full one, whatever the order of changes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fake::{Remembered, Tree};
use super::super::{Earlier, Input};
use super::{Params, run};

/// One change of the inputs.
#[derive(Debug, Clone)]
enum Step {
    Ticks { day: u32, minute: u32, symbol: u32, price: i32 },
    Remove { day: u32 },
    Drop { day: u32, minute: u32 },
    Truth { day: u32, symbol: u32, price: i32 },
    NoTruth { day: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_u32..5, 0_u32..4, 0_u32..3, -50_i32..50).prop_map(|(day, minute, symbol, price)| Step::Ticks { day, minute, symbol, price }),
        1 => (1_u32..5).prop_map(|day| Step::Remove { day }),
        2 => (1_u32..5, 0_u32..4).prop_map(|(day, minute)| Step::Drop { day, minute }),
        4 => (1_u32..5, 0_u32..3, -50_i32..50).prop_map(|(day, symbol, price)| Step::Truth { day, symbol, price }),
        1 => (1_u32..5).prop_map(|day| Step::NoTruth { day }),
    ]
}

fn name(symbol: u32) -> &'static str {
    ["", "CL", "BRN"][symbol as usize]
}

fn bin_path(day: u32, minute: u32) -> String {
    format!("14/{:02}/2024-05-{day:02}.csv", 13 + minute)
}

fn apply(step: &Step, bins: &mut Tree, truths: &mut std::collections::BTreeMap<(u32, u32), i32>) {
    match *step {
        Step::Ticks { day, minute, symbol, price } => {
            let at = format!("2024-05-{day:02}T14:{:02}", 13 + minute);
            let (price, next) = (f64::from(price) / 8.0, f64::from(price) / 4.0);
            let s = name(symbol);
            bins.put(
                &bin_path(day, minute),
                &format!(
                    "time,symbol,price,size\n{at}:10Z,{s},{price},2\n{at}:50Z,{s},{next},1\nbad,{s},1,1\n"
                ),
            );
        }
        Step::Remove { day } => {
            bins.0.retain(|path, _| !path.as_str().ends_with(&format!("2024-05-{day:02}.csv")));
        }
        Step::Drop { day, minute } => {
            bins.0.remove(&bin_path(day, minute).parse().unwrap());
        }
        Step::Truth { day, symbol, price } => {
            truths.insert((day, symbol), price);
        }
        Step::NoTruth { day } => truths.retain(|(other, _), _| *other != day),
    }
}

fn truth_file(truths: &std::collections::BTreeMap<(u32, u32), i32>) -> Tree {
    let mut text = "date,price,symbol\n".to_owned();
    for ((day, symbol), price) in truths {
        text.push_str(&format!("2024-05-{day:02},{},{}\n", f64::from(*price) / 8.0, name(*symbol)));
    }
    let mut tree = Tree::default();
    tree.put("truth.csv", &text);
    tree
}

/// Output and state after a run, or why there is none.
type Outcome = Result<(Tree, Tree), String>;

fn outcome(
    params: &Params,
    before: &(Tree, Tree),
    now: &(Tree, Tree),
    base: Option<&(Tree, Tree)>,
    memo: &mut Remembered,
) -> Outcome {
    let (bins, truths) = (before.0.changes_to(&now.0), before.1.changes_to(&now.1));
    let bins = Input { now: &now.0, before: &before.0, changes: &bins };
    let truths = Input { now: &now.1, before: &before.1, changes: &truths };
    let earlier = base.map(|(output, state)| Earlier { output, state });
    let (mut output, mut state) = base.cloned().unwrap_or_default();
    run(params, &bins, &truths, earlier, &mut output, &mut state, memo).map_err(|error| error.to_string())?;
    Ok((output, state))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn incremental_runs_leave_what_a_full_run_leaves(rounds in vec(vec(step(), 1..5), 1..8)) {
        let text = "stats = [\"last\", \"mean\", \"vwap\"]\nwindows = [\"30s\", 1, 3]\nalign = [\"end\", \"centre\"]\ntick = 0.25\n";
        let params: Params = toml::from_str(text).unwrap();
        let mut bins = Tree::default();
        let mut truths = std::collections::BTreeMap::new();
        let empty = (Tree::default(), Tree::default());
        let mut last: Option<((Tree, Tree), (Tree, Tree))> = None;
        let memo = &mut Remembered::default();
        for round in rounds {
            round.iter().for_each(|step| apply(step, &mut bins, &mut truths));
            let now = (bins.clone(), truth_file(&truths));
            let full = outcome(&params, &empty, &now, None, &mut Remembered::default());
            let step = match &last {
                Some((seen, base)) => outcome(&params, seen, &now, Some(base), memo),
                None => full.clone(),
            };
            prop_assert_eq!(&step, &full);
            if let Ok(base) = full {
                last = Some((now, base));
            }
        }
    }
}
