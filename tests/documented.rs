//! Every pipeline file of the documentation, made and run on data as it speaks of.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use desk::Desk;
use serde_json::Value;

/// A script in place of one that a page only names: it reads what it is given, and writes a file of its own.
const STAND_IN: &str = "import os, pathlib\n\
    seen = sorted(str(path) for path in pathlib.Path(os.environ['VDS_IN']).rglob('*') if path.is_file())\n\
    name = os.environ['VDS_DATUM_ID']\n\
    pathlib.Path(os.environ['VDS_OUT'], name).write_text('\\n'.join(seen) + '\\n')\n";

/// The blocks of code on a page, each with its language.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut parts = text.split("\n```").skip(1);
    let mut blocks = Vec::new();
    while let Some(block) = parts.next() {
        blocks.extend(block.split_once('\n'));
        parts.next();
    }
    blocks
}

/// The data of which the pages speak: three days of ticks on several branches, settlement prices, prices by day and symbol.
fn data(desk: &Desk) {
    for day in ["01", "02", "03"] {
        for minute in ["13", "14", "15"] {
            let text = format!(
                "time,price,size,type\n2024-05-{day}T14:{minute}:30Z,1.{minute}{day},100,TRADE\n\
                 2024-05-{day}T20:{minute}:30Z,1.{minute}{day},100,TRADE\n"
            );
            desk.write(&format!("ticks/2024/05/{day}/14/{minute}.csv"), &text);
        }
        for symbol in ["ABC", "XYZ"] {
            desk.write(&format!("prices/2024-05-{day}/{symbol}.csv"), "1\n");
        }
    }
    desk.write("truth/ecb.csv", "date,price\n2024-05-01,1.1401\n2024-05-02,1.1402\n2024-05-03,1.1403\n");
    desk.write("truth/settlements.csv", "date,price\n2024-05-01,1.14\n2024-05-02,1.14\n2024-05-03,1.14\n");
    desk.write("limits/ABC.txt", "5\n");
    desk.write("docs/a", "one two\nthree\n");
    desk.write("docs/b", "four\n");
    desk.write("logs/today", "a line\n");
    for repo in ["ticks", "truth", "prices", "limits", "docs", "logs"] {
        desk.ok(&["repo", "create", repo]);
        desk.ok(&["commit", repo, repo, "-m", "all that there is", "--no-run"]);
    }
    for branch in ["bbg", "ice", "feature/x"] {
        desk.ok(&["branch", "create", &format!("ticks@{branch}"), "--no-run"]);
    }
}

#[track_caller]
fn check(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = fs::read_to_string(path).unwrap();
    let desk = Desk::new();
    data(&desk);
    let mut script = STAND_IN;
    let mut count = 0;
    for (language, block) in blocks(&text) {
        match language {
            // The script of the file that comes next.
            "python" | "sh" => script = block,
            "toml" => {
                make_and_run(&desk, block, script);
                (script, count) = (STAND_IN, count + 1);
            }
            _ => {}
        }
    }
    assert!(count > 0, "{page} has no pipeline files");
}

/// Makes the pipeline, whose first declared file is `script`, and runs it; then it goes.
#[track_caller]
fn make_and_run(desk: &Desk, file: &str, script: &str) {
    let table: toml::Table = toml::from_str(file).unwrap();
    let name = table["pipeline"].as_str().unwrap();
    let stages = table["stage"].as_table().unwrap();
    for code in stages.values().filter_map(|stage| stage.get("code")).filter_map(toml::Value::as_array) {
        for (at, name) in code.iter().filter_map(toml::Value::as_str).enumerate() {
            desk.write(name, if at == 0 { script } else { STAND_IN });
        }
    }
    desk.write("pipeline.toml", file);
    desk.ok(&["pipeline", "create", "pipeline.toml", "--no-run"]);
    // What waits for the time or for more is let through.
    let says =
        |stage: &toml::Value, key: &str| stage.get("input").is_some_and(|input| input.get(key).is_some());
    for (stage, _) in stages.iter().filter(|(_, stage)| says(stage, "trigger")) {
        desk.ok(&["trigger", "fire", "--stage", &format!("{name}/{stage}")]);
    }
    desk.ok(&["run"]);
    let list: Value =
        serde_json::from_str(&desk.ok(&["job", "list", &format!("{name}/"), "--json"])).unwrap();
    let jobs = list["jobs"].as_array().unwrap();
    let ran: BTreeSet<&str> = jobs
        .iter()
        .filter(|job| job["state"] == "succeeded")
        .map(|job| job["stage"].as_str().unwrap())
        .collect();
    for (stage, spec) in stages {
        // A clock that has just been made has reached no moment.
        let is_clock = says(spec, "cron");
        let stage = format!("{name}/{stage}");
        assert!(is_clock || ran.contains(stage.as_str()), "{stage} did not run: {jobs:#?}");
    }
    desk.ok(&["pipeline", "delete", name]);
    for (stage, _) in stages {
        desk.ok(&["repo", "delete", &format!("{name}/{stage}")]);
    }
}

#[test]
fn the_pipelines_of_the_page_about_pipelines_run() {
    check("pipelines.md");
}

#[test]
fn the_pipeline_of_the_page_about_stages_runs() {
    check("stages.md");
}
