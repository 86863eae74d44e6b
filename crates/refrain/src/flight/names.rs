//! Names of caches by number, for messages that are hardly ever written.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static NAMES: LazyLock<Mutex<HashMap<u32, Arc<str>>>> = LazyLock::new(Mutex::default);

/// The name of a cache, known by its number as long as this lives.
pub(crate) struct CacheName {
    number: u32,
    name: Arc<str>,
}

impl CacheName {
    pub(crate) fn new(name: Arc<str>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(number, Arc::clone(&name));
        Self { number, name }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

impl Drop for CacheName {
    fn drop(&mut self) {
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.number);
    }
}

impl fmt::Debug for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

/// What the cache of this number is called, or was before it went.
pub(super) fn name_of(number: u32) -> Arc<str> {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names
        .get(&number)
        .map_or_else(|| Arc::from("a cache that is gone"), Arc::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_as_long_as_its_cache_lives() {
        let name = CacheName::new(Arc::from("pictures"));
        let number = name.number();
        assert_eq!(&*name_of(number), "pictures");
        drop(name);
        assert_eq!(&*name_of(number), "a cache that is gone");
    }
}
