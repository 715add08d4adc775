//! The schema for editors, held against what the parser knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Spec;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/pipeline.schema.json")).unwrap()
}

/// What the parser says it would have accepted in place of `zzz`, from its message.
fn expected(file: &str) -> BTreeSet<String> {
    let message = Spec::parse("p.toml", file).unwrap_err().message;
    assert!(message.contains("`zzz`"), "{message}");
    let (_, list) = message.split_once("expected ").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn stage(body: &str) -> String {
    format!("pipeline = 'p'\n[stage.s]\n{body}\n")
}

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(list) => list.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn every_key_and_word_of_the_parser_is_in_the_schema_and_the_reverse() {
    let schema = schema();
    let check = |file: &str, place: &str| {
        let known = schema.pointer(place).unwrap_or_else(|| panic!("{place}"));
        assert_eq!(expected(file), names(known), "{place}");
    };
    check("zzz = 1\n", "/properties");
    check(&stage("zzz = 1"), "/definitions/stage/properties");
    for kind in ["bin", "measure", "select"] {
        check(&stage(&format!("{kind} = {{ zzz = 1 }}")), &format!("/definitions/{kind}/properties"));
    }
    for kind in ["bin", "measure"] {
        let col = format!("/definitions/{kind}/properties/col/properties");
        check(&stage(&format!("{kind} = {{ col = {{ zzz = 1 }} }}")), &col);
        let header = format!("/definitions/{kind}/properties/header/enum");
        check(&stage(&format!("{kind} = {{ header = 'zzz' }}")), &header);
    }
    for (body, place) in [
        ("bin = { by = 'zzz' }", "bin/properties/by/enum"),
        ("measure = { stats = ['zzz'] }", "measure/properties/stats/items/enum"),
        ("measure = { align = ['zzz'] }", "measure/properties/align/items/enum"),
        ("measure = { decimal = 'zzz' }", "measure/properties/decimal/enum"),
        ("measure = { on-bad = 'zzz' }", "measure/properties/on-bad/enum"),
        ("select = { by = 'zzz' }", "select/properties/by/enum"),
        ("select = { order = 'zzz' }", "select/properties/order/enum"),
        ("on_conflict = 'zzz'", "stage/properties/on_conflict/enum"),
        ("batch = 'zzz'", "stage/properties/batch/anyOf/1/enum"),
        ("reprocess = 'zzz'", "stage/properties/reprocess/enum"),
        ("isolation = 'zzz'", "stage/properties/isolation/enum"),
        ("compat = 'zzz'", "stage/properties/compat/enum"),
        ("limits = { zzz = 1 }", "stage/properties/limits/properties"),
        ("input = { from = 'a', trigger = { zzz = 1 } }", "trigger/properties"),
    ] {
        check(&stage(body), &format!("/definitions/{place}"));
    }
    let forms = schema.pointer("/definitions/input/anyOf").unwrap().as_array().unwrap();
    let keyed = ["joined", "grouped"].map(|form| schema.pointer(&format!("/definitions/{form}")).unwrap());
    let forms = forms.iter().chain(keyed);
    let known: BTreeSet<String> =
        forms.flat_map(|form| names(form.get("properties").unwrap_or(&Value::Null))).collect();
    assert_eq!(expected(&stage("input = { zzz = 1 }")), known);
}

/// Whether `value` is as `schema` says, by the words that the schema uses. Patterns are for editors only: the parser's own checks
/// of texts say more than a pattern can.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(rules) = schema.as_object() else { return schema.as_bool().unwrap() };
    let length = |value: &Value| match value {
        Value::Array(list) => list.len() as u64,
        Value::Object(map) => map.len() as u64,
        Value::String(text) => text.chars().count() as u64,
        _ => 0,
    };
    let all = |list: &Value| {
        list.as_array().unwrap().iter().map(|rule| fits(root, rule, value)).collect::<Vec<_>>()
    };
    rules.iter().all(|(word, rule)| match word.as_str() {
        "$ref" => fits(root, root.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value),
        "type" => {
            let is = |name: &Value| match name.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("{other}"),
            };
            rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
        }
        "enum" => rule.as_array().unwrap().contains(value),
        "anyOf" => all(rule).contains(&true),
        "allOf" => !all(rule).contains(&false),
        "oneOf" => all(rule).iter().filter(|fits| **fits).count() == 1,
        "not" => !fits(root, rule, value),
        "required" => {
            let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
            !value.is_object() || rule.as_array().unwrap().iter().all(has)
        }
        "properties" => {
            let one =
                |(name, rule): (&String, &Value)| value.get(name).is_none_or(|value| fits(root, rule, value));
            rule.as_object().unwrap().iter().all(one)
        }
        "additionalProperties" => {
            let known = names(rules.get("properties").unwrap_or(&Value::Null));
            let others = value.as_object().into_iter().flatten().filter(|(name, _)| !known.contains(*name));
            others.into_iter().all(|(_, value)| fits(root, rule, value))
        }
        "items" => value.as_array().is_none_or(|list| list.iter().all(|item| fits(root, rule, item))),
        "minItems" | "minProperties" | "minLength" => length(value) >= rule.as_u64().unwrap(),
        "maxProperties" | "maxLength" => length(value) <= rule.as_u64().unwrap(),
        "minimum" => value.as_f64().is_none_or(|value| value >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|value| value <= rule.as_f64().unwrap()),
        "pattern" | "propertyNames" | "description" | "default" | "examples" | "title" | "$schema"
        | "definitions" => true,
        other => panic!("the test does not know the word {other}"),
    })
}

