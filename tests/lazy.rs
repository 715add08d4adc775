//! Inputs whose files are filled when a program opens them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::fs;

use desk::{Desk, processes, until};

/// A desk with the repo `in`, and a stage that runs the script `do.sh` on all of its files, lazily.
fn desk(script: &str, more: &str) -> Desk {
    Desk::with_script(script, &format!("input = {{ from = 'in:/', lazy = true }}\n{more}"))
}

fn commit(desk: &Desk) {
    desk.ok(&["commit", "in", "x", "-m", "x"]);
}

#[test]
fn what_is_opened_is_filled_from_its_beginning_each_time() {
    for isolation in ["auto", "none"] {
        let script = "cd $VDS_IN_IN; for f in */* one; do cat $f; done > $VDS_OUT/all; cat one one > $VDS_OUT/twice
                      head -c 3 big > $VDS_OUT/head; head -c 4 big > $VDS_OUT/again; cat big > $VDS_OUT/whole
                      cat link > $VDS_OUT/through; ln -s $VDS_IN_IN/deep/two $VDS_OUT/linked; cat empty > $VDS_OUT/empty
                      [ -p one ] && [ -L link ] && ls";
        let desk = desk(script, &format!("isolation = '{isolation}'\n"));
        for (name, text) in [("one", "1\n"), ("deep/two", "2\n"), ("deep/three", "3\n"), ("empty", "")] {
            desk.write(&format!("x/{name}"), text);
        }
        let big: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        desk.write("x/big", &big);
        std::os::unix::fs::symlink("one", desk.path("x/link")).unwrap();
        commit(&desk);
        let out = |name: &str| desk.ok(&["cat", &format!("p/a:{name}")]);
        assert_eq!([out("all"), out("twice")], ["3\n2\n1\n", "1\n1\n"]);
        assert_eq!([out("head"), out("again"), out("through")], ["lin", "line", "1\n"]);
        assert_eq!([out("linked"), out("empty")], ["2\n", ""]);
        assert!(out("whole") == big);
        assert_eq!(desk.ok(&["job", "logs", "1"]), "big\ndeep\nempty\nlink\none\n");
        // With or without, it is the same datum, and there is nothing to do.
        let file = fs::read_to_string(desk.path("p.toml")).unwrap();
        desk.write("p.toml", &file.replace(", lazy = true", ""));
        desk.ok(&["pipeline", "update", "p.toml"]);
        assert_eq!(desk.ok(&["job", "list", "--quiet"]), "1\n");
    }
}

#[test]
fn a_program_that_reads_nothing_or_stops_ends_as_ever() {
    let script = "exec 3< $VDS_IN_IN/000; read -r line <&3; echo $line; exit 3";
    let desk = desk(script, "tries = 2\nerr_cmd = ['sh', '-c', 'cat $VDS_IN_IN/001']\n");
    for n in 0..300 {
        desk.write(&format!("x/{n:03}"), &format!("{n}\nmore\n"));
    }
    commit(&desk);
    let log = desk.ok(&["job", "logs", "1"]);
    assert!(log.starts_with("0\n[vds: ") && log.ends_with("\n1\nmore\n"), "{log}");
    let desk = self::desk("sleep 3333.25", "timeout = '1s'\n");
    desk.write("x/one", "1\n");
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "x"]);
    assert!(code == 6 && said.contains("took longer than 1 s"), "{said}");
    until("the end of the program", || processes("3333.25") == 0);
}

#[test]
fn many_files_are_read_one_after_another() {
    let desk = desk("cat $VDS_IN_IN/* > $VDS_OUT/all", "");
    for n in 0..3000 {
        desk.write(&format!("x/{n:04}"), &format!("{n}\n"));
    }
    commit(&desk);
    let want: String = (0..3000).map(|n| format!("{n}\n")).collect();
    assert!(desk.ok(&["cat", "p/a:all"]) == want);
}

#[test]
fn a_program_that_stays_finds_pipes_too_and_debug_lays_out_files() {
    let script = "while read -r datum; do eval \"$datum\"; cat $VDS_IN_IN/* > $VDS_OUT/all; echo ok > $VDS_ANSWER; done";
    let desk = desk(script, "batch = 'shell'\n");
    desk.write("x/one", "1\n");
    commit(&desk);
    assert_eq!(desk.ok(&["cat", "p/a:all"]), "1\n");
    let desk = self::desk("cat $VDS_IN_IN/one; exit 1", "");
    desk.write("x/one", "1\n");
    desk.no(&["commit", "in", "x", "-m", "x"]);
    let place = desk.path("debugged").display().to_string();
    desk.ok(&["datum", "debug", "1", "all", &place]);
    assert_eq!(fs::read_to_string(desk.path("debugged/in/in/one")).unwrap(), "1\n");
    let script = fs::read_to_string(desk.path("debugged/run.sh")).unwrap();
    assert!(script.contains("; the files of the input in are whole here\n"), "{script}");
}
