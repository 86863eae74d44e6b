//! Entries that have been taken out, on their way to the listener and the drop.

use smallvec::SmallVec;

use super::Store;
use super::slots::Departed;
use crate::entry::RemovalCause;

/// Entries that left, to be announced by the caller, who holds no lock any more; they are dropped with this.
pub(crate) struct Removed<'a, K, V> {
    store: &'a Store<K, V>,
    entries: SmallVec<[(Departed, RemovalCause); 2]>,
}

impl<'a, K, V> Removed<'a, K, V> {
    pub(crate) fn new(store: &'a Store<K, V>) -> Self {
        Self {
            store,
            entries: SmallVec::new(),
        }
    }

    pub(super) fn push(&mut self, departed: Departed, cause: RemovalCause) {
        self.entries.push((departed, cause));
    }

    pub(crate) fn for_each(&self, mut announce: impl FnMut(&K, &V, RemovalCause)) {
        for (departed, cause) in &self.entries {
            let content = self.store.slots.departed(departed);
            announce(&content.key, &content.value, *cause);
        }
    }

    /// The value of the entry that left last.
    pub(crate) fn last(&self) -> Option<&V> {
        let (departed, _) = self.entries.last()?;
        Some(&self.store.slots.departed(departed).value)
    }
}

impl<K, V> Drop for Removed<'_, K, V> {
    #[inline]
    fn drop(&mut self) {
        let slots = &self.store.slots;
        if !self.entries.is_empty() || slots.has_limbo() {
            let entries = std::mem::take(&mut self.entries);
            drop(slots.move_out(entries.into_iter().map(|(departed, _)| departed)));
        }
    }
}
