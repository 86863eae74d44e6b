//! The alarm at the next expiry: expired entries give their bytes back though no caller asks for them.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::Inner;
use crate::catch::catch;
use crate::clock::Alarm;

/// Entries that expire within this span of one another leave together.
const TOGETHER: Duration = Duration::from_millis(100);

/// The alarm for the next expiry, if one is set.
#[derive(Default)]
pub(super) struct Purge(Mutex<Option<(Duration, Alarm)>>);

struct PurgeNow<K, V>(Weak<Inner<K, V>>);

impl<K, V> Wake for PurgeNow<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        let Some(inner) = self.0.upgrade() else {
            return;
        };
        let spent = inner.purge.take();
        drop(spent);
        // A drop that panics may not keep the rest from leaving later.
        let _ = catch(|| inner.expire());
        let soonest = inner.clock.elapsed().saturating_add(TOGETHER);
        inner.schedule_purge(inner.store.next_expiry().map(|due| due.max(soonest)));
    }
}

impl Purge {
    fn take(&self) -> Option<(Duration, Alarm)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Sees to it that expired entries leave at `due`, unless an earlier alarm is set.
    pub(crate) fn schedule_purge(self: &Arc<Self>, due: Option<Duration>) {
        let Some(due) = due else { return };
        let mut alarm = self.purge.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.as_ref().is_none_or(|(set, _)| *set > due) {
            let waker = Waker::from(Arc::new(PurgeNow(Arc::downgrade(self))));
            let replaced = alarm.replace((due, self.clock.alarm(due, waker)));
            drop(alarm);
            drop(replaced);
        }
    }
}
