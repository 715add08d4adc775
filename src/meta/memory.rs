//! The small facts in memory, for tests of the rooms above.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Applied, Batch, Error, MetaSession, MetaStore, Visitor};

type Facts = BTreeMap<Vec<u8>, Vec<u8>>;

/// Facts in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryMeta {
    facts: Arc<Mutex<Facts>>,
}

impl MemoryMeta {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetaStore for MemoryMeta {
    fn session(&self) -> Result<Box<dyn MetaSession>, Error> {
        Ok(Box::new(self.clone()))
    }

    fn set_aside(&self) -> Result<Option<PathBuf>, Error> {
        self.facts().clear();
        Ok(None)
    }
}

impl MetaSession for MemoryMeta {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.facts().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), Error> {
        let facts = self.facts();
        let under = facts.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        for (key, value) in under {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error> {
        let mut facts = self.facts();
        if let Some((key, _)) = batch.expect.iter().find(|(key, value)| facts.get(key) != value.as_ref()) {
            return Ok(Applied::Stale { key: key.clone() });
        }
        for (key, value) in &batch.writes {
            match value {
                Some(value) => facts.insert(key.clone(), value.clone()),
                None => facts.remove(key),
            };
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_keeps_the_contract() {
        super::super::conformance::check(&super::MemoryMeta::default());
    }
}
