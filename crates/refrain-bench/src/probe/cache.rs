//! The caches that are asked, behind one interface for threads and tasks.

use std::convert::Infallible;
use std::sync::Arc;

use foyer_memory::CacheBuilder;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use super::{ProbedName, Shared};

/// A computation on the caller's thread.
pub(super) type Work = Box<dyn FnOnce() -> u64 + Send>;

/// A computation as a task.
pub(super) type Task = BoxFuture<'static, u64>;

/// A value, or what the error says.
pub(super) type Answer = Result<u64, String>;

pub(super) trait Probed: Send + Sync {
    fn get(&self, key: u64) -> Option<u64>;

    fn invalidate(&self, key: u64);

    fn compute(&self, key: u64, work: Work) -> Answer;

    /// Must be called inside the runtime that the cache was made for.
    fn compute_task(&self, key: u64, task: Task) -> BoxFuture<'static, Answer>;
}

const ENTRIES: u64 = 100;

/// The cache, or `None` when it has no function that computes a missing value.
pub(super) fn probed(name: ProbedName, runtime: &Handle) -> Option<Shared> {
    match name {
        ProbedName::Refrain => {
            let tasks = runtime.clone();
            let cache = refrain::Cache::builder()
                .capacity_entries(ENTRIES)
                .spawner(move |task| {
                    tasks.spawn(task);
                })
                .build()
                .expect("the settings make sense");
            Some(Arc::new(Refrain(cache)))
        }
        ProbedName::Moka => Some(Arc::new(Moka {
            threads: moka::sync::Cache::new(ENTRIES),
            tasks: moka::future::Cache::new(ENTRIES),
        })),
        ProbedName::MiniMoka => None,
        ProbedName::QuickCache => {
            let cache = quick_cache::sync::Cache::new(100);
            Some(Arc::new(QuickCache(Arc::new(cache))))
        }
        ProbedName::Foyer => Some(Arc::new(Foyer {
            cache: CacheBuilder::new(100).build(),
            runtime: runtime.clone(),
        })),
    }
}

struct Refrain(refrain::Cache<u64, u64>);

impl Probed for Refrain {
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn invalidate(&self, key: u64) {
        self.0.invalidate(&key);
    }

    fn compute(&self, key: u64, work: Work) -> Answer {
        self.0
            .get_or_compute(key, work)
            .map_err(|error| error.to_string())
    }

    fn compute_task(&self, key: u64, task: Task) -> BoxFuture<'static, Answer> {
        let cache = self.0.clone();
        async move {
            let answer = cache.get_or_compute_async(key, task).await;
            answer.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

/// Threads and tasks have a cache each.
struct Moka {
    threads: moka::sync::Cache<u64, u64>,
    tasks: moka::future::Cache<u64, u64>,
}

impl Probed for Moka {
    fn get(&self, key: u64) -> Option<u64> {
        self.threads.get(&key)
    }

    fn invalidate(&self, key: u64) {
        self.threads.invalidate(&key);
    }

    fn compute(&self, key: u64, work: Work) -> Answer {
        Ok(self.threads.get_with(key, work))
    }

    fn compute_task(&self, key: u64, task: Task) -> BoxFuture<'static, Answer> {
        let cache = self.tasks.clone();
        async move { Ok(cache.get_with(key, task).await) }.boxed()
    }
}

struct QuickCache(Arc<quick_cache::sync::Cache<u64, u64>>);

impl Probed for QuickCache {
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn invalidate(&self, key: u64) {
        self.0.remove(&key);
    }

    fn compute(&self, key: u64, work: Work) -> Answer {
        self.0.get_or_insert_with(&key, || Ok(work()))
    }

    fn compute_task(&self, key: u64, task: Task) -> BoxFuture<'static, Answer> {
        let cache = Arc::clone(&self.0);
        async move { cache.get_or_insert_async(&key, task.map(Ok)).await }.boxed()
    }
}

/// Computes in tasks only; a thread waits for one.
struct Foyer {
    cache: foyer_memory::Cache<u64, u64>,
    runtime: Handle,
}

impl Probed for Foyer {
    fn get(&self, key: u64) -> Option<u64> {
        self.cache.get(&key).map(|entry| *entry.value())
    }

    fn invalidate(&self, key: u64) {
        self.cache.remove(&key);
    }

    fn compute(&self, key: u64, work: Work) -> Answer {
        let answer = self.compute_task(key, async { work() }.boxed());
        tokio::task::block_in_place(|| self.runtime.block_on(answer))
    }

    fn compute_task(&self, key: u64, task: Task) -> BoxFuture<'static, Answer> {
        let _inside = self.runtime.enter();
        let fetch = self
            .cache
            .get_or_fetch(&key, || task.map(Ok::<u64, Infallible>));
        async move {
            let entry = fetch.await.map_err(|error| error.to_string())?;
            Ok(*entry.value())
        }
        .boxed()
    }
}
