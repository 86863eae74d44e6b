//! The builder of a cache, with a default for each setting.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::entry::{Capacity, RemovalCause};
use crate::error::BuildError;
use crate::flight::BoxFuture;
use crate::policy::Policy;

pub(crate) type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u64 + Send + Sync>;
pub(crate) type Listener<K, V> = Arc<dyn Fn(&K, &V, RemovalCause) + Send + Sync>;
pub(crate) type Spawner = Arc<dyn Fn(BoxFuture) + Send + Sync>;

/// Settings of a [`Cache`], each with a default.
///
/// ```
/// use refrain::Cache;
/// use std::time::Duration;
///
/// let cache: Cache<String, Vec<u8>> = Cache::builder()
///     .capacity_bytes(512 << 20)
///     .weigher(|key: &String, value: &Vec<u8>| (key.len() + value.len()) as u64)
///     .time_to_live(Duration::from_secs(86_400))
///     .build()?;
/// assert!(cache.is_empty());
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[must_use = "nothing is made before `build`"]
pub struct CacheBuilder<K, V> {
    pub(crate) capacity: Capacity,
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) policy: Policy,
    pub(crate) weigher: Option<Weigher<K, V>>,
    pub(crate) listener: Option<Listener<K, V>>,
    pub(crate) spawner: Option<Spawner>,
    pub(crate) clock: Clock,
    pub(crate) name: Arc<str>,
    pub(crate) waiter_limit: u32,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> CacheBuilder<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self {
            capacity: Capacity {
                bytes: u64::MAX,
                entries: u64::MAX,
            },
            time_to_live: None,
            policy: Policy::default(),
            weigher: None,
            listener: None,
            spawner: None,
            clock: Clock::monotonic(),
            name: Arc::from("cache"),
            waiter_limit: u32::MAX,
            types: PhantomData,
        }
    }

    /// Bytes the cache may hold, by its [`weigher`](Self::weigher). Default: no limit.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().capacity_bytes(1000).build()?;
    /// assert_eq!(cache.capacity().bytes, 1000);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn capacity_bytes(mut self, bytes: u64) -> Self {
        self.capacity.bytes = bytes;
        self
    }

    /// Entries the cache may hold. Default: no limit; 0 stores nothing.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().capacity_entries(2).build()?;
    /// (0..9).for_each(|n| { cache.insert(n, n); });
    /// assert_eq!(cache.len(), 2);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn capacity_entries(mut self, entries: u64) -> Self {
        self.capacity.entries = entries;
        self
    }

    /// How long entries are fresh, counted from when they are written. Default: for ever; zero stores nothing.
    ///
    /// ```
    /// use refrain::{Cache, Clock};
    /// use std::time::Duration;
    ///
    /// let (clock, hands) = Clock::fake();
    /// let cache: Cache<u64, u64> = Cache::builder()
    ///     .time_to_live(Duration::from_secs(1))
    ///     .clock(clock)
    ///     .build()?;
    /// cache.insert(1, 1);
    /// hands.advance(Duration::from_secs(1));
    /// assert_eq!(cache.get(&1), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = Some(time_to_live);
        self
    }

    /// Which entry goes when space is needed.
    ///
    /// ```
    /// use refrain::{Cache, Policy};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().policy(Policy::Lru).capacity_entries(1).build()?;
    /// cache.insert(1, 1);
    /// cache.insert(2, 2);
    /// assert_eq!((cache.get(&1), cache.get(&2)), (None, Some(2)));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Says how many bytes an entry weighs. Asked once, when the entry is written, with no lock held.
    ///
    /// Default: the size of the key and value themselves, without what they point to.
    /// If it panics, the panic reaches the caller of `insert` and nothing has changed; a value that was computed is
    /// handed out and not stored.
    ///
    /// ```
    /// use refrain::Cache;
    ///
    /// let cache: Cache<u64, String> = Cache::builder().weigher(|_, text: &String| text.len() as u64).build()?;
    /// cache.insert(1, "twelve bytes".to_owned());
    /// assert_eq!(cache.weight_bytes(), 12);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// Is told of each entry that leaves, and why; called with no lock held, after the entry is gone.
    ///
    /// A panic in it is counted in [`Stats::listener_panics`](crate::Stats::listener_panics) and ends there.
    ///
    /// ```
    /// use refrain::{Cache, RemovalCause};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::sync::Arc;
    ///
    /// let evicted = Arc::new(AtomicU64::new(0));
    /// let count = Arc::clone(&evicted);
    /// let cache: Cache<u64, u64> = Cache::builder()
    ///     .capacity_entries(1)
    ///     .eviction_listener(move |_, _, cause: RemovalCause| {
    ///         count.fetch_add(u64::from(cause.was_evicted()), Ordering::Relaxed);
    ///     })
    ///     .build()?;
    /// cache.insert(1, 1);
    /// cache.insert(2, 2);
    /// assert_eq!(evicted.load(Ordering::Relaxed), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn eviction_listener(
        mut self,
        listener: impl Fn(&K, &V, RemovalCause) + Send + Sync + 'static,
    ) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Runs asynchronous computations in tasks of their own, e.g. `|task| { tokio::spawn(task); }`.
    ///
    /// Default: a waiter drives the computation onward, and a thread finishes it when all waiters have left. The same
    /// happens when the spawner panics, as tokio's does outside of a runtime, or drops the task.
    ///
    /// ```
    /// use refrain::Cache;
    ///
    /// let cache: Cache<u64, u64> = Cache::builder()
    ///     .spawner(|task| { std::thread::spawn(move || pollster(task)); })
    ///     .build()?;
    /// assert_eq!(pollster(cache.get_or_compute_async(1, async { 10 })).unwrap(), 10);
    /// # fn pollster<F: std::future::Future>(future: F) -> F::Output {
    /// #     struct Unpark(std::thread::Thread);
    /// #     impl std::task::Wake for Unpark { fn wake(self: std::sync::Arc<Self>) { self.0.unpark() } }
    /// #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    /// #     let mut future = std::pin::pin!(future);
    /// #     loop {
    /// #         match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
    /// #             std::task::Poll::Ready(value) => return value,
    /// #             std::task::Poll::Pending => std::thread::park(),
    /// #         }
    /// #     }
    /// # }
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn spawner(mut self, spawner: impl Fn(BoxFuture) + Send + Sync + 'static) -> Self {
        self.spawner = Some(Arc::new(spawner));
        self
    }

    /// The clock of the cache. Default: [`Clock::monotonic`].
    ///
    /// ```
    /// let (clock, _hands) = refrain::Clock::fake();
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().clock(clock).build()?;
    /// assert!(cache.is_empty());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The name of the cache in messages. Default: `cache`.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().name("pictures").build()?;
    /// assert_eq!(cache.name(), "pictures");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The most callers that may wait for one key besides the leader; further ones get
    /// [`ComputeError::TooManyWaiters`](crate::ComputeError::TooManyWaiters). At least 1. Default: no limit.
    ///
    /// ```
    /// let refused = refrain::Cache::<u64, u64>::builder().waiter_limit(0).build();
    /// assert_eq!(refused.unwrap_err().to_string(), "`waiter_limit` is 0, allowed is 1 and more");
    /// ```
    pub fn waiter_limit(mut self, waiters: u32) -> Self {
        self.waiter_limit = waiters;
        self
    }

    /// The cache.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the setting that makes no sense.
    ///
    /// ```
    /// assert!(refrain::Cache::<u64, u64>::builder().build().is_ok());
    /// ```
    pub fn build(self) -> Result<Cache<K, V>, BuildError> {
        if self.waiter_limit == 0 {
            return Err(BuildError::OutOfRange {
                setting: "waiter_limit",
                value: 0,
                allowed: "1 and more",
            });
        }
        Ok(Cache::from_builder(self))
    }
}

impl<K, V> fmt::Debug for CacheBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .field("time_to_live", &self.time_to_live)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
