//! Which operations a process made.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

/// From the first to the last operation that was noted; clones share it. Others may have made some of those between.
#[derive(Debug, Clone, Default)]
pub(super) struct Made(Arc<Mutex<Option<RangeInclusive<u64>>>>);

impl Made {
    /// Notes the operation of this number.
    pub(super) fn note(&self, number: u64) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = made.as_ref().map_or(number, |made| number.min(*made.start()));
        let last = made.as_ref().map_or(number, |made| number.max(*made.end()));
        *made = Some(first..=last);
    }

    /// What was noted since this was asked last.
    pub(super) fn take(&self) -> Option<RangeInclusive<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
