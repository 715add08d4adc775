//! Two who commit, one who merges, one who checks out and one who deletes branches take their steps while a collection takes its own: after
//! each piece of work that it tells of, the dice say whose turn it is. A seed tells a whole history.

use std::sync::{Mutex, PoisonError};

use super::collect;
use super::tests::{Place, Prepared, author, by, noise, place, prepare, publish_if, read, remove_branch};
use crate::fault::Kind;
use crate::history::{self, Target};
use crate::integrate::{Action, FastForward, OnConflict, Request, Unrelated, integrate};
use crate::merge::{Labels, Manner, Renames, Rules};
use crate::object::{CommitId, Entry};
use crate::progress::{Amount, Progress};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::{content, fault::Fault};

/// How many histories are tried, and how many collections there are in each.
const HISTORIES: u64 = 12;
const COLLECTIONS: usize = 4;

/// How many contents there are: so few that what is written has often been there before.
const CONTENTS: usize = 5;

const BRANCHES: [&str; 3] = ["w0", "w1", "main"];

/// A generator of numbers (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// Where somebody is in what he does over and over: each is a process of its own, as it were.
enum Actor {
    Writer(&'static str, Writing),
    Merger(Option<(Store, CommitId)>),
    Reader(Option<(Store, Vec<Entry>)>),
    Remover,
}

enum Writing {
    Away,
    Here(Store),
    Ready(Store, Box<Prepared>),
}

struct World<'a> {
    place: &'a Place,
    dice: Dice,
    actors: Vec<Actor>,
}

/// Who is told of the collection's work, and lets the others take their turns.
struct Turnstile<'a>(Mutex<World<'a>>);

impl Progress for Turnstile<'_> {
    fn begin(&self, _: &str, _: Amount) {
        self.turns();
    }

    fn expect(&self, _: u64) {}

    fn advance(&self, _: u64) {
        self.turns();
    }

    fn end(&self) {
        self.turns();
    }
}

impl Turnstile<'_> {
    fn turns(&self) {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..world.dice.roll(4) {
            world.turn();
        }
    }
}

fn head(store: &Store, branch: &str) -> Option<CommitId> {
    let facts = store.session().unwrap();
    let repo = history::load_repo(&facts, &"r".parse().unwrap()).unwrap();
    history::head(&facts, &repo, &branch.parse().unwrap()).unwrap()
}

impl World<'_> {
    fn turn(&mut self) {
        let whose = self.dice.roll(self.actors.len());
        let actor = std::mem::replace(&mut self.actors[whose], Actor::Remover);
        self.actors[whose] = match actor {
            Actor::Writer(branch, writing) => Actor::Writer(branch, self.write(branch, writing)),
            Actor::Merger(merging) => Actor::Merger(self.merge(merging)),
            Actor::Reader(reading) => Actor::Reader(self.check_out(reading)),
            Actor::Remover => {
                let branch = BRANCHES[self.dice.roll(BRANCHES.len())];
                if head(&self.place.store, branch).is_some() {
                    remove_branch(&self.place.store, branch);
                }
                Actor::Remover
            }
        };
    }

    fn write(&mut self, branch: &str, writing: Writing) -> Writing {
        match writing {
            Writing::Away => Writing::Here(self.place.other()),
            Writing::Here(store) => {
                let files: Vec<(String, Vec<u8>)> = (0..=self.dice.roll(3))
                    .map(|_| self.dice.roll(CONTENTS))
                    .map(|content| (format!("{branch}/{content}"), noise(content as u64, 30_000)))
                    .collect();
                let files: Vec<_> = files.iter().map(|(path, bytes)| (&**path, bytes.clone())).collect();
                let prepared = prepare(&store, branch, &files);
                Writing::Ready(store, Box::new(prepared))
            }
            Writing::Ready(store, prepared) => {
                // The branch may be gone on which it was to go.
                match publish_if(&store, *prepared) {
                    Ok(made) => drop(made.map(|id| read(&store, id).unwrap())),
                    Err(error) => assert!(matches!(error.kind(), Kind::Refused | Kind::Busy), "{error}"),
                }
                Writing::Away
            }
        }
    }

    fn merge(&mut self, merging: Option<(Store, CommitId)>) -> Option<(Store, CommitId)> {
        let Some((store, theirs)) = merging else {
            let store = self.place.other();
            let theirs = head(&store, BRANCHES[self.dice.roll(2)])?;
            return Some((store, theirs));
        };
        let labels = Labels { ours: "ours".to_owned(), theirs: "theirs".to_owned() };
        let timeout = std::time::Duration::from_secs(60);
        let manner = Manner { rules: Rules::default(), renames: Renames::Tell, labels, timeout };
        let action = Action::Merge { theirs, forward: FastForward::Never, unrelated: Unrelated::Allow };
        let request = Request { action, manner, message: "merge".to_owned() };
        let target: Target = "r@main".parse().unwrap();
        if head(&store, "main").is_some() {
            let merged = integrate(&store, &author(), &target, &request, OnConflict::Fail, None);
            read(&store, merged.unwrap().commit).unwrap();
        }
        None
    }

    /// What was found when the checkout began is there until its end, whatever becomes of the branch.
    fn check_out(&mut self, reading: Option<(Store, Vec<Entry>)>) -> Option<(Store, Vec<Entry>)> {
        let Some((store, entries)) = reading else {
            let store = self.place.other();
            let id = head(&store, BRANCHES[self.dice.roll(BRANCHES.len())])?;
            let tree = history::load(store.objects(), id).unwrap().tree;
            let files = Snapshot::new(store.objects(), tree).files_at(None).unwrap();
            return Some((store, files.into_iter().map(|(_, entry)| entry).collect()));
        };
        for entry in entries {
            assert_eq!(content::load(store.objects(), entry.blob).unwrap().len() as u64, entry.size);
        }
        None
    }
}

