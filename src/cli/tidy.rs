//! What a command does at its end so that stores stay quick: after many operations it puts small packs together.

use super::context::Context;
use crate::fault::Cause;
use crate::gc;
use crate::setting;
use crate::store::Store;

/// Puts small packs of `store` together if that is due. That it failed is no failure of the command, which is done.
pub(super) fn tidy(store: &Store, cx: &Context) {
    if store.ledger().made().is_some_and(|made| gc::is_due(&made))
        && let Err(error) = gather(store, cx)
    {
        tracing::warn!(%error, "small packs were not put together");
    }
}

fn gather(store: &Store, cx: &Context) -> Result<(), Cause> {
    if setting::auto_gc(&store.session()?)? {
        gc::gather(store, cx.progress())?;
    }
    Ok(())
}
