//! Programs that do what they should not: the job says so or is not harmed, and nothing of it is left.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use desk::{Desk, processes, until};

/// A desk with files `one` and `two` to be committed, and a stage that runs the script `do.sh` on each, one after another.
fn desk(script: &str, more: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&["repo", "create", "in"]);
    desk.write("do.sh", script);
    let file = format!(
        "pipeline = 'p'\n[stage.a]\ninput = 'in:/*'\ncommand = ['sh', 'do.sh']\ncode = ['do.sh']\nparallelism = 1\n{more}"
    );
    desk.write("p.toml", &file);
    desk.ok(&["pipeline", "create", "p.toml"]);
    desk.write("x/one", "1\n");
    desk.write("x/two", "2\n");
    desk
}

fn commit(desk: &Desk) {
    desk.ok(&["commit", "in", "x", "-m", "x"]);
}

fn log(desk: &Desk, datum: &str) -> String {
    desk.ok(&["job", "logs", "1", "--datum", datum])
}

/// Commits, and returns why the job failed.
#[track_caller]
fn fails(desk: &Desk) -> String {
    let (code, said) = desk.no(&["commit", "in", "x", "-m", "x"]);
    assert_eq!(code, 6, "{said}");
    assert_eq!(desk.ok(&["branch", "list", "p/a", "--quiet"]), "", "something was published");
    said
}

/// Whether programs can have a view of the file system of their own here.
fn can_isolate() -> bool {
    let desk = desk("true", "isolation = 'required'\n");
    desk.run(&["commit", "in", "x", "-m", "x"]).status.success()
}

#[test]
fn what_a_program_leaves_running_is_killed_however_it_got_away() {
    for (at, isolation) in ["auto", "none"].into_iter().enumerate() {
        let seconds = format!("65432.{at}");
        let script = format!(
            "sleep {seconds} & setsid sleep {seconds} & setsid sh -c 'setsid sleep {seconds} & sleep {seconds} &'\n\
             nohup setsid sleep {seconds} > /dev/null 2>&1 &\necho done > $VDS_OUT/$VDS_DATUM"
        );
        let desk = desk(&script, &format!("isolation = '{isolation}'\n"));
        commit(&desk);
        assert_eq!(desk.ok(&["ls", "p/a"]), "one\ntwo\n");
        until("the end of all that it started", || processes(&seconds) == 0);
    }
}

#[test]
fn a_program_that_kills_what_started_it_fails_alone() {
    for isolation in ["auto", "none"] {
        let desk = desk(
            "echo see $VDS_DATUM\n[ $VDS_DATUM = two ] || kill -9 $PPID; sleep 0.1; echo x > $VDS_OUT/x",
            &format!("isolation = '{isolation}'\n"),
        );
        let said = fails(&desk);
        assert!(said.contains("datum one: ") && !said.contains("more datum"), "{said}");
        assert_eq!(log(&desk, "two"), "see two\n");
    }
}

#[test]
fn each_datum_finds_a_place_of_its_own_that_nobody_was_in() {
    if !can_isolate() {
        println!("skipped: there are no namespaces for programs here");
        return;
    }
    let script = "ls -A /tmp /pfs /pfs/in /vds/out; echo left > /tmp/left; echo left > /vds/left; \
                  mount -t tmpfs none /pfs/out 2> /dev/null && echo mounted; \
                  mount -o remount,bind,rw /pfs/in 2> /dev/null && echo remounted; \
                  chmod u+w /pfs/in/$VDS_DATUM 2> /dev/null && echo changed; \
                  (echo x >> /pfs/in/$VDS_DATUM) 2> /dev/null && echo written; \
                  echo kept > /pfs/out/$VDS_DATUM";
    let desk = desk(script, "isolation = 'required'\n");
    commit(&desk);
    for datum in ["one", "two"] {
        let seen = format!("/pfs:\nin\nout\n\n/pfs/in:\n{datum}\n\n/tmp:\n\n/vds/out:\n");
        assert_eq!(log(&desk, datum), seen);
    }
    assert_eq!(desk.ok(&["cat", "p/a:two"]), "kept\n");
}

#[test]
fn a_place_that_a_program_takes_away_is_there_for_the_next() {
    let desk = desk(
        "rm -rf $VDS_OUT $TMPDIR $VDS_IN $PWD 2> /dev/null; chmod -R 0 $VDS_OUT $PWD 2> /dev/null\n\
         [ $VDS_DATUM = two ] || exit 1\nls $VDS_IN_IN",
        "isolation = 'none'\n",
    );
    let said = fails(&desk);
    assert!(said.contains("datum one: "), "{said}");
    desk.write("do.sh", "ls $VDS_IN_IN; [ -d $VDS_OUT ] && [ -d $TMPDIR ]");
    desk.ok(&["pipeline", "update", "p.toml"]);
}
