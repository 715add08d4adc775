//! What a power cut may leave of a directory: all that was synced, and of the rest whatever the dice say.
//!
//! The record of a program's calls is played again. What a sync covers stays. A write that none covers is kept, lost, or torn at the end of a
//! sector; where it made the file longer, zeros may be left in its place. A name that came, went or moved without a sync of its directory
//! is as before or as after.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]
#![allow(unreachable_pub, reason = "each test program has it as a module of its own")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dice::Dice;
use crate::trace::Call;
use crate::trace::calls::Change;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What a file system keeps of what was not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// No more than it must: names only where their directory was synced, in any order.
    Strict,
    /// Names in the order in which they were changed, and with each sync all that came before it, as file systems with a journal do.
    Ordered,
}

type Id = usize;

#[derive(Debug, Clone)]
enum Kind {
    Dir(BTreeMap<String, Id>),
    File(Vec<u8>),
    Link(Vec<u8>),
}

/// One change, by what it changes.
#[derive(Debug, Clone)]
enum Act {
    Name(Id, String, Id),
    Forget(Id, String),
    Move { from: (Id, String), to: (Id, String), node: Id },
    Write(Id, usize, Vec<u8>),
    Resize(Id, usize),
}

/// A change, and whether what was written later makes it stay.
#[derive(Debug, Clone)]
struct Step {
    act: Act,
    /// Where in the record.
    at: usize,
    /// Where in the record it is made to stay.
    synced: usize,
}

/// A directory as it was, and what was done to it since.
#[derive(Debug, Clone)]
pub struct Disk {
    first: Vec<Kind>,
    live: Vec<Kind>,
    steps: Vec<Step>,
    habit: Habit,
    root: PathBuf,
}

const ROOT: Id = 0;

fn load(dir: &Path, nodes: &mut Vec<Kind>) -> Id {
    let id = nodes.len();
    nodes.push(Kind::Dir(BTreeMap::new()));
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let child = if meta.is_dir() {
            load(&path, nodes)
        } else {
            nodes.push(Kind::File(fs::read(&path).unwrap()));
            nodes.len() - 1
        };
        names.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), child);
    }
    nodes[id] = Kind::Dir(names);
    id
}

fn act_on(nodes: &mut [Kind], act: &Act) {
    let mut set = |dir: Id, name: &str, node: Option<Id>| {
        let Kind::Dir(names) = &mut nodes[dir] else { return };
        match node {
            Some(node) => names.insert(name.to_owned(), node),
            None => names.remove(name),
        };
    };
    match act {
        Act::Name(dir, name, node) => set(*dir, name, Some(*node)),
        Act::Forget(dir, name) => set(*dir, name, None),
        Act::Move { from, to, node } => {
            set(from.0, &from.1, None);
            set(to.0, &to.1, Some(*node));
        }
        Act::Write(file, at, written) => {
            let Kind::File(bytes) = &mut nodes[*file] else { return };
            bytes.resize(bytes.len().max(at + written.len()), 0);
            bytes[*at..at + written.len()].copy_from_slice(written);
        }
        Act::Resize(file, len) => {
            let Kind::File(bytes) = &mut nodes[*file] else { return };
            bytes.resize(*len, 0);
        }
    }
}

impl Disk {
    /// The directory as it is now, all of it on disk.
    pub fn of(root: &Path, habit: Habit) -> Self {
        let mut first = Vec::new();
        load(root, &mut first);
        let root = root.canonicalize().unwrap();
        Self { live: first.clone(), first, steps: Vec::new(), habit, root }
    }

    fn find(&self, path: &Path) -> Option<Id> {
        let inside = path.strip_prefix(&self.root).ok()?;
        inside.iter().try_fold(ROOT, |dir, name| match &self.live[dir] {
            Kind::Dir(names) => names.get(name.to_str()?).copied(),
            _ => None,
        })
    }

    fn spot(&self, path: &Path) -> Option<(Id, String)> {
        Some((self.find(path.parent()?)?, path.file_name()?.to_str()?.to_owned()))
    }

    fn new_node(&mut self, kind: Kind) -> Id {
        self.first.push(kind.clone());
        self.live.push(kind);
        self.live.len() - 1
    }

