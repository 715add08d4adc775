//! Processes are killed at any moment while they commit, run jobs and collect what is not needed, all at once. What was acknowledged is there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must stop")]

mod desk;
mod dice;
mod torture;
mod witness;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use desk::Desk;
use dice::Dice;
use rustix::process::{Pid, Signal, kill_process_group};
use witness::{commits, wrong_with};

/// How many rounds there are in the short form.
const FEW: usize = 8;

/// How many commit at once, each to a branch of his own.
const WRITERS: usize = 2;

/// A round ends at the latest after so many milliseconds: about as long as it takes if nobody is killed.
const LONGEST: usize = 400;

const STAGE: &str = r#"
pipeline = "p"
[stage.a]
input = "r@*:/*"
command = ["sh", "-c", "cat $VDS_IN_R/* > $VDS_OUT/$VDS_DATUM"]
"#;

/// Processes that are killed together.
struct Herd<'a> {
    desk: &'a Desk,
    group: Option<i32>,
    members: Vec<(Child, String, File)>,
}

impl Herd<'_> {
    fn start(&mut self, args: &[&str], about: &str) {
        let said = tempfile::tempfile().unwrap();
        let mut command = self.desk.command(args);
        command.process_group(self.group.unwrap_or(0)).stderr(Stdio::null());
        let child = command.stdout(said.try_clone().unwrap()).spawn().unwrap();
        self.group.get_or_insert(i32::try_from(child.id()).unwrap());
        self.members.push((child, about.to_owned(), said));
    }

    /// Kills all of them; the ids that they said before, each with what it is about.
    fn kill(mut self) -> Vec<(String, String)> {
        let group = Pid::from_raw(self.group.unwrap()).unwrap();
        // Whoever has ended is not there to be killed.
        let _ = kill_process_group(group, Signal::KILL);
        let mut said = Vec::new();
        for (child, about, file) in &mut self.members {
            child.wait().unwrap();
            let text = std::io::read_to_string(rewound(file)).unwrap();
            let id = text.lines().find(|line| line.len() == 64);
            said.extend(id.map(|id| (id.to_owned(), about.clone())));
        }
        said.retain(|(_, about)| !about.is_empty());
        said
    }
}

fn rewound(file: &mut File) -> &mut File {
    use std::io::Seek;
    file.rewind().unwrap();
    file
}

#[test]
fn nothing_is_lost_that_was_acknowledged() {
    let seed = torture::seed();
    let mut dice = Dice(seed);
    let desk = Desk::new();
    desk.ok(&["repo", "create", "r"]);
    desk.write("p.toml", STAGE);
    desk.ok(&["pipeline", "create", "p.toml"]);
    let store = desk.path(".vds");
    let mut acknowledged = BTreeMap::new();
    for round in 0..torture::rounds(FEW) {
        let mut herd = Herd { desk: &desk, group: None, members: Vec::new() };
        for writer in 0..WRITERS {
            let name = format!("{writer}-{round}");
            desk.write(&name, &format!("{name}\n").repeat(1 + dice.roll(40_000)));
            let branch = format!("r@w{writer}");
            herd.start(&["commit", &branch, &name, "-m", &name, "--quiet"], &name);
        }
        herd.start(&["run", "--quiet"], "");
        herd.start(&["gc", "--retain", "ops=0", "--quiet"], "");
        // Any moment is as good as another: this waits for nothing.
        thread::sleep(Duration::from_millis(dice.roll(LONGEST) as u64));
        acknowledged.extend(herd.kill());
        let wrong = wrong_with(&store);
        assert!(wrong.is_empty(), "seed {seed}, round {round}: {wrong:#?}");
        let there = commits(&store);
        for (id, name) in &acknowledged {
            assert_eq!(there.get(id), Some(name), "seed {seed}, round {round}: {name}, which is {id}");
        }
    }
    desk.ok(&["run"]);
    desk.ok(&["rerun", "p"]);
    desk.ok(&["gc", "--retain", "ops=0"]);
    assert!(wrong_with(&store).is_empty());
    for branch in desk.ok(&["branch", "list", "r", "--quiet"]).lines() {
        let names = desk.ok(&["ls", &format!("r@{branch}"), "--quiet"]);
        assert_eq!(desk.ok(&["ls", &format!("p/a@{branch}"), "--quiet"]), names, "seed {seed}");
        for name in names.lines() {
            let [input, output] =
                ["r", "p/a"].map(|repo| desk.ok(&["cat", &format!("{repo}@{branch}:{name}")]));
            assert!(input == output, "seed {seed}: {branch}:{name} is not what was made of it once");
        }
    }
    let left = std::fs::read_dir(store.join("tmp")).unwrap().count();
    assert_eq!(left, 0, "seed {seed}: something is left in tmp");
}
