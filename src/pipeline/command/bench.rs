//! What a thread keeps from one datum to the next: a room, and who runs programs in it.

use super::attempt::Common;
use super::batch::Worker;
use super::datum::Datum;
use super::process::View;
use super::room::{Files, Room};
use crate::pipeline::error::Error;
use crate::pipeline::spec::Batch;
use crate::program::Launcher;

/// A room, and who runs programs in it.
pub(super) struct Bench<'a> {
    // These go first: what they started may use the room.
    /// The program that works on one datum after another, where that is how the stage is.
    pub(super) worker: Option<Worker<'a>>,
    /// Who starts programs, unless this process does.
    pub(super) launcher: Option<Launcher>,
    pub(super) room: Room,
}

impl<'a> Bench<'a> {
    /// A bench with the datum laid out on it: the one of the datum before, if there is one, with nothing left of that.
    pub(super) fn lay_out(free: Option<Self>, common: &Common<'a>, datum: &Datum) -> Result<Self, Error> {
        let mut bench = match free {
            Some(bench) => bench,
            None => Self::make(common)?,
        };
        let objects = common.task.store.objects();
        if bench.worker.is_some() {
            bench.room.clear()?;
        } else {
            bench.room.empty()?;
            bench.room.lay_out_code(objects, common.code)?;
            bench.engage(common.view)?;
        }
        bench.room.lay_out(objects, datum)?;
        Ok(bench)
    }

    fn make(common: &Common<'a>) -> Result<Self, Error> {
        let Common { task, command, .. } = common;
        // A program that stays must find its inputs where it found those of the datum before.
        let mut always: Vec<String> = Vec::new();
        if command.batch != Batch::No {
            always.extend(task.stage.input.sources().iter().map(|(name, _)| (*name).to_owned()));
            always.sort();
            always.dedup();
        }
        let files =
            if common.view == View::Own && command.batch != Batch::No { Files::Stay } else { Files::Go };
        Ok(Self { worker: None, launcher: None, room: Room::make(task.store.tmp(), always, files)? })
    }

    /// Takes away what the program has written, for it to be tried again.
    pub(super) fn clear(&mut self, view: View) -> Result<(), Error> {
        self.room.clear()?;
        if self.worker.is_none() { self.engage(view) } else { Ok(()) }
    }

    /// Sees to it that there is a launcher. One that a program has brought down is replaced.
    fn engage(&mut self, view: View) -> Result<(), Error> {
        if self.launcher.as_ref().is_none_or(|launcher| !launcher.is_well()) {
            self.launcher = launcher(view, &self.room)?;
        }
        Ok(())
    }

    /// Lets the program end that works on one datum after another, if there is one.
    pub(super) fn rest(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.launcher = worker.end();
        }
    }
}

fn launcher(view: View, room: &Room) -> Result<Option<Launcher>, Error> {
    match view {
        View::Own => Launcher::begin(Some(room.dir())).map_err(|source| Error::Failed {
            reason: format!("cannot give programs a view of the file system of their own: {source}"),
            hint: None,
        }),
        // Without one they are started all the same.
        View::Shared => Ok(Launcher::begin(None).ok().flatten()),
    }
}
