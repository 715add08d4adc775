//! Telling a person how far a long piece of work has come.

/// How much work there is, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many steps.
    Steps(Option<u64>),
    /// So many bytes.
    Bytes(Option<u64>),
}

/// Is told of work as it goes on. May be called from many threads.
pub trait Progress: Sync {
    /// A piece of work begins: what is done, and how much of it there is.
    fn begin(&self, what: &str, amount: Amount);

    /// So many more steps, or bytes, are done.
    fn advance(&self, more: u64);

    /// The piece of work is done.
    fn end(&self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Amount) {}

    fn advance(&self, _: u64) {}

    fn end(&self) {}
}
