//! What a thread keeps from one datum to the next: a room, and who starts programs in it.

use super::datum::Datum;
use super::process::View;
use super::room::Room;
use crate::object::{Entry, ObjectRead, TreePath};
use crate::owner::Tmp;
use crate::pipeline::error::Error;
use crate::program::{By, Launcher};

/// A room, and who starts programs in it.
pub(super) struct Bench {
    // Goes first: what it started may use the room.
    launcher: Option<Launcher>,
    pub(super) room: Room,
}

impl Bench {
    /// A bench for programs with this view, on which the datum is laid out.
    pub(super) fn make(
        view: View,
        objects: &dyn ObjectRead,
        tmp: &Tmp,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        let room = Room::make(objects, tmp, datum, code)?;
        Ok(Self { launcher: launcher(view, &room)?, room })
    }

    /// The same for another datum.
    pub(super) fn for_next(
        self,
        view: View,
        objects: &dyn ObjectRead,
        datum: &Datum,
        code: &[(TreePath, Entry)],
    ) -> Result<Self, Error> {
        let Self { launcher: old, room } = self;
        // One that a program has brought down is replaced.
        let old = old.filter(Launcher::is_well);
        let room = room.for_next(objects, datum, code)?;
        let launcher = if old.is_some() { old } else { launcher(view, &room)? };
        Ok(Self { launcher, room })
    }

    /// Who starts the programs of the datum.
    pub(super) fn starter(&mut self, datum: &Datum) -> By<'_> {
        match &mut self.launcher {
            Some(launcher) => {
                launcher.show(datum.parts.iter().map(|part| part.input.clone()).collect());
                By::Launcher(launcher)
            }
            None => By::Us,
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
