//! A polling thread that reads what other processes have changed, and tells caches above what they have invalidated.

use std::sync::{Arc, Weak};
use std::time::Duration;

use refrain::tier::{Hear, Invalidations};

use super::{DiskTier, Inner};
use crate::storage::pause;

/// How often the log of changes is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// A stack above that is told of what others invalidate.
pub(super) struct Watch {
    pub(super) log: Invalidations,
    hear: Hear,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl DiskTier {
    pub(super) fn begin_to_watch(&self, log: &Invalidations, hear: Hear) {
        if self.0.sharing.is_none() {
            return;
        }
        let mut writer = self.0.writer();
        let is_first = writer.watches.is_empty();
        let log = log.clone();
        writer.watches.push(Arc::new(Watch { log, hear }));
        drop(writer);
        if is_first {
            let tier = Arc::downgrade(&self.0);
            let thread = std::thread::Builder::new().name("refrain-disk-watch".to_owned());
            // Without it, what others invalidate is heard of when this tier stores or computes.
            let _ = thread.spawn(move || watch(&tier));
        }
    }
}

fn watch(tier: &Weak<Inner>) {
    while let Some(inner) = tier.upgrade() {
        if inner.has_news() {
            drop(inner.turn());
        }
        if !inner.tell_those_above() {
            return;
        }
        drop(inner);
        pause(EVERY);
    }
}

impl Inner {
    /// With nothing locked: they have locks of their own. False, if there are none left.
    pub(super) fn tell_those_above(&self) -> bool {
        let mut writer = self.writer();
        let heard = std::mem::take(&mut writer.heard);
        if heard.is_empty() {
            return !writer.is_closed && !writer.watches.is_empty();
        }
        let watches = writer.watches.clone();
        drop(writer);
        let (left, gone): (Vec<_>, Vec<_>) = watches
            .into_iter()
            .partition(|watch| heard.iter().all(|invalidated| (watch.hear)(invalidated)));
        drop(left);
        let mut writer = self.writer();
        (writer.watches).retain(|watch| !gone.iter().any(|gone| Arc::ptr_eq(gone, watch)));
        !writer.is_closed && !writer.watches.is_empty()
    }
}
