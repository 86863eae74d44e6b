//! Entries that have been taken out, until the listener has been told and they are dropped.

use super::Store;
use super::slots::{Content, Contents, Taken};
use crate::entry::RemovalCause;

/// Entries that left. The caller announces them when it holds no lock any more; they are dropped with this.
pub(crate) struct Removed<'a, K, V> {
    store: &'a Store<K, V>,
    /// Most calls take out one entry at most.
    first: Option<Gone<K, V>>,
    others: Vec<Gone<K, V>>,
}

struct Gone<K, V> {
    entry: Taken<K, V>,
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
    pub(super) fn push(&mut self, entry: Taken<K, V>, cause: RemovalCause) {
        let gone = Gone { entry, cause };
        if self.first.is_none() {
            self.first = Some(gone);
        } else {
            self.others.push(gone);
        }
    }

    pub(crate) fn for_each(&self, mut announce: impl FnMut(&K, &V, RemovalCause)) {
        for gone in self.first.iter().chain(&self.others) {
            let content = self.content(gone);
            announce(&content.key, &content.value, gone.cause);
        }
    }

    /// The value of the entry that left last.
    pub(crate) fn last(&self) -> Option<&V> {
        let gone = self.others.last().or(self.first.as_ref())?;
        Some(&self.content(gone).value)
    }

    fn content<'b>(&'b self, gone: &'b Gone<K, V>) -> &'b Content<K, V> {
        match &gone.entry {
            Taken::Content(content) => content,
            Taken::Departed(departed) => self.store.slots.departed(departed),
        }
    }
}

impl<K, V> Drop for Removed<'_, K, V> {
    #[inline]
    fn drop(&mut self) {
        let departed = |gone: &Gone<K, V>| matches!(gone.entry, Taken::Departed(_));
        if self.first.as_ref().is_some_and(departed) || !self.others.is_empty() {
            self.move_out();
        }
    }
}

impl<K, V> Removed<'_, K, V> {
    /// Drops the entries that left during a read, after one wait for the readers.
    #[cold]
    fn move_out(&mut self) {
        let gone = (self.first.take().into_iter()).chain(std::mem::take(&mut self.others));
        // Dropped at the end, all together: one that panics would keep the others where they are.
        let mut contents = Contents::new();
        let mut departed = Vec::new();
        for gone in gone {
            match gone.entry {
                Taken::Content(content) => contents.push(content),
                Taken::Departed(gone) => departed.push(gone),
            }
        }
        if !departed.is_empty() {
            contents.extend(self.store.slots.move_out(departed.into_iter()));
        }
    }
}