#[test]
fn whoever_takes_a_turn_between_its_steps_loses_nothing() {
    for seed in 1..=HISTORIES {
        println!("seed {seed}");
        let place = place();
        let writer = |branch| Actor::Writer(branch, Writing::Away);
        let actors = vec![
            writer("w0"),
            writer("w1"),
            writer("main"),
            Actor::Merger(None),
            Actor::Reader(None),
            Actor::Remover,
        ];
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let turnstile = Turnstile(Mutex::new(World { place: &place, dice, actors }));
        for _ in 0..COLLECTIONS {
            (0..8).for_each(|_| turnstile.turns());
            collect(&place.store, &author(), &by("ops=0"), &turnstile).unwrap();
            for id in BRANCHES.iter().filter_map(|branch| head(&place.store, branch)) {
                read(&place.store, id).unwrap();
            }
        }
        // When all have gone, what nothing leads to goes, and the rest is there.
        drop(turnstile);
        place.gc();
        assert_eq!(place.gc().waiting, 0);
        for id in BRANCHES.iter().filter_map(|branch| head(&place.store, branch)) {
            read(&place.store, id).unwrap();
        }
    }
}

/// A place where only a branch that is gone had these files.
fn abandoned(files: &[(&str, Vec<u8>)]) -> Place {
    let place = place();
    publish_if(&place.store, prepare(&place.store, "side", files)).unwrap();
    remove_branch(&place.store, "side");
    place
}

/// The first mutation of the scheme: who looks before he is noted as present loses what he found. This must be seen to fail.
#[test]
fn a_look_before_the_presence_is_set_loses_what_it_found() {
    let files = [("old", noise(1, 200_000))];
    let place = abandoned(&files);
    let other = place.other();
    other.rest().unwrap();
    let prepared = prepare(&other, "main", &files);
    place.gc();
    other.resume().unwrap();
    let is_lost = match publish_if(&other, prepared) {
        Ok(made) => read(&place.store, made.unwrap()).is_err(),
        Err(_) => true,
    };
    assert!(is_lost);
}

/// The second: who marks before he has read the presences deletes what those have named since. This must be seen to fail.
#[test]
fn marks_from_before_the_presences_are_gone_lose_what_was_named_since() {
    let files = [("old", noise(1, 200_000))];
    let place = abandoned(&files);
    let other = place.other();
    let prepared = prepare(&other, "main", &files);
    // It marks and condemns, and waits for the other.
    assert_eq!(place.gc().presences, 1);
    let made = publish_if(&other, prepared).unwrap().unwrap();
    drop(other);
    assert!(read(&place.store, made).is_ok());
    for condemned in place.store.objects().condemned().unwrap() {
        place.store.objects().discard(&condemned).unwrap();
    }
    assert!(read(&place.store, made).is_err());
}
