//! Pipeline specs of Pachyderm, run as they are.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use desk::Desk;
use serde_json::Value;

/// A desk with the repo `words` and a file of specs, which are a pipeline.
fn desk(specs: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "words"]);
    desk.write("count.json", specs);
    desk.ok(&["pipeline", "create", "count.json"]);
    desk.write("in/a/one.txt", "b\na\n");
    desk.write("in/a/two.txt", "a\n");
    desk
}

/// Commits what is there; says whether programs have a view of the file system of their own here.
fn commit(desk: &Desk) -> bool {
    desk.run(&["commit", "words", "in", "-m", "words"]);
    let list: Value = serde_json::from_str(&desk.ok(&["job", "list", "--json"])).unwrap();
    let jobs = list["jobs"].as_array().unwrap();
    let reasons: Vec<&str> = jobs.iter().filter_map(|job| job["reason"].as_str()).collect();
    let is_isolated = reasons.is_empty();
    let unable = |reason: &&str| reason.contains("cannot have a view of the file system of their own");
    assert!(is_isolated || reasons.iter().any(unable), "{reasons:?}");
    is_isolated
}

const SPECS: &str = r#"{
  "pipeline": {"name": "split"},
  "input": {"pfs": {"repo": "words", "glob": "/*/*"}},
  "transform": {"image": "ubuntu", "cmd": ["sh"], "stdin": [
    "mkdir -p /pfs/out/parts",
    "while read -r word; do echo 1 > /pfs/out/parts/$word-$(basename $words .txt); done < $words"
  ]}
}
{
  "pipeline": {"name": "total"},
  "input": {"group": [{"pfs": {"repo": "split", "name": "part", "glob": "/parts/(?)-*", "group_by": "$1"}}]},
  "transform": {"cmd": ["sh", "-c", "cat /pfs/part/parts/* | wc -l > /pfs/out/$PACH_DATUM_part_GROUP_BY"]}
}"#;

#[test]
fn specs_run_as_they_are() {
    let desk = desk(SPECS);
    if !commit(&desk) {
        return;
    }
    let count = |word: &str| desk.ok(&["cat", &format!("count/total:{word}")]).trim().to_owned();
    assert_eq!((count("a"), count("b")), ("2".to_owned(), "1".to_owned()));
    // What is stored is a pipeline file like any other.
    let text = desk.ok(&["pipeline", "show", "count", "--file"]);
    assert!(text.starts_with("# Translated from the Pachyderm pipelines split, total.\n"), "{text}");
    desk.write("count.toml", &text);
    desk.ok(&["pipeline", "update", "count.toml"]);
    assert_eq!(desk.ok(&["pipeline", "convert", "count.json"]), text);
}

#[test]
fn a_program_finds_pachyderms_variables_in_any_view() {
    let script = r#"test "$(cat "$words")" = a && echo "$PPS_PIPELINE_NAME $PACH_PIPELINE_NAME $PACH_JOB_ID" > "$VDS_OUT/names" && test "$words_COMMIT" = "$VDS_COMMIT_WORDS" && test "$PACH_DATUM_ID" = "$VDS_DATUM_ID" && test "$PACH_DATUM_words_JOIN_ON" = two && test "$PACH_OUTPUT_COMMIT_ID" = "$PACH_JOB_ID""#;
    for isolation in ["auto", "none"] {
        let desk = Desk::new();
        desk.ok(&["repo", "create", "words"]);
        let stage = format!(
            "input = {{ join = [ {{ from = 'words:/a/(two).txt', join_on = '$1' }} ] }}\ncommand = ['sh']\nstdin = '''{script}'''"
        );
        let head = "pipeline = 'p'\n[stage.s]\n";
        desk.write("p.toml", &format!("{head}{stage}\nisolation = '{isolation}'\ncompat = 'pachyderm'\n"));
        desk.ok(&["pipeline", "create", "p.toml"]);
        desk.write("in/a/two.txt", "a\n");
        desk.ok(&["commit", "words", "in", "-m", "words"]);
        assert_eq!(desk.ok(&["cat", "p/s:names"]), "s s 1\n");
        // They are part of what the stage does: without them it is another stage, which fails.
        desk.write("p.toml", &format!("{head}{stage}\nisolation = '{isolation}'\n"));
        desk.no(&["pipeline", "update", "p.toml"]);
    }
}
