//! What is said between vds and a launcher: values with their length before them, over a socket.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::program::start::Start;

/// The longest value, in bytes. An environment is never as long.
const LONGEST: u32 = 64 << 20;

/// How many descriptors go with an order: where to print, and what to read.
const FDS: usize = 2;

/// What a launcher is told to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The names of the inputs to show.
    pub(super) inputs: Vec<String>,
    /// What to start.
    pub(super) start: Start,
}

/// What a launcher says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// It can be told what to do.
    Ready,
    /// It cannot do what is wanted.
    Unable(String),
    /// A program runs, with this number.
    Begun(u32),
    /// A program could not be started, because of the error of this number.
    NotBegun(i32),
    /// The program has ended, as the system tells it.
    Ended(i32),
}

/// Said in place of the length of an order while a program runs: it is to be killed. It may come when the program has just ended.
const KILL: [u8; 4] = u32::MAX.to_le_bytes();

fn frame(value: &impl Serialize) -> io::Result<(u32, Vec<u8>)> {
    let bytes = bincode::serialize(value).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
    Ok((length.ok_or_else(|| io::Error::other("there is too much to say"))?, bytes))
}

/// Reads the value that follows, of this length.
fn body<T: DeserializeOwned>(mut socket: &UnixStream, length: [u8; 4]) -> io::Result<T> {
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    socket.read_exact(&mut bytes)?;
    bincode::deserialize(&bytes).map_err(io::Error::other)
}

/// Says a word.
pub(super) fn say(mut socket: &UnixStream, word: &Word) -> io::Result<()> {
    let (length, bytes) = frame(word)?;
    socket.write_all(&[&length.to_le_bytes()[..], &bytes].concat())
}

/// Hears a word.
pub(super) fn hear(mut socket: &UnixStream) -> io::Result<Word> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    body(socket, length)
}

/// Gives an order, with the descriptors for the program.
pub(super) fn order(mut socket: &UnixStream, order: &Order, fds: [OwnedFd; FDS]) -> io::Result<()> {
    let (length, bytes) = frame(order)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fds = fds.each_ref().map(AsFd::as_fd);
    beside.push(SendAncillaryMessage::ScmRights(&fds));
    let sent = sendmsg(socket, &[IoSlice::new(&length.to_le_bytes())], &mut beside, SendFlags::NOSIGNAL)?;
    if sent != size_of_val(&length) {
        return Err(io::ErrorKind::WriteZero.into());
    }
    socket.write_all(&bytes)
}

/// Says that the program is to be killed.
pub(super) fn kill(mut socket: &UnixStream) -> io::Result<()> {
    socket.write_all(&KILL)
}

/// Hears whether the program is to be killed. An error if nothing will be said any more.
pub(super) fn is_to_be_killed(mut socket: &UnixStream) -> io::Result<bool> {
    let mut word = [0; 4];
    socket.read_exact(&mut word)?;
    Ok(word == KILL)
}

/// Takes an order; nothing if there will be none any more.
pub(super) fn take(socket: &UnixStream) -> io::Result<Option<(Order, [OwnedFd; FDS])>> {
    loop {
        match take_one(socket)? {
            Taken::Order(order, fds) => return Ok(Some((*order, fds))),
            Taken::Nothing => return Ok(None),
            // It is about a program that has ended since.
            Taken::Kill => {}
        }
    }
}

enum Taken {
    Order(Box<Order>, [OwnedFd; FDS]),
    Kill,
    Nothing,
}

fn take_one(socket: &UnixStream) -> io::Result<Taken> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut beside, RecvFlags::CMSG_CLOEXEC)?.bytes;
    if got == 0 {
        return Ok(Taken::Nothing);
    }
    let mut fds = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            fds.extend(more);
        }
    }
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    if got != length.len() {
        return Err(bad());
    }
    if length == KILL {
        return Ok(Taken::Kill);
    }
    let fds: [OwnedFd; FDS] = fds.try_into().map_err(|_| bad())?;
    Ok(Taken::Order(Box::new(body(socket, length)?), fds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn what_is_said_too_late_is_not_taken_for_an_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let fd = || OwnedFd::from(File::open("/dev/null").unwrap());
        let told = |name: &str| {
            let start = Start { argv: vec![name.to_owned()], ..Start::default() };
            order(&ours, &Order { inputs: vec!["in".to_owned()], start }, [fd(), fd()]).unwrap();
        };
        let taken = || take(&theirs).unwrap().map(|(order, _)| order.start.argv);
        told("one");
        assert_eq!(taken(), Some(vec!["one".to_owned()]));
        kill(&ours).unwrap();
        assert!(is_to_be_killed(&theirs).unwrap());
        say(&theirs, &Word::Ended(9)).unwrap();
        assert!(matches!(hear(&ours), Ok(Word::Ended(9))));
        kill(&ours).unwrap();
        kill(&ours).unwrap();
        told("two");
        assert_eq!(taken(), Some(vec!["two".to_owned()]));
        drop(ours);
        assert!(taken().is_none() && is_to_be_killed(&theirs).is_err());
    }
}
