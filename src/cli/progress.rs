//! Progress bars on standard error, for work that takes more than a moment.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::Progress;

/// Work that is done within this time is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears when work takes long, if standard error is a terminal.
#[derive(Debug, Default)]
pub(super) struct Bar {
    state: Mutex<Option<(Instant, ProgressBar)>>,
}

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<(Instant, ProgressBar)>)) {
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, steps: Option<u64>) {
        let bar = ProgressBar::with_draw_target(steps, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        self.with(|state| *state = Some((Instant::now(), bar)));
    }

    fn advance(&self, steps: u64) {
        self.with(|state| {
            if let Some((begun, bar)) = state {
                if bar.is_hidden() && begun.elapsed() > PATIENCE {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.inc(steps);
            }
        });
    }

    fn end(&self) {
        self.with(|state| {
            if let Some((_, bar)) = state.take() {
                bar.finish_and_clear();
            }
        });
    }
}
