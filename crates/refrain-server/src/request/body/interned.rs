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
        // Outside of the lock: if this is the last handle, dropping it takes the lock.
        let known = self.lock().get(&key).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|known| known.bytes == bytes) {
            return known;
        }
        held.shrink_to(bytes.len());
        let body = Arc::new(HeldBody {
            bytes,
            key,
            table: self.clone(),
            _held: held,
        });
        self.lock().insert(key, Arc::downgrade(&body));
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderMap;

    use super::super::budget::{BodyBudget, Sender};
    use super::super::keyed::{Keyed, keyed};
    use super::*;
    use crate::config::ServerConfig;

    async fn intern(table: &Interned, text: &'static str) -> Arc<HeldBody> {
        let budget = BodyBudget::new(&ServerConfig::default());
        let (headers, sender) = (HeaderMap::new(), Sender::default());
        let read = keyed(&budget, &headers, sender, Body::from(text), 100).await;
        let Keyed::Whole(bytes, held) = read.unwrap() else {
            panic!("it is small");
        };
        table.intern(Key::from_bytes([7; 32]), bytes, held)
    }

    #[tokio::test]
    async fn equal_bodies_are_held_once_and_let_go_of_with_the_last() {
        let table = Interned::default();
        let (one, other) = (intern(&table, "same").await, intern(&table, "same").await);
        assert!(Arc::ptr_eq(&one, &other));
        let spelled = intern(&table, "as good as the same").await;
        assert!(!Arc::ptr_eq(&one, &spelled));
        drop((one, other));
        assert_eq!(table.lock().len(), 1, "that of the last one");
        drop(spelled);
        assert!(table.lock().is_empty());
    }
}
