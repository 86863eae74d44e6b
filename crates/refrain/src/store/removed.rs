//! Entries that have been taken out, on their way to the listener and the drop.

use super::Store;
use super::slots::Departed;
use crate::entry::RemovalCause;

/// Entries that left, to be announced by the caller, who holds no lock any more; they are dropped with this.
pub(crate) struct Removed<'a, K, V> {
    store: &'a Store<K, V>,
    /// Most calls take out one entry at most.
    first: Option<Gone>,
    others: Vec<Gone>,
}

struct Gone {
    part: usize,
    departed: Departed,
    cause: RemovalCause,
}

impl<'a, K, V> Removed<'a, K, V> {
    #[inline]
    pub(crate) fn new(store: &'a Store<K, V>) -> Self {
        Self {
            store,
            first: None,
            others: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, part: usize, departed: Departed, cause: RemovalCause) {
        let gone = Gone {
            part,
            departed,
            cause,
        };
        if self.first.is_none() {
            self.first = Some(gone);
        } else {
            self.others.push(gone);
        }
    }

    pub(crate) fn for_each(&self, mut announce: impl FnMut(&K, &V, RemovalCause)) {
        for gone in self.first.iter().chain(&self.others) {
            let content = self.store.parts[gone.part].slots.departed(&gone.departed);
            announce(&content.key, &content.value, gone.cause);
        }
    }

    /// The value of the entry that left last.
    pub(crate) fn last(&self) -> Option<&V> {
        let gone = self.others.last().or(self.first.as_ref())?;
        let slots = &self.store.parts[gone.part].slots;
        Some(&slots.departed(&gone.departed).value)
    }
}

impl<K, V> Drop for Removed<'_, K, V> {
    #[inline]
    fn drop(&mut self) {
        let Some(first) = self.first.take() else {
            return;
        };
        if self.others.is_empty() {
            self.store.move_one_out(first.part, first.departed);
        } else {
            self.others.push(first);
            self.move_out();
        }
    }
}

impl<K, V> Removed<'_, K, V> {
    /// One wait for the readers of each part.
    #[cold]
    fn move_out(&mut self) {
        let mut gone = std::mem::take(&mut self.others);
        gone.sort_by_key(|gone| gone.part);
        let mut gone = gone.into_iter().peekable();
        while let Some(Gone { part, departed, .. }) = gone.next() {
            let same = std::iter::from_fn(|| {
                let gone = gone.next_if(|gone| gone.part == part)?;
                Some(gone.departed)
            });
            let departed = std::iter::once(departed).chain(same);
            self.store.move_out(part, departed);
        }
    }
}
