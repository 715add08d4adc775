//! The registers of a thread that is about to call the kernel, or comes back from it. All that differs between processors is here.

use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// Whether this processor's registers are known here.
pub const KNOWN: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// A call: its number, and what it was given.
#[derive(Debug, Clone, Copy)]
pub struct Registers {
    pub number: i64,
    pub args: [u64; 6],
}

type Raw = libc::user_regs_struct;

#[cfg(target_arch = "x86_64")]
mod places {
    use super::{Raw, Registers};

    pub(super) fn read(raw: &Raw) -> Registers {
        let args = [raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9];
        Registers { number: raw.orig_rax.cast_signed(), args }
    }

    pub(super) fn put(raw: &mut Raw, args: [u64; 6]) {
        [raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9] = args;
    }

    pub(super) fn result(raw: &mut Raw) -> &mut u64 {
        &mut raw.rax
    }
}

#[cfg(target_arch = "aarch64")]
mod places {
    use super::{Raw, Registers};

    pub(super) fn read(raw: &Raw) -> Registers {
        let args = [0, 1, 2, 3, 4, 5].map(|at: usize| raw.regs[at]);
        Registers { number: raw.regs[8].cast_signed(), args }
    }

    pub(super) fn put(raw: &mut Raw, args: [u64; 6]) {
        raw.regs[..6].copy_from_slice(&args);
    }

    pub(super) fn result(raw: &mut Raw) -> &mut u64 {
        &mut raw.regs[0]
    }
}

/// The call that this thread is about to make.
pub fn read(thread: Pid) -> nix::Result<Registers> {
    Ok(places::read(&ptrace::getregs(thread)?))
}

/// What the call came to: a negative number is an error's.
pub fn result(thread: Pid) -> nix::Result<i64> {
    Ok(places::result(&mut ptrace::getregs(thread)?).cast_signed())
}

/// Has the call do nothing: no file and no place in memory has these numbers.
pub fn spoil(thread: Pid) -> nix::Result<()> {
    let mut raw = ptrace::getregs(thread)?;
    places::put(&mut raw, [u64::MAX; 6]);
    ptrace::setregs(thread, raw)
}

/// Has the spoilt call end with this error, and leave the registers as a call does.
pub fn fail(thread: Pid, call: &Registers, error: i32) -> nix::Result<()> {
    let mut raw = ptrace::getregs(thread)?;
    // On some processors the first one is where the result goes: that comes second.
    places::put(&mut raw, call.args);
    *places::result(&mut raw) = i64::from(-error).cast_unsigned();
    ptrace::setregs(thread, raw)
}
