//! What a thread keeps from one datum to the next: a room, and who runs programs in it.

use std::sync::mpsc::Sender;

use super::attempt::{Common, Ended, News};
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
    /// What became of the datum before, which counts when the program has come back from it; and of those that it was not asked for.
    held: Vec<News>,
    /// Who is told what counts.
    told: Sender<News>,
}

impl<'a> Bench<'a> {
    /// A bench with the datum laid out on it: the one of the datum before, if there is one, with nothing left of that.
    pub(super) fn lay_out<'b>(
        free: &'b mut Option<Self>,
        common: &Common<'a>,
        datum: &Datum,
        told: &Sender<News>,
    ) -> Result<&'b mut Self, Error> {
        let bench = match free {
            Some(bench) => bench,
            None => free.insert(Self::make(common, told)?),
        };
        let laid_out = bench.lay_out_here(common, datum);
        if laid_out.is_err() {
            bench.rest(common);
        }
        laid_out.map(|()| bench)
    }

    fn lay_out_here(&mut self, common: &Common<'a>, datum: &Datum) -> Result<(), Error> {
        let objects = common.task.store.objects();
        if self.worker.is_some() {
            self.room.clear()?;
        } else {
            self.room.empty()?;
            self.room.lay_out_code(objects, common.code)?;
            self.engage(common.view)?;
        }
        self.room.lay_out(objects, datum)
    }

    fn make(common: &Common<'a>, told: &Sender<News>) -> Result<Self, Error> {
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
        let room = Room::make(task.store.tmp(), always, files)?;
        Ok(Self { worker: None, launcher: None, room, held: Vec::new(), told: told.clone() })
    }

    /// Takes away what the program has written, for it to be tried again.
    pub(super) fn clear(&mut self, view: View) -> Result<(), Error> {
        self.room.clear()?;
        if self.worker.is_none() { self.engage(view) } else { Ok(()) }
    }

    /// Sees to it that there is a launcher. One that a program has brought down is replaced.
    pub(super) fn engage(&mut self, view: View) -> Result<(), Error> {
        if self.launcher.as_ref().is_none_or(|launcher| !launcher.is_well()) {
            self.launcher = launcher(view, &self.room)?;
        }
        Ok(())
    }

    /// Lets the program end that works on one datum after another, if there is one.
    pub(super) fn rest(&mut self, common: &Common<'a>) {
        if let Some(worker) = self.worker.take() {
            let (doubt, launcher) = worker.end(common.deadline.cap(common.command.timeout));
            self.launcher = launcher;
            self.settle(doubt.map(|doubt| format!("{:?} {doubt}", common.command.program())));
        }
    }

    /// The program has come back from the datum before, or cannot be believed about it, for this reason.
    pub(super) fn settle(&mut self, doubt: Option<String>) {
        let believe = |ended: Ended| match &doubt {
            Some(reason) => ended.doubted(reason.clone()),
            None => ended,
        };
        for (at, ended) in self.held.drain(..) {
            // Where nobody listens any more, nobody needs to know.
            let _ = self.told.send((at, believe(ended)));
        }
    }

    /// Takes in what became of the datum at `at`, which counts at once unless its program stays.
    pub(super) fn hold(&mut self, at: usize, ended: Ended) {
        self.held.push((at, ended));
        if self.worker.is_none() {
            self.settle(None);
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
