//! Progress bars on standard error, for work that takes more than a moment.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::{Amount, Progress};

/// Work that is done within this time is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a bar shows that time goes by.
const TICK: Duration = Duration::from_millis(250);

/// A bar that appears when work takes long, even if none of its steps has been done by then.
#[derive(Debug, Default)]
pub(super) struct Bar {
    work: Mutex<Option<Work>>,
}

/// The work that is being done. When it is dropped, whoever waits to show the bar is told.
#[derive(Debug)]
struct Work {
    bar: ProgressBar,
    _ended: Sender<()>,
}

impl Bar {
    fn set(&self, work: Option<Work>) {
        let before = std::mem::replace(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner), work);
        if let Some(Work { bar, .. }) = before {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, amount: Amount) {
        let (len, template) = match amount {
            Amount::Steps(Some(len)) => (Some(len), "{msg} {wide_bar} {pos}/{len} {elapsed}"),
            Amount::Bytes(Some(len)) => (Some(len), "{msg} {wide_bar} {bytes}/{total_bytes} {elapsed}"),
            Amount::Steps(None) => (None, "{msg} {elapsed}"),
            Amount::Bytes(None) => (None, "{msg} {bytes} {elapsed}"),
        };
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        let (ended, end) = mpsc::channel();
        let late = bar.clone();
        thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                late.set_draw_target(ProgressDrawTarget::stderr());
                late.enable_steady_tick(TICK);
            }
        });
        self.set(Some(Work { bar, _ended: ended }));
    }

    fn expect(&self, more: u64) {
        if let Some(Work { bar, .. }) = &*self.work.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc_length(more);
        }
    }

    fn advance(&self, more: u64) {
        if let Some(Work { bar, .. }) = &*self.work.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc(more);
        }
    }

    fn end(&self) {
        self.set(None);
    }
}
