//! The program as a person uses it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;
use std::process::Stdio;

use desk::Desk;

const PIPELINE: &str = r#"
pipeline = "settlement"
[stage.bin]
input = "ticks@*:/*/*/*"
bin = {}
[stage.measure]
inputs = { bins = "settlement/bin@*:/", truth = "truth@main:/truth.csv" }
measure = {}
[stage.select]
input = "settlement/measure@*:/"
select = {}
[stage.count]
input = "ticks@*:/*/*/*"
command = ["sh", "-c", "find \"$VDS_IN_TICKS\" -type f | wc -l > \"$VDS_OUT/$(basename \"$VDS_DATUM\")\"; echo did $VDS_DATUM"]
"#;

#[test]
fn a_checkout_refuses_to_overwrite_and_never_leaves_its_directory() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("in/sub/x", "new");
    desk.ok(&["commit", "r", "in", "-m", "first"]);
    desk.write("out/sub/x", "mine");
    let (code, said) = desk.no(&["checkout", "r", "--into", "out"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(fs::read_to_string(desk.path("out/sub/x")).unwrap(), "mine");
    fs::create_dir(desk.path("elsewhere")).unwrap();
    fs::create_dir(desk.path("trap")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("trap/sub")).unwrap();
    let (code, said) = desk.no(&["checkout", "r", "--into", "trap"]);
    assert_eq!(code, 2, "{said}");
    assert_eq!(fs::read_dir(desk.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn the_stages_follow_each_commit_and_nothing_is_done_twice() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "ticks"]);
    desk.ok(&["repo", "create", "truth"]);
    desk.write("truth.csv", "date,price\n2024-05-01,114\n2024-05-02,214\n2024-05-03,314\n");
    desk.ok(&["commit", "truth", "truth.csv", "-m", "truth"]);
    desk.write("p.toml", PIPELINE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    for (name, price) in [("01", "1"), ("02", "2"), ("03", "3")] {
        desk.write_day(name, price);
        desk.ok(&["commit", "ticks", &format!("days/{name}"), "-m", name]);
    }
    let best = desk.ok(&["cat", "settlement/select:best.csv"]);
    assert!(
        best.lines().nth(1).unwrap().starts_with("14:14,,last,1m,end,14:14:00,14:15:00,14:15:00,3,0,"),
        "{best}"
    );
    assert_eq!(desk.ok(&["cat", "settlement/count:02"]).trim(), "3");
    let counts = |id: &str| {
        let job: serde_json::Value = serde_json::from_str(&desk.ok(&["job", "show", id, "--json"])).unwrap();
        (job["processed"].as_u64().unwrap(), job["reused"].as_u64().unwrap())
    };
    let newest = |stage: &str| desk.ok(&["job", "list", stage, "-n", "1", "--quiet"]).trim().to_owned();
    assert_eq!(counts(&newest("settlement/count")), (1, 2));
    assert!(
        desk.ok(&["job", "logs", &newest("settlement/count"), "--datum", "2024/05/03"])
            .contains("did 2024/05/03")
    );

    let newest_ticks = desk.ok(&["log", "ticks", "-n", "1", "--quiet"]);
    desk.ok(&["branch", "move", "ticks", "main~1"]);
    desk.ok(&["branch", "move", "ticks", newest_ticks.trim()]);
    desk.ok(&["branch", "create", "ticks@other"]);
    desk.ok(&["reset", "ticks", "main~2"]);
    desk.ok(&["undo"]);
    desk.ok(&["redo"]);
    desk.ok(&["op", "restore", "1"]);
    desk.ok(&["undo"]);
    desk.ok(&["undo"]);
    for stage in ["bin", "measure", "select", "count"] {
        let id = newest(&format!("settlement/{stage}"));
        assert_eq!(counts(&id).0, 0, "{stage} did something again");
    }
    assert_eq!(desk.ok(&["cat", "settlement/select@other:best.csv"]), best);
    assert_eq!(desk.ok(&["cat", "settlement/select:best.csv"]), best);
}

#[test]
fn a_failing_datum_leaves_the_output_where_it_was_and_says_why() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("p.toml", "pipeline = \"p\"\n[stage.a]\ninput = \"in:/*\"\ncommand = [\"sh\", \"-c\", \"cat $VDS_IN_IN/* > $VDS_OUT/$VDS_DATUM; echo oops >&2; ! grep -q bad $VDS_IN_IN/*\"]\n[stage.b]\ninput = \"p/a:/\"\ncommand = [\"true\"]\n");
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "good");
    desk.ok(&["commit", "in", "x", "-m", "good"]);
    desk.write("x/two", "bad");
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "bad"]);
    assert_eq!(code, 6);
    assert!(said.contains("datum two") && said.contains("exit code 1"), "{said}");
    assert_eq!(desk.ok(&["log", "p/a", "--oneline"]).lines().count(), 1);
    let jobs = desk.ok(&["job", "list"]);
    assert!(jobs.contains("failed") && jobs.contains("skipped"), "{jobs}");
    let failed = desk.ok(&["job", "list", "--state", "failed", "--quiet"]);
    assert!(desk.ok(&["job", "logs", failed.trim()]).contains("oops"));
}

