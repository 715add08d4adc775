//! Sets of places in a text.

/// Places in a text, by byte.
#[derive(Debug, Clone)]
pub(super) struct Places(Vec<bool>);

impl Places {
    /// No place.
    pub(super) fn none(text: &str) -> Self {
        Self(vec![false; text.len() + 1])
    }

    /// This place alone.
    pub(super) fn one(text: &str, at: usize) -> Self {
        let mut places = Self::none(text);
        places.add(at);
        places
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(false)
    }

    pub(super) fn add(&mut self, at: usize) {
        self.0.get_mut(at).into_iter().for_each(|place| *place = true);
    }

    pub(super) fn add_all(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(place, other)| *place |= other);
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    /// The places, in their order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(at, _)| at)
    }

    /// Takes the others out.
    pub(super) fn take(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(place, other)| *place &= !other);
    }
}
