//! The built-in stages as a person meets them: what they warn of, and a script in the place of one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use desk::Desk;

/// Three days of four minutes. The settlement is the last price of 14:14, but for a little on one day.
fn ticks(desk: &Desk) {
    let mut truth = "date,price\n".to_owned();
    for day in 1..=3_i32 {
        for minute in 12..=15_i32 {
            let at = format!("2024-05-0{day}T14:{minute}");
            let (early, last) = (100 + day * minute, 100 + day * minute * 2);
            let text = format!("time,price\n{at}:05Z,{early}.25\n{at}:55Z,{last}.5\n");
            desk.write(&format!("ticks/2024/05/0{day}/14/{minute}.csv"), &text);
        }
        truth += &format!("2024-05-0{day},{}.{}\n", 100 + day * 28, if day == 2 { "75" } else { "5" });
    }
    desk.write("truth/truth.csv", &truth);
    for repo in ["ticks", "truth"] {
        desk.ok(&["repo", "create", repo]);
        desk.ok(&["commit", repo, repo, "-m", "all days"]);
    }
}

/// The best row of a pipeline, by column.
fn best(desk: &Desk, pipeline: &str) -> BTreeMap<String, String> {
    let text = desk.ok(&["cat", &format!("{pipeline}/select:best.csv")]);
    let rows: Vec<Vec<String>> =
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    rows[0].iter().cloned().zip(rows[1].iter().cloned()).collect()
}

#[test]
fn a_script_takes_the_place_of_measure() {
    let desk = Desk::new();
    ticks(&desk);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/script-measure");
    for file in ["pipeline.toml", "measure.sh"] {
        desk.write(file, &fs::read_to_string(example.join(file)).unwrap());
    }
    desk.write(
        "built-in.toml",
        "pipeline = \"own\"\n[stage.bin]\ninput = \"ticks@*:/*/*/*\"\nbin = {}\n\
         [stage.measure]\ninputs = { bins = \"own/bin@*:/\", truth = \"truth@main:/truth.csv\" }\nmeasure = {}\n\
         [stage.select]\ninput = \"own/measure@*:/\"\nselect = { by = \"rmse\" }\n",
    );
    desk.ok(&["pipeline", "create", "pipeline.toml"]);
    desk.ok(&["pipeline", "create", "built-in.toml"]);
    let (scripted, own) = (best(&desk, "scripted"), best(&desk, "own"));
    assert_eq!(own["at"], "14:15:00");
    for column in [
        "bucket",
        "stat",
        "window",
        "align",
        "at",
        "n",
        "rmse",
        "coverage",
        "candidates",
        "runner_at",
        "ratio",
        "wins",
        "losses",
        "p_sign",
        "stability",
        "bucket_stability",
    ] {
        assert_eq!(scripted[column], own[column], "{column}");
    }
    assert_eq!(scripted["mae"], "", "the script gives no mae");
}

#[test]
fn what_jobs_warn_of_is_told_with_the_commit() {
    let desk = Desk::new();
    ticks(&desk);
    desk.write(
        "built-in.toml",
        "pipeline = \"own\"\n[stage.bin]\ninput = \"ticks@*:/\"\nbin = {}\n\
         [stage.measure]\ninputs = { bins = \"own/bin@*:/\", truth = \"truth@main:/truth.csv\" }\nmeasure = {}\n",
    );
    desk.ok(&["pipeline", "create", "built-in.toml"]);
    let check = |repo: &str, file: &str, text: &str, want: &[&str]| {
        desk.write(file, text);
        let dir = file.split('/').next().unwrap();
        let output = desk.run(&["commit", repo, dir, "-m", "dirt"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        let warnings: Vec<&str> =
            told.lines().filter_map(|line| line.trim().strip_prefix("warning: ")).collect();
        assert_eq!(warnings, want, "{told}");
    };
    check(
        "ticks",
        "a/2024/05/04/14/12.csv",
        "time,price,size\n2024-05-04T14:12:01Z,NaN,1\nnoon,7,1\n2024-05-04T14:12:03Z,8,1\n9\n",
        &[
            "3 bad rows passed over: 1 with another number of fields than the header, 1 with an unreadable time, \
           1 with an unreadable price; such as record 1 of 14/12/2024-05-04.csv, bad price",
        ],
    );
    check(
        "ticks",
        "b/2024/05/05/14/77.csv",
        "time,price\n",
        &["1 file left out whose path names no time that exists, such as 2024/05/05/14/77.csv"],
    );
    check(
        "ticks",
        "c/2024/05/06/14/20.csv",
        "time,price,size\n2024-05-06T14:20:01Z,7,5\n2024-05-06T14:20:09Z,8,0\n",
        &[],
    );
    // The price of the day comes later, and a tick of size 0 said it first.
    check(
        "truth",
        "d/truth.csv",
        "date,price\n2024-05-06,8\n2024-05-07,soon\n",
        &[
            "1 row of the truth left out that cannot be read, such as record 2 of truth.csv",
            "1 exact hit of the truth by a tick of size 0, such as last_1m_end of 14:20 on 2024-05-06: \
             that may be the settlement price itself, sent among the ticks; leave such rows out with `where`",
        ],
    );
    let log = desk.ok(&["job", "list", "own/measure", "-n", "1", "--quiet"]);
    assert!(desk.ok(&["job", "logs", log.trim()]).contains("0 days read, 4 days scored"));
}
