//! What is read, and what is refused where.

use proptest::prelude::*;

use super::Spec;

const GOOD: &str = r#"
pipeline = "settlement"

[stage.bin]
input = "ticks@*:/*/*/*"
bin = { tz = "Europe/Berlin" }

[stage.measure]
inputs = { bins = "settlement/bin@*:/", truth = "truth@main:/ecb.csv" }
measure = { stats = ["last", "mean"], windows = ["1m", "5m"], align = ["end", "centre"], tick = "0.0001" }

[stage.select]
input = "settlement/measure@*:/"
select = { by = "rmse", top = 20 }

[stage.report]
input = { cross = [ { name = "best", from = "settlement/select@*:/best.csv" }, { name = "day", from = "ticks@*:/*/*/*" } ] }
command = ["python3", "report.py"]
code = ["report.py"]
timeout = "10m"
"#;

#[test]
fn the_file_of_the_design_is_read() {
    let spec = Spec::parse("p.toml", GOOD).unwrap();
    let names = |stage: &str| {
        let stage = &spec.stages[&stage.parse().unwrap()];
        stage.input.sources().iter().map(|(name, source)| format!("{name}={source}")).collect::<Vec<_>>()
    };
    assert_eq!(names("measure"), ["bins=settlement/bin@*:/", "truth=truth@main:/ecb.csv"]);
    assert_eq!(names("report"), ["best=settlement/select@*:/best.csv", "day=ticks@*:/*/*/*"]);
    assert_eq!(names("bin"), ["ticks=ticks@*:/*/*/*"]);
}