    fn act(&mut self, change: &Change) -> Option<Act> {
        Some(match change {
            Change::Create(place) | Change::MakeDir(place) => {
                let (dir, name) = self.spot(&place.path)?;
                let is_file = matches!(change, Change::Create(_));
                let kind = if is_file { Kind::File(Vec::new()) } else { Kind::Dir(BTreeMap::new()) };
                Act::Name(dir, name, self.new_node(kind))
            }
            Change::Symlink(text, path) => {
                let (dir, name) = self.spot(path)?;
                Act::Name(dir, name, self.new_node(Kind::Link(text.clone())))
            }
            Change::Link(from, to) => {
                let (dir, name) = self.spot(to)?;
                Act::Name(dir, name, self.find(from)?)
            }
            Change::Rename(from, to) => {
                Act::Move { node: self.find(from)?, from: self.spot(from)?, to: self.spot(to)? }
            }
            Change::Remove(path) => {
                let (dir, name) = self.spot(path)?;
                Act::Forget(dir, name)
            }
            Change::Write(place, at, bytes) => {
                Act::Write(self.find(&place.path)?, usize::try_from(*at).unwrap(), bytes.clone())
            }
            Change::Resize(place, len) => {
                Act::Resize(self.find(&place.path)?, usize::try_from(*len).unwrap())
            }
            Change::Sync(_) | Change::Push(_) | Change::Other(_) | Change::Say(_) => return None,
            Change::Map(place) => panic!("{} is written without a call", place.path.display()),
        })
    }

    /// Does what was recorded; the calls before it were `before` many.
    pub fn play(&mut self, calls: &[Call], before: usize) {
        for (nth, call) in calls.iter().enumerate().filter(|(_, call)| call.is_done) {
            let at = before + nth;
            if let Change::Sync(place) = &call.change {
                let Some(node) = self.find(&place.path) else { continue };
                let habit = self.habit;
                for step in self.steps.iter_mut().filter(|step| step.at < before + call.covers) {
                    let stays = match &step.act {
                        Act::Name(dir, ..) | Act::Forget(dir, _) => *dir == node || habit == Habit::Ordered,
                        Act::Move { to, .. } => to.0 == node || habit == Habit::Ordered,
                        Act::Write(file, ..) | Act::Resize(file, _) => *file == node,
                    };
                    if stays {
                        step.synced = step.synced.min(at);
                    }
                }
            } else if let Some(act) = self.act(&call.change) {
                act_on(&mut self.live, &act);
                self.steps.push(Step { act, at, synced: usize::MAX });
            }
        }
    }

    /// Writes into the empty directory `to` what is left when the power is cut before call number `cut`.
    pub fn leave(&self, cut: usize, dice: &mut Dice, to: &Path) {
        let mut nodes = self.first.clone();
        // How likely it is that what was not synced is kept, this time: never, always, or now and then.
        let kept = dice.roll(5);
        let is_kept = |dice: &mut Dice| dice.roll(4) < kept;
        // With a journal, names are lost from some moment on.
        let names = if is_kept(dice) { cut } else { dice.roll(cut + 1) };
        for step in self.steps.iter().filter(|step| step.at < cut) {
            let must = step.synced < cut;
            match &step.act {
                _ if must => act_on(&mut nodes, &step.act),
                Act::Write(file, at, bytes) => match dice.roll(3) {
                    _ if is_kept(dice) => act_on(&mut nodes, &step.act),
                    0 => tear(&mut nodes[*file], *at, bytes, dice),
                    1 => lengthen(&mut nodes[*file], at + bytes.len()),
                    _ => {}
                },
                Act::Resize(..) => {
                    if is_kept(dice) {
                        act_on(&mut nodes, &step.act);
                    }
                }
                _ => {
                    let keeps = match self.habit {
                        Habit::Strict => is_kept(dice),
                        Habit::Ordered => step.at < names,
                    };
                    if keeps {
                        act_on(&mut nodes, &step.act);
                    }
                }
            }
        }
        write(&nodes, ROOT, to);
    }
}

/// Keeps only some sectors of what was written.
fn tear(file: &mut Kind, at: usize, written: &[u8], dice: &mut Dice) {
    let Kind::File(bytes) = file else { return };
    let end = at + written.len();
    let mut from = at;
    while from < end {
        let to = (from / SECTOR * SECTOR + SECTOR).min(end);
        if dice.roll(2) == 0 {
            bytes.resize(bytes.len().max(to), 0);
            bytes[from..to].copy_from_slice(&written[from - at..to - at]);
        }
        from = to;
    }
}

fn lengthen(file: &mut Kind, len: usize) {
    if let Kind::File(bytes) = file {
        bytes.resize(bytes.len().max(len), 0);
    }
}

fn write(nodes: &[Kind], id: Id, to: &Path) {
    match &nodes[id] {
        Kind::Dir(names) => {
            fs::create_dir_all(to).unwrap();
            names.iter().for_each(|(name, child)| write(nodes, *child, &to.join(name)));
        }
        Kind::File(bytes) => fs::write(to, bytes).unwrap(),
        Kind::Link(text) => {
            std::os::unix::fs::symlink(std::str::from_utf8(text).unwrap(), to).unwrap();
        }
    }
}
