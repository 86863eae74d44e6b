//! Handles to the results of a cached function: to look at, invalidate or list them without a call.

use std::fmt;
use std::sync::Arc;

use super::function::{Function, FunctionStats, Site};
use super::lookup::MaybeCache;
use crate::cache::Cache;
use crate::key::{Key, Unkeyable};
use crate::stats::Stats;

/// The cached results of one function: to invalidate them, and to see what the cache did.
///
/// Made by `#[cached_result_sync(handle)]`, as `function::cache()`, and by [`CachedCall::cache`].
///
/// ```
/// use refrain::cached_result_sync;
///
/// #[cached_result_sync(handle)]
/// fn square(number: u64) -> u64 { number * number }
///
/// assert_eq!((square(2), square(3), square(3)), (4, 9, 9));
/// let cache = square::cache();
/// assert_eq!((cache.stats().hits, cache.stats().misses), (1, 2));
/// assert_eq!(cache.invalidate_all(), 2);
/// ```
#[derive(Clone)]
pub struct FunctionCache {
    function: Arc<Function>,
    /// `None` when there is none: it is disabled, or the environment makes no sense.
    cache: Option<Arc<dyn AnyCache>>,
}

/// A cache, whatever it holds.
trait AnyCache: Send + Sync {
    fn contains(&self, key: &Key) -> bool;
    fn invalidate(&self, key: &Key) -> bool;
    fn invalidate_tag(&self, tag: &str) -> u64;
    fn stats(&self) -> Stats;
}

impl<V: Clone + Send + Sync + 'static> AnyCache for Cache<Key, V> {
    fn contains(&self, key: &Key) -> bool {
        self.peek_entry(key).is_some()
    }

    fn invalidate(&self, key: &Key) -> bool {
        Cache::invalidate(self, key)
    }

    fn invalidate_tag(&self, tag: &str) -> u64 {
        Cache::invalidate_tag(self, tag)
    }

    fn stats(&self) -> Stats {
        Cache::stats(self)
    }
}

/// The cache of the function at `site`.
pub fn function_cache<V: Clone + Send + Sync + 'static>(
    site: &'static Site,
    cache: MaybeCache<'_, V>,
) -> FunctionCache {
    FunctionCache {
        function: Arc::clone(site.function()),
        cache: cache.map(|cache| Arc::new(cache.into_owned()) as Arc<dyn AnyCache>),
    }
}

impl FunctionCache {
    /// Module path and name of the function, or what `name = …` says.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle, name = "shop::price")]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// assert_eq!(price::cache().name(), "shop::price");
    /// ```
    pub fn name(&self) -> &'static str {
        self.function.name()
    }

    /// The tag that every entry of the function has, `function:` and the name: for
    /// [`Cache::invalidate_tag`](crate::Cache::invalidate_tag).
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle, name = "price")]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert_eq!(price::cache().tag(), "function:price");
    /// assert_eq!(refrain::global().invalidate_tag("function:price"), 1);
    /// ```
    pub fn tag(&self) -> &str {
        &self.function.tags[0]
    }

    /// Counters of the calls of this function.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert_eq!(price::cache().stats().misses, 1);
    /// ```
    pub fn stats(&self) -> FunctionStats {
        self.function.stats()
    }

    /// Statistics of the cache that the function uses, perhaps with others; `None` when it has none.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert_eq!(price::cache().cache_stats().unwrap().entries, 1);
    /// ```
    pub fn cache_stats(&self) -> Option<Stats> {
        self.cache.as_ref().map(|cache| cache.stats())
    }

    /// Invalidates every result of this function; how many there were. O(entries of the cache).
    ///
    /// Functions of one name, such as methods of two types in one module, are invalidated together.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// assert_eq!((price(7), price(8)), (8, 9));
    /// assert_eq!(price::cache().invalidate_all(), 2);
    /// ```
    pub fn invalidate_all(&self) -> u64 {
        self.cache
            .as_ref()
            .map_or(0, |cache| cache.invalidate_tag(self.tag()))
    }

    /// Makes sure that no result computed before now is seen again under this key; true if there was one.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// let key = price::key(7)?;
    /// assert!(price::cache().invalidate(&key));
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn invalidate(&self, key: &Key) -> bool {
        self.cache
            .as_ref()
            .is_some_and(|cache| cache.invalidate(key))
    }

    /// Whether there is a fresh result under this key. Counts nothing.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert!(price::cache().contains(&price::key(7)?));
    /// assert!(!price::cache().contains(&price::key(8)?));
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn contains(&self, key: &Key) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.contains(key))
    }
}

impl fmt::Debug for FunctionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionCache")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// One call of a cached function, with its arguments but not made: where its result is filed.
///
/// Made by the function that `handle = …` names, which works for methods, too.
///
/// ```
/// use refrain::cached_result_sync;
///
/// struct Shop { town: String }
///
/// impl Shop {
///     #[cached_result_sync(key = |self, article| (&self.town, article), handle = price_call)]
///     fn price(&self, article: u32) -> u32 { article + 1 }
/// }
///
/// let shop = Shop { town: "Ulm".to_owned() };
/// shop.price(7);
/// assert!(shop.price_call(7).is_cached());
/// assert!(shop.price_call(7).invalidate());
/// assert!(!shop.price_call(7).is_cached());
/// ```
#[derive(Debug, Clone)]
pub struct CachedCall {
    key: Result<Key, Unkeyable>,
    cache: FunctionCache,
}

/// The call with `key` of the function at `site`.
pub fn cached_call<V: Clone + Send + Sync + 'static>(
    site: &'static Site,
    cache: MaybeCache<'_, V>,
    key: Result<Key, Unkeyable>,
) -> CachedCall {
    CachedCall {
        key,
        cache: function_cache(site, cache),
    }
}

impl CachedCall {
    /// The key of the result.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] names the argument that cannot be keyed; such a call is made without the cache.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle = price_call)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// assert_eq!(price_call(7).key()?, price_call(7).key()?);
    /// assert_ne!(price_call(7).key()?, price_call(8).key()?);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn key(&self) -> Result<Key, Unkeyable> {
        self.key.clone()
    }

    /// Whether there is a fresh result. Counts nothing.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle = price_call)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// assert!(!price_call(7).is_cached());
    /// price(7);
    /// assert!(price_call(7).is_cached());
    /// ```
    pub fn is_cached(&self) -> bool {
        self.key.as_ref().is_ok_and(|key| self.cache.contains(key))
    }

    /// Makes sure that no result computed before now is seen again; true if there was one.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle = price_call)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert!(price_call(7).invalidate());
    /// assert!(!price_call(7).invalidate());
    /// ```
    pub fn invalidate(&self) -> bool {
        self.key
            .as_ref()
            .is_ok_and(|key| self.cache.invalidate(key))
    }

    /// The cached results of the function.
    ///
    /// ```
    /// # use refrain::cached_result_sync;
    /// #[cached_result_sync(handle = price_call)]
    /// fn price(article: u32) -> u32 { article + 1 }
    ///
    /// price(7);
    /// assert_eq!(price_call(7).cache().stats().misses, 1);
    /// ```
    pub fn cache(&self) -> &FunctionCache {
        &self.cache
    }
}
