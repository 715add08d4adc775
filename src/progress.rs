//! Telling a person how far a long piece of work has come.

/// Is told of work as it goes on. May be called from many threads.
pub trait Progress: Sync {
    /// A piece of work begins: what is done, and how many steps it has, if that is known.
    fn begin(&self, what: &str, steps: Option<u64>);

    /// So many more steps are done.
    fn advance(&self, steps: u64);

    /// The piece of work is done.
    fn end(&self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<u64>) {}

    fn advance(&self, _: u64) {}

    fn end(&self) {}
}
