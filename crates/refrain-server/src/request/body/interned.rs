//! Interning of request bodies: callers that wait for the same result hold one copy of what they sent.
//!
//! A caller keeps its body as long as it may have to ask on its own. A thousand equal requests would hold a thousand
//! bodies, and those after them would wait for memory that the first ones do not need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use refrain::Key;

use super::budget::Reservation;

/// The bodies of requests that are being answered, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interned(Arc<Mutex<HashMap<Key, Weak<HeldBody>>>>);

/// A body, and the memory that is accounted for it.
#[derive(Debug)]
pub(crate) struct HeldBody {
    bytes: Bytes,
    key: Key,
    table: Interned,
    _held: Reservation,
}

impl Interned {
    /// The body that is held for this key already if it is the same, else this one.
    pub(crate) fn intern(&self, key: Key, bytes: Bytes, mut held: Reservation) -> Arc<HeldBody> {
        let mut table = self.lock();
        if let Some(known) = table.get(&key).and_then(Weak::upgrade)
            && known.bytes == bytes
        {
            return known;
        }
        held.shrink_to(bytes.len());
        let body = Arc::new(HeldBody {
            bytes,
            key,
            table: self.clone(),
            _held: held,
        });
        table.insert(key, Arc::downgrade(&body));
        body
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Weak<HeldBody>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldBody {
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        // Another body may have taken the place of this one.
        if table
            .get(&self.key)
            .is_some_and(|body| body.strong_count() == 0)
        {
            table.remove(&self.key);
        }
    }
}