#[track_caller]
fn check(from: &str, to: &str, want: &str) {
    assert!(GOOD.contains(from), "{from}");
    let error = Spec::parse("p.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
    assert!(error.to_string().contains(want), "{error}");
}

#[test]
fn a_mistake_is_reported_where_it_is() {
    check("ticks@*:/*/*/*\"\nbin", "ticks@*:x\"\nbin", "p.toml:5:9: ");
    check("bin = {", "bim = {", "p.toml:6:1: unknown field `bim`");
    check("Europe/Berlin", "Europe/Berlín", "p.toml:6:");
    check("\"10m\"", "\"soon\"", "is not a time");
    check("timeout = ", "timeout ", "p.toml:20:");
    check("[\"python3\", \"report.py\"]", "\"python3 report.py\"", "p.toml:18:11: a command is a list");
    check("[\"python3\", \"report.py\"]", "[\"\"]", "p.toml:18:11: stage report: a command begins");
    check(
        "bin = { tz = \"Europe/Berlin\" }",
        "bin = {}\ntimeout = \"1m\"",
        "p.toml:7:11: stage bin: `timeout` belongs",
    );
    check(
        "select = { by",
        "on_conflict = \"last\"\nselect = { by",
        "p.toml:14:15: stage select: `on_conflict` belongs",
    );
    check(
        "{ cross = [",
        "{ name = \"x\", cross = [",
        "p.toml:17:9: a `name` and the like belong to a `from`",
    );
    let whole = "{ cross = [ { name = \"best\", from = \"settlement/select@*:/best.csv\" }, { name = \"day\", from = \"ticks@*:/*/*/*\" } ] }";
    for (input, want) in [
        (
            "{ join = [ { from = \"ticks:/*\", join_on = \"$1\" } ] }",
            "names $1, and its glob /* has 0 groups",
        ),
        ("{ join = [ { from = \"ticks:/(*)\", join_on = \"day\" } ] }", "expected such as \"$1\""),
        ("{ join = [ \"ticks:/(*)\" ] }", "p.toml:17:9: stage report: the input \"ticks\" needs a `join_on`"),
        ("{ group = [ { from = \"ticks:/(*)\", join_on = \"$1\" } ] }", "belong to the inputs of a `join`"),
        ("{ group = [ { union = [ \"ticks:/*\" ] } ] }", "have sources only"),
        (
            "{ from = \"ticks:/*\", except = [ \"tmp\" ] }",
            "\"tmp\" is not a pattern for `except`: the path does not begin",
        ),
        ("\"ticks:/a(\"", "a group is not closed with ')'"),
        ("{ cross = [ \"a:/\", { union = [ \"b:/\", \"x/a:/\" ] } ] }", "two inputs are named \"a\""),
        (
            "{ join = [ { from = \"a:/(*)\", join_on = \"$1\" }, { from = \"x/a:/(*)\", join_on = \"$1\" } ] }",
            "two inputs are named \"a\"",
        ),
        (
            "{ union = [ \"a:/\", { from = \"x/a:/\", trigger = { commits = 2 } } ] }",
            "an input with a `trigger` and a clock have a name of their own, not \"a\"",
        ),
    ] {
        check(whole, input, want);
    }
    check(
        "{ cross = [ { name = \"best\"",
        "{ cross = [ { nam = \"best\"",
        "unknown field `nam`, expected one of",
    );
    check(
        "{ name = \"best\", from",
        "{ name = \"Day\", from",
        "p.toml:17:9: stage report: the inputs \"Day\"",
    );
    check(
        "\"last\", \"mean\"",
        "\"last\", \"men\"",
        "p.toml:10:30: unknown value `men`, expected one of `last`",
    );
    check("\"1m\", \"5m\"", "\"1x\"", "is not a window");
    check("ecb.csv\" }", "[ecb.csv\" }", "p.toml:9:49: \"truth@main:/[ecb.csv\" is not an input: ");
    check(
        "code = [",
        "env = { VDS_OUT = \"x\" }\ncode = [",
        "p.toml:19:7: stage report: \"VDS_OUT\" is set by vds",
    );
    check(
        "inputs = { bins = \"settlement/bin@*:/\", truth",
        "input = \"a:/\"\ninputs = { truth",
        "p.toml:10:10: stage measure: expected either",
    );
    check("inputs = { bins", "inputs = { bin", "`measure` has");
    check("command = [\"python3\", \"report.py\"]", "command = []", "stage report: ");
    check("name = \"day\"", "name = \"best\"", "two inputs are named \"best\"");
    check("pipeline = \"settlement\"", "", "missing field `pipeline`");
    check(
        "[\"report.py\"]",
        "[\"a\", \"../b\"]",
        "p.toml:19:14: stage report: \"../b\" is not a legal path: ",
    );
}

#[test]
fn a_mistake_is_told_in_plain_words() {
    let number = "expected a whole number, 0 or more, not ";
    check("top = 20", "top = \"many\"", &format!("p.toml:14:31: {number}the text \"many\""));
    check("top = 20", "top = -1", &format!("{number}the number -1"));
    check("top = 20", "top = 1.5", &format!("{number}the number 1.5"));
    check("top = 20", "guard = true", "p.toml:14:33: expected a number, not true");
    check("top = 20", "order = 5", "p.toml:14:33: expected a text");
    check("tick = \"0.0001\"", "col = 5", "p.toml:10:96: expected a table, not the number 5");
    check("tick = \"0.0001\"", "round = \"yes\"", "expected true or false, not the text \"yes\"");
    check("tick = \"0.0001\"", "tick = []", "p.toml:10:97: expected a number");
    check("[\"1m\", \"5m\"]", "\"1m\"", "expected a list, not the text \"1m\"");
    check("[\"1m\", \"5m\"]", "[true]", "expected a window such as");
    check("bin = { tz = \"Europe/Berlin\" }", "bin = true", "p.toml:6:7: expected a table, not true");
    check("[\"report.py\"]", "\"report.py\"", "expected a list, not the text \"report.py\"");
    check("timeout = \"10m\"", "timeout = 10", "p.toml:20:11: expected a text, not the number 10");
    check("timeout = \"10m\"", "timeout = 10m", "p.toml:20:");
    check("timeout = \"10m\"", "timeout = ten", "p.toml:20:11: a text stands in quotes; expected such as");
    check("timeout = \"10m\"", "timeout = \"10m", "p.toml:20:15: a text does not end; expected `\"`");
    for nothing in ["timeout =", "timeout =  # soon", "timeout = \nenv = {}"] {
        check("timeout = \"10m\"", nothing, ": there is no value; expected such as");
    }
    check("\"settlement\"", "5", "p.toml:2:12: expected a text, not the number 5");
    check(
        "input = \"ticks@*:/*/*/*\"",
        "input = 5",
        "p.toml:5:9: expected \"REPO@BRANCH:/GLOB\" or a table with",
    );
}

proptest! {
    #[test]
    fn nothing_that_is_written_makes_it_panic(
        at in 0_usize..GOOD.len(),
        length in 0_usize..40,
        text in "[\\[\\]{}\"'=,.:/@*#\\\\\n a-z0-9ä-]{0,20}",
    ) {
        let start = (0..=at).rev().find(|at| GOOD.is_char_boundary(*at)).unwrap();
        let end = (start + length).min(GOOD.len());
        let file = format!("{}{text}{}", &GOOD[..start], GOOD.get(end..).unwrap_or_default());
        if let Err(error) = Spec::parse("p.toml", &file) {
            prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
            prop_assert!(error.line <= file.lines().count() + 1, "{error}");
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("{ cross = [", "] }"), ("[", "]")] {
        let input = format!("{}\"a:/\"{}", open.repeat(20_000), close.repeat(20_000));
        let file = format!("pipeline = \"p\"\n[stage.s]\ncommand = [\"true\"]\ninput = {input}\n");
        assert!(Spec::parse("p.toml", &file).is_err());
    }
}
