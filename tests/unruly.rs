//! Programs that do what they should not: the job says so or is not harmed, and nothing of it is left.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;

use std::process::Stdio;

use desk::{Desk, Mount, processes, until};

/// A desk with files `one` and `two` to be committed, and a stage that runs the script `do.sh` on each, one after another.
fn desk(script: &str, more: &str) -> Desk {
    let desk = Desk::with_script(script, &format!("input = 'in:/*'\nparallelism = 1\n{more}"));
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
fn a_program_that_stops_what_started_it_fails_alone() {
    for (at, isolation) in ["auto", "none"].into_iter().enumerate() {
        let seconds = format!("7654.5{at}");
        let script =
            format!("echo see $VDS_DATUM\n[ $VDS_DATUM = two ] || {{ kill -STOP $PPID; sleep {seconds}; }}");
        let desk = desk(&script, &format!("isolation = '{isolation}'\n"));
        let said = fails(&desk);
        let reason = "datum one: it stopped the process of vds that runs it";
        assert!(said.contains(reason) && !said.contains("more datum"), "{said}");
        assert_eq!(log(&desk, "two"), "see two\n");
        until("the end of all that it started", || processes(&seconds) == 0);
    }
}

#[test]
fn each_datum_finds_a_place_of_its_own_that_nobody_was_in() {
    if !can_isolate() {
        println!("skipped: there are no namespaces for programs here");
        return;
    }
    let script = "ls -A /tmp /pfs /pfs/in /vds/out; echo left > /tmp/left; echo left > left; \
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
fn what_is_written_beside_the_output_is_not_lost_in_silence() {
    if !can_isolate() {
        println!("skipped: there are no namespaces for programs here");
        return;
    }
    for place in ["/pfs/evil", "/pfs/in/evil", "/vds/evil", "/vds/in/evil", "/evil"] {
        for batch in ["", "batch = 'shell'\n"] {
            let each = format!("echo x > {place} || exit 3");
            let script = if batch.is_empty() {
                each
            } else {
                format!("while read -r datum; do eval \"$datum\"; {each}; echo ok > $VDS_ANSWER; done")
            };
            let desk = desk(&script, &format!("isolation = 'required'\n{batch}"));
            let said = fails(&desk);
            assert!(said.contains("ended with exit code"), "{said}");
            assert!(log(&desk, "one").contains(&format!("{place}: Read-only file system")), "{place}");
        }
    }
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

#[test]
fn what_is_written_elsewhere_is_no_output_and_harms_no_other_datum() {
    let script = |rooms: &str| {
        format!(
            "echo x > $VDS_OUT/../evil; mkdir -p $VDS_OUT/../../evil; echo x > $VDS_IN/evil; cd $VDS_OUT; echo x > ../out2\n\
             for room in {rooms}/own-*/*/out; do [ -e \"$room\" ] && echo seen && echo x > $room/evil; done\n\
             echo kept > $VDS_OUT/$VDS_DATUM; exit 0"
        )
    };
    for isolation in ["auto", "none"] {
        let desk = desk("", &format!("isolation = '{isolation}'\n"));
        // Without isolation the rooms of others are within reach: no program finds them by itself.
        let rooms = if isolation == "auto" { desk.path(".vds/tmp") } else { desk.path("nowhere") };
        desk.write("do.sh", &script(&rooms.display().to_string()));
        desk.ok(&["pipeline", "update", "p.toml"]);
        commit(&desk);
        assert_eq!(desk.ok(&["ls", "-r", "p/a"]), "one\ntwo\n");
        assert_eq!(desk.ok(&["ls", "-r", "in"]), "one\ntwo\n");
        assert!(isolation == "none" || !can_isolate() || !log(&desk, "one").contains("seen"));
    }
}

#[test]
fn inputs_that_a_program_changes_stay_what_they_are_in_the_output() {
    let script =
        "chmod -R u+w $VDS_IN; echo spoilt > $VDS_IN_IN/$VDS_DATUM; mv $VDS_IN_IN/$VDS_DATUM $VDS_IN_IN/other
                  ln -s $VDS_IN_IN/other $VDS_OUT/$VDS_DATUM.moved; echo again > $VDS_IN_IN/$VDS_DATUM
                  ln -s $VDS_IN_IN/$VDS_DATUM $VDS_OUT/$VDS_DATUM";
    let desk = desk(script, "isolation = 'none'\n");
    commit(&desk);
    assert_eq!(desk.ok(&["ls", "p/a"]), "one\ntwo\n");
    assert_eq!([desk.ok(&["cat", "p/a:one"]), desk.ok(&["cat", "in:two"])], ["1\n", "2\n"]);
}

#[test]
fn a_program_that_ignores_signals_is_killed() {
    let desk = desk("trap '' TERM INT HUP QUIT; sleep 7654.25; sleep 7654.25", "timeout = '1s'\n");
    let said = fails(&desk);
    assert!(said.contains("datum one: it took longer than 1 s"), "{said}");
    until("the end of all that it started", || processes("7654.25") == 0);
}

#[test]
fn what_is_printed_does_not_stay_in_memory() {
    let desk = desk(
        "yes 0123456789 | head -c 300000000; touch $DIR/printed; while [ ! -e $DIR/go ]; do sleep 0.05; done",
        "",
    );
    let file = std::fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("p.toml", &format!("{file}env = {{ DIR = '{}' }}\n", desk.path("").display()));
    desk.ok(&["pipeline", "update", "p.toml"]);
    let mut vds = desk
        .command(&["commit", "in", "x", "-m", "x"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("what is printed", || desk.path("printed").exists());
    let status = std::fs::read_to_string(format!("/proc/{}/status", vds.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 150_000, "{peak} kB");
    desk.write("go", "");
    assert!(vds.wait().unwrap().success());
}

#[test]
fn special_files_in_the_output_fail_the_datum() {
    let socket = "python3 -c 'import socket, os; socket.socket(socket.AF_UNIX).bind(os.environ[\"VDS_OUT\"] + \"/x\")'";
    for script in [socket, "mknod $VDS_OUT/x c 1 3", "mkfifo $VDS_OUT/x"] {
        let desk = desk(&format!("{script} || touch $VDS_OUT/could_not"), "isolation = 'none'\n");
        let output = desk.run(&["commit", "in", "x", "-m", "x"]);
        let said = String::from_utf8(output.stderr).unwrap();
        let could_not = said.contains("two datums wrote could_not");
        assert!(
            could_not || said.contains("datum one: x in the output is a socket, a pipe or a device"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(6), "{said}");
    }
}

#[test]
fn a_glob_that_matches_nothing_or_everything_makes_no_fuss() {
    let desk = desk("echo $VDS_DATUM > $VDS_OUT/$(echo $VDS_DATUM | tr / -)", "");
    let file = std::fs::read_to_string(desk.path("p.toml")).unwrap();
    desk.write("x/deep/down/three", "3\n");
    for (glob, want) in [("/absent/*", ""), ("/**", "deep-down-three\none\ntwo\n"), ("/", "all\n")] {
        desk.write("p.toml", &file.replace("in:/*", &format!("in:{glob}")));
        desk.ok(&["pipeline", "update", "p.toml"]);
        commit(&desk);
        assert_eq!(desk.ok(&["ls", "p/a"]), want, "{glob}");
    }
}

#[test]
fn a_program_that_fills_the_disk_fails_with_its_log_and_the_store_goes_on() {
    let Some(mount) = Mount::tmpfs("size=64m") else {
        println!("skipped: cannot mount a small file system");
        return;
    };
    let desk = desk("", "");
    let here = |args: &[&str]| {
        let output = desk.command(args).current_dir(mount.path("")).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    assert_eq!(here(&["init"]).0, 0);
    assert_eq!(here(&["repo", "create", "in"]).0, 0);
    let file = std::fs::read_to_string(desk.path("p.toml")).unwrap();
    let script = "echo see $VDS_DATUM; [ $VDS_DATUM = one ] || head -c 200000000 /dev/zero > $VDS_OUT/x || exit 1; exit 0";
    for (name, text) in [("p.toml", file.as_str()), ("do.sh", script)] {
        std::fs::write(mount.path(name), text).unwrap();
    }
    assert_eq!(here(&["pipeline", "create", "p.toml"]).0, 0);
    let x = desk.path("x").display().to_string();
    let (code, said) = here(&["commit", "in", &x, "-m", "x"]);
    assert!(code == 6 && said.contains("datum two: \"sh\" ended with exit code 1"), "{said}");
    let (_, logs) = here(&["job", "logs", "1", "--datum", "two"]);
    assert!(logs.contains("see two") && logs.contains("No space left"), "{logs}");
    std::fs::write(mount.path("do.sh"), "echo small > $VDS_OUT/$VDS_DATUM").unwrap();
    let (code, said) = here(&["pipeline", "update", "p.toml"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(here(&["ls", "p/a"]).1, "one\ntwo\n");
}

#[test]
fn a_file_that_is_too_large_fails_the_datum() {
    let desk = desk("head -c 3000000 /dev/zero > $VDS_OUT/x", "limits = { file_size = '1MB' }\n");
    let said = fails(&desk);
    assert!(said.contains("wrote a file of more than 1000000 bytes, its limit"), "{said}");
}

#[test]
fn a_program_that_takes_too_much_of_a_processor_is_ended_and_that_is_said() {
    for script in ["while :; do :; done", "sh -c \"while :; do :; done\"; exit $?"] {
        let desk = desk(script, "limits = { cpu = '1s' }\n");
        let said = fails(&desk);
        assert!(said.contains("took more than 1 s of a processor, its limit"), "{said}");
    }
}