/// Checks a stage with both.
#[track_caller]
fn check(body: &str, want: bool) {
    let (schema, file) = (schema(), stage(body));
    let value: toml::Table = toml::from_str(&file).unwrap();
    let value = serde_json::to_value(value).unwrap();
    let parsed = Spec::parse("p.toml", &file);
    assert_eq!(parsed.is_ok(), want, "{body}: {parsed:?}");
    assert_eq!(fits(&schema, &schema, &value), want, "{body}: the schema thinks otherwise");
}

#[test]
fn the_parser_and_the_schema_agree_on_examples() {
    for good in [
        "input = 'a@*:/*/*/*'\nbin = {}",
        "input = 'a'\nbin = { tz = 'Europe/Berlin', by = 'time', roll = '17:00', col = { time = '#0' } }",
        "inputs = { bins = 'b@*:/', truth = 't@main:/x.csv' }\nmeasure = { stats = ['last', 'vwap'], windows = ['30s', 5], align = ['centre'], tick = '0.01', round = true }",
        "inputs = { bins = 'b', truth = 't' }\nmeasure = { tick = 0.25, where = ['type=TRADE'], header = 'no' }",
        "input = 'm:/'\nselect = { by = 'mae', top = 3, min-coverage = 0.5 }",
        "input = 'a:/*'\ncommand = ['true']",
        "input = { name = 'x', from = 'a:/*' }\ncommand = ['true']\ncode = ['x.py']\nenv = { A = 'b' }\ntimeout = '10m'\non_conflict = 'concat'",
        "input = { cross = [ 'a:/', { union = [ { name = 'b', from = 'b:/*' }, 'c:/*' ] } ] }\ncommand = ['true']",
        "inputs = { a = 'a:/', b = 'b:/' }\ncommand = ['true']",
        "input = { union = [ 'a:/*', { cross = [ 'a:/x', 'b:/' ] }, { name = 'a', from = 'c:/' } ] }\ncommand = ['true']",
        "input = 'a'\ncommand = ['sh']\nstdin = 'true'\ntries = 3\naccept_return_code = [1]\nerr_cmd = ['true']\njob_timeout = '1h'",
        "input = 'a'\ncommand = ['sh']\nstdin = ['true', 'true']\nlimits = { memory = '2GiB', cpu = '10s', file_size = '5 MB' }\nparallelism = 1",
        "input = 'a'\ncommand = ['x']\nisolation = 'required'\ncompat = 'pachyderm'",
        "input = 'a'\ncommand = ['x']\nbatch = true\ntries = 2\nincremental = true",
        "input = 'a'\ncommand = ['x']\nbatch = 'shell'",
        "input = 'a'\ncommand = ['x']\nbatch = false\nstdin = 'x'",
        "input = 'a'\ncommand = ['x']\nreprocess = 'every_job'\nincremental = true",
        "input = { from = 'a:/*', except = '/tmp', empty_files = true }\ncommand = ['true']",
        "input = { from = 'a:/*', except = ['/tmp', '/**/*.part'] }\nbin = {}",
        "input = { from = 'a:/*', lazy = true, empty_files = false }\ncommand = ['true']",
        "input = { join = [ { from = 'a:/(*).csv', join_on = '$1', outer_join = true }, { from = 'b:/(*)/(*)', join_on = '$2' } ] }\ncommand = ['true']",
        "input = { cross = [ 'c:/', { group = [ { from = 'a:/(*)-*', group_by = '$1' } ] } ] }\ncommand = ['true']",
    ] {
        check(good, true);
    }
    for good in [
        "input = { cron = '@daily' }\ncommand = ['true']",
        "input = { name = 'n', cron = { at = '0 6 * * *', tz = 'Europe/Berlin' }, start = '2024-05-01T00:00:00Z', overwrite = true }\ncommand = ['true']",
        "input = { from = 'a:/*', trigger = { commits = 3 } }\nbin = {}",
        "input = { from = 'a:/*', trigger = { any = [{ size = '1MB' }, { all = [{ quiet = '5m' }, { glob = '/x' }] }] } }\nbin = {}",
        "input = { join = [ { from = 'a:/(*)', join_on = '$1', trigger = { manual = true } } ] }\ncommand = ['true']",
    ] {
        check(good, true);
    }
    for bad in [
        "input = { cron = '@daily', from = 'a' }\ncommand = ['true']",
        "input = { cron = '@daily', trigger = { commits = 1 } }\ncommand = ['true']",
        "input = { from = 'a', overwrite = true }\ncommand = ['true']",
        "input = { from = 'a', trigger = {} }\ncommand = ['true']",
        "input = { from = 'a', trigger = { commits = 1, files = 1 } }\ncommand = ['true']",
        "input = { from = 'a', trigger = { commits = 0 } }\ncommand = ['true']",
        "input = { from = 'a', trigger = { changed = false } }\ncommand = ['true']",
        "input = { from = 'a', trigger = { any = [] } }\ncommand = ['true']",
        "input = { join = [ { cron = '@daily' } ] }\ncommand = ['true']",
        "bin = {}",
        "input = 'a'",
        "input = 'a'\ninputs = { a = 'a' }\ncommand = ['true']",
        "inputs = {}\ncommand = ['true']",
        "input = 'a'\nbin = {}\nselect = {}",
        "input = 'a'\nbin = {}\ntimeout = '1m'",
        "input = 'a'\nselect = {}\non_conflict = 'last'",
        "input = 'a'\nbin = { code = [] }",
        "input = 'a'\ncommand = []",
        "input = 'a'\ncommand = 'true'",
        "input = 'a'\ncommand = ['true', 1]",
        "input = 'a'\ncommand = ['true']\nenv = { A = 1 }",
        "input = 'a'\ncommand = ['true']\non_conflict = 'first'",
        "input = { name = 'x', cross = ['a', 'b'] }\ncommand = ['true']",
        "input = { name = 'x' }\ncommand = ['true']",
        "input = { from = 'a', union = ['b'] }\ncommand = ['true']",
        "input = { cross = [] }\ncommand = ['true']",
        "input = 'a'\ncommand = ['true']\ntries = 0",
        "input = 'a'\ncommand = ['true']\ntries = 101",
        "input = 'a'\ncommand = ['true']\nparallelism = 0",
        "input = 'a'\ncommand = ['true']\nlimits = { memory = 5 }",
        "input = 'a'\ncommand = ['true']\nerr_cmd = []",
        "input = 'a'\ncommand = ['true']\nbatch = 'json'",
        "input = 'a'\ncommand = ['true']\nbatch = 1",
        "input = 'a'\ncommand = ['sh']\nbatch = true\nstdin = 'x'",
        "input = 'a'\ncommand = ['sh']\nbatch = 'shell'\naccept_return_code = [1]",
        "input = 'a'\nbin = {}\nbatch = true",
        "input = 'a'\ncommand = ['true']\nstdin = [1]",
        "input = 'a'\ncommand = ['true']\nreprocess = 'never'",
        "input = 'a'\nbin = {}\nincremental = true",
        "input = 'a'\nbin = {}\ncompat = 'pachyderm'",
        "input = { from = 'a:/(*)', join_on = '$1' }\ncommand = ['true']",
        "input = { join = [ 'a:/(*)', { from = 'b:/(*)', join_on = '$1' } ] }\ncommand = ['true']",
        "input = { join = [ { from = 'a:/(*)', group_by = '$1' } ] }\ncommand = ['true']",
        "input = { group = [ { from = 'a:/(*)', group_by = '$1', outer_join = true } ] }\ncommand = ['true']",
        "input = { group = [ { cross = ['a:/'] } ] }\ncommand = ['true']",
        "input = { join = [] }\ncommand = ['true']",
        "input = { from = 'a', except = 3 }\ncommand = ['true']",
        "input = { from = 'a', lazy = true, empty_files = true }\ncommand = ['true']",
        "input = 'a'\nmeasure = {}",
        "inputs = { bins = 'a', truths = 'b' }\nmeasure = {}",
        "inputs = { bins = 'a', truth = 'b', more = 'c' }\nmeasure = {}",
        "inputs = { bins = 'a', truth = 'b' }\nmeasure = { stats = [] }",
        "inputs = { bins = 'a', truth = 'b' }\nmeasure = { decimals = 13 }",
        "input = 'a'\nselect = { top = 'all' }",
    ] {
        check(bad, false);
    }
}

#[test]
fn the_examples_of_the_documentation_are_right() {
    let (schema, text) = (schema(), include_str!("../../../docs/pipelines.md"));
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 5);
    for block in blocks.into_iter().chain([include_str!("../../../examples/settlement/settlement.toml")]) {
        Spec::parse("example", block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        let value: toml::Table = toml::from_str(block).unwrap();
        assert!(fits(&schema, &schema, &serde_json::to_value(value).unwrap()), "{block}");
    }
    // Every key is described.
    for place in [
        "/definitions/stage/properties",
        "/properties",
        "/definitions/input/anyOf/1/properties",
        "/definitions/input/anyOf/2/properties",
        "/definitions/joined/properties",
        "/definitions/grouped/properties",
        "/definitions/trigger/properties",
    ] {
        for key in names(schema.pointer(place).unwrap()) {
            assert!(text.contains(&format!("`{key}`")), "docs/pipelines.md does not speak of `{key}`");
        }
    }
}