#[test]
fn many_processes_lose_no_commit() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    let children: Vec<_> = (0..8)
        .map(|n| {
            desk.write(&format!("f{n}"), &n.to_string());
            let name = format!("f{n}");
            desk.command(&["commit", "r", &name, "-m", &name]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(desk.ok(&["log", "r", "--oneline"]).lines().count(), 8);
    assert_eq!(desk.ok(&["ls", "r"]).lines().count(), 8);
}

#[test]
fn a_store_without_its_facts_and_index_is_rebuilt() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("x", "content");
    desk.ok(&["commit", "r", "x", "-m", "first"]);
    desk.ok(&["tag", "create", "r@v1"]);
    fs::remove_dir_all(desk.path(".vds/meta")).unwrap();
    for table in fs::read_dir(desk.path(".vds/index")).unwrap() {
        fs::remove_file(table.unwrap().path()).unwrap();
    }
    assert_eq!(desk.ok(&["cat", "r@v1:x"]), "content");
}

#[test]
fn a_branch_and_a_tag_never_have_one_name() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("x", "content");
    desk.ok(&["commit", "r", "x", "-m", "first"]);
    for round in 0..4 {
        let name = format!("r@n{round}");
        let children: Vec<_> =
            [["branch", "create", &name], ["tag", "create", &name], ["tag", "create", &name]]
                .iter()
                .map(|args| desk.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
                .collect();
        let won = children.into_iter().filter_map(|mut child| child.wait().unwrap().success().then_some(()));
        assert_eq!(won.count(), 1, "{name}");
    }
    let names = desk.ok(&["branch", "list", "r", "--quiet"]) + &desk.ok(&["tag", "list", "r", "--quiet"]);
    assert_eq!(names.lines().count(), 5, "{names}");
}

#[test]
fn what_two_branches_brought_is_put_together_without_working_on_a_day_again() {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "ticks"]);
    desk.ok(&["repo", "create", "truth"]);
    desk.write("truth.csv", "date,price\n2024-05-01,114\n2024-05-02,214\n2024-05-03,314\n");
    desk.ok(&["commit", "truth", "truth.csv", "-m", "truth"]);
    let by_time = PIPELINE.replace("\"settlement\"", "\"rows\"").replace("settlement/", "rows/");
    desk.write("p.toml", PIPELINE);
    desk.write("q.toml", &by_time.replace("bin = {}", "bin = { by = \"time\" }"));
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.ok(&["pipeline", "create", "q.toml"]);
    for (name, price) in [("01", "1"), ("02", "2"), ("03", "3")] {
        desk.write_day(name, price);
    }
    desk.ok(&["commit", "ticks", "days/01", "-m", "one"]);
    for (branch, name) in [("ticks@a", "02"), ("ticks@b", "03")] {
        desk.ok(&["branch", "create", branch]);
        desk.ok(&["commit", branch, &format!("days/{name}"), "-m", name]);
    }
    // What a merge of both makes.
    desk.ok(&["branch", "move", "ticks", "a"]);
    desk.ok(&["commit", "ticks", "days/03", "-m", "both"]);
    for pipeline in ["settlement", "rows"] {
        for (stage, processed) in [("bin", 0), ("measure", 0), ("count", 0), ("select", 1)] {
            let listed = desk.ok(&["job", "list", &format!("{pipeline}/{stage}"), "-n", "1", "--json"]);
            let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
            assert_eq!(listed["jobs"][0]["processed"], processed, "{listed}");
            assert!(listed["jobs"][0]["reused"].as_u64().unwrap() + processed > 0, "{listed}");
        }
        let best = desk.ok(&["cat", &format!("{pipeline}/select:best.csv")]);
        assert!(
            best.lines().nth(1).unwrap().starts_with("14:14,,last,1m,end,14:14:00,14:15:00,14:15:00,3,0,")
        );
    }
}
