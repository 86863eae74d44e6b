//! The cache in the middle: lookup, flight, disk, generator, judge, store.

pub(crate) mod cache_status;
pub(crate) mod disk;
mod flights;
mod from_disk;
pub(crate) mod outcome;
mod problems;
pub(crate) mod result;
mod tiers;
pub(crate) mod turns;
pub(crate) mod waiter;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain::{Answer, BuildError, Cache, ComputeError, Computed, Outcome};
use refrain_disk::OpenError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{ServerConfig, megabytes};
use crate::engine::disk::Disk;
use crate::engine::flights::{Flight, Flights};
use crate::engine::outcome::{How, Served};
use crate::engine::result::StoredResult;
use crate::engine::turns::Turns;
use crate::engine::waiter::Waiter;
use crate::generate_error::GenerateError;
use crate::generators::{Generator, Prepared};
use crate::request::RequestDocument;
use crate::request::body::heavy;
use crate::request::directives::Directives;
use crate::rounding::seconds;
use crate::wall::WallClock;
use crate::{Key, Problem};
pub(crate) use from_disk::FromDisk;
use problems::{compute_problem, not_cached, problem_of};

/// How often a request begins again because others left. Once is usual: what it then waits for is its own as well.
/// The limit is for generators that say they were cancelled when nobody asked for it.
const MAX_ATTEMPTS: u32 = 3;

/// Answers prepared requests: from the cache, from a generation that is running, or by a new one.
#[derive(Debug)]
pub(crate) struct Engine {
    cache: Cache<Key, StoredResult>,
    cache_enabled: bool,
    /// Below the memory; none if it is not configured, or the cache is off.
    disk: Option<Disk>,
    from_disk: FromDisk,
    flights: Arc<Flights>,
    turns: Turns,
    wall: WallClock,
    /// Cancelled when the server may wait for running generations no longer.
    stop: CancellationToken,
    /// The tasks in which shared generations run.
    tasks: TaskTracker,
    generations: AtomicU64,
    bypasses: AtomicU64,
}

/// Why an engine cannot be put together.
#[derive(Debug)]
pub(crate) enum EngineError {
    Cache(BuildError),
    Disk(OpenError),
}

/// Reads a request with its generator, off the async threads when there is much to decode and digest.
pub(crate) async fn prepare(
    generator: Arc<dyn Generator>,
    document: RequestDocument,
) -> Result<Prepared, Problem> {
    let bytes = document.fields.data_bytes();
    heavy(bytes, move || generator.prepare(document)).await
}

impl Engine {
    pub(crate) fn new(
        config: &ServerConfig,
        clock: refrain::Clock,
    ) -> Result<Arc<Self>, EngineError> {
        let disk_dir = config.disk_dir.as_ref().filter(|_| config.cache_enabled);
        let open = |dir| Disk::open(dir, megabytes(config.disk_max_mb), &clock);
        let disk = disk_dir
            .map(|dir| open(dir))
            .transpose()
            .map_err(EngineError::Disk)?;
        let tasks = TaskTracker::new();
        let spawner = tasks.clone();
        let mut cache = Cache::builder()
            .name("results")
            .capacity_bytes(megabytes(config.max_memory_mb))
            .capacity_entries(config.max_entries)
            .weigher(|_, result: &StoredResult| result.weight_bytes())
            .clock(clock.clone())
            .spawner(move |flight| {
                spawner.spawn(flight);
            });
        if let Some(ttl) = config.ttl {
            cache = cache.time_to_live(ttl);
        }
        let stop = CancellationToken::new();
        Ok(Arc::new(Self {
            cache: cache.build().map_err(EngineError::Cache)?,
            cache_enabled: config.cache_enabled,
            disk,
            from_disk: FromDisk::default(),
            flights: Flights::new(stop.clone()),
            turns: Turns::new(config.generation_threads, config.max_queued),
            wall: WallClock::new(clock),
            stop,
            tasks,
            generations: AtomicU64::new(0),
            bypasses: AtomicU64::new(0),
        }))
    }

    /// Answers a request; the caller waits on `waiter`.
    ///
    /// Dropping this future is hanging up: what happens to the work then, the waiter knows.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        prepared: Prepared,
        directives: Directives,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        if directives.only_if_cached {
            return self.stored(prepared.key, directives).await;
        }
        if !self.cache_enabled {
            self.unshared(prepared, How::SwitchedOff, waiter).await
        } else if directives.no_store {
            self.unshared(prepared, How::NotKept, waiter).await
        } else {
            self.shared(prepared, directives, waiter).await
        }
    }

    /// A generation for this caller alone. It stops when the caller hangs up: nobody else could use it.
    async fn unshared(
        self: &Arc<Self>,
        prepared: Prepared,
        how: How,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        // Relaxed: a counter orders nothing.
        self.bypasses.fetch_add(1, Ordering::Relaxed);
        waiter.leave_on_purpose();
        let key = prepared.key;
        let interest = waiter.take(self.flights.alone(key, prepared.work));
        let flight = Arc::clone(interest.flight());
        match Arc::clone(self).generate(flight).await {
            Ok(made) => Ok(Served {
                key,
                result: made.result,
                how,
                age: Duration::ZERO,
            }),
            Err(error) => Err(problem_of(&error)),
        }
    }

    /// The stored result, or the one generation of this key that everybody shares.
    async fn shared(
        self: &Arc<Self>,
        prepared: Prepared,
        directives: Directives,
        waiter: &Waiter,
    ) -> Result<Served, Problem> {
        let Prepared { key, mut work } = prepared;
        let mut refresh = self.unwelcome(key, directives);
        let mut attempts = 0;
        loop {
            let interest = waiter.take(self.flights.join(key, work));
            let flight = Arc::clone(interest.flight());
            work = Arc::clone(flight.work());
            let mut request = self.cache.entry(key);
            if refresh {
                request = request.refresh();
            }
            let generation = Arc::clone(self).obtain(key, flight, refresh);
            let answer = request.get_or_try_compute_async(generation).await;
            interest.settle();
            attempts += 1;
            match answer {
                // What was on the disk is known only now, and this client does not want it. The next flight may be
                // another one's, who has it loaded again.
                Ok(answer) if !is_welcome(&answer, directives) && attempts < MAX_ATTEMPTS => {
                    refresh = true;
                }
                Ok(answer) if !is_welcome(&answer, directives) => {
                    return self
                        .unshared(Prepared { key, work }, How::NotKept, waiter)
                        .await;
                }
                Ok(answer) => return Ok(self.served(key, answer, refresh)),
                // Others left on purpose and took the generation with them; this caller still wants it.
                Err(error) if self.was_stopped_by_others(&error) && attempts < MAX_ATTEMPTS => {}
                Err(error) => return Err(compute_problem(&error)),
            }
        }
    }

    fn was_stopped_by_others(&self, error: &ComputeError<GenerateError>) -> bool {
        let cancelled = match error {
            ComputeError::Failed(error) => matches!(**error, GenerateError::Cancelled),
            ComputeError::Cancelled => true,
            _ => false,
        };
        cancelled && !self.stop.is_cancelled()
    }

    fn served(&self, key: Key, answer: Answer<StoredResult>, refresh: bool) -> Served {
        let expires_in = answer.info.expires_in;
        let how = if is_loaded(&answer) {
            match answer.outcome {
                Outcome::Collapsed { .. } => self.from_disk.count_collapsed(),
                _ => (self.from_disk).count(answer.value.length(), answer.info.cost),
            }
            How::Hit { expires_in }
        } else {
            let on_disk = answer.value.is_on_disk();
            match answer.outcome {
                Outcome::Hit => {
                    if let Some(disk) = &self.disk {
                        disk.touch(&key);
                    }
                    How::Hit { expires_in }
                }
                Outcome::Computed { stored } if refresh => How::Refreshed { stored, on_disk },
                Outcome::Computed { stored } => How::Miss { stored, on_disk },
                Outcome::Collapsed { stored } => How::Collapsed { stored },
                Outcome::Loaded { .. } | Outcome::Bypassed { .. } => How::Hit { expires_in },
            }
        };
        Served {
            key,
            age: answer.value.age(&answer.info),
            result: answer.value,
            how,
        }
    }

    /// Waits for a turn, runs the generator on a thread of its own, and judges what it made.
    async fn generate(self: Arc<Self>, flight: Arc<Flight>) -> Result<Made, GenerateError> {
        // The end of the server waits for generations that nobody shares too.
        let _running = self.tasks.token();
        let turn = self.turns.turn(flight.cancelled()).await?;
        self.generations.fetch_add(1, Ordering::Relaxed);
        let progress = flight.progress().clone();
        progress.begin();
        let wall = self.wall.clone();
        let generation = tokio::task::spawn_blocking(move || {
            // The turn ends with the thread's work, not when those who waited are gone.
            let _turn = turn;
            progress.check()?;
            let began = wall.elapsed();
            let artifact = flight.work().run(&progress)?;
            let took = wall.elapsed().saturating_sub(began);
            let result = StoredResult::judge(artifact)?;
            tracing::info!(
                seconds = seconds(took),
                bytes = result.length(),
                "generated"
            );
            Ok(Made { result, took })
        });
        match generation.await {
            Ok(made) => made,
            Err(error) if error.is_panic() => {
                tracing::error!(%error, "a generator panicked");
                Err(GenerateError::Failed {
                    message: "the generator panicked; the server's log has the message".to_owned(),
                })
            }
            Err(_) => Err(GenerateError::Cancelled),
        }
    }

    /// Runs a task that the end of the server waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    pub(crate) fn cache(&self) -> &Cache<Key, StoredResult> {
        &self.cache
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    pub(crate) fn disk_answers(&self) -> &FromDisk {
        &self.from_disk
    }

    pub(crate) fn cache_enabled(&self) -> bool {
        self.cache_enabled
    }

    pub(crate) fn wall(&self) -> &WallClock {
        &self.wall
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Generations begun since the start or the last reset.
    pub(crate) fn generations(&self) -> u64 {
        self.generations.load(Ordering::Relaxed)
    }

    /// Requests that went past the cache since the start or the last reset.
    pub(crate) fn bypasses(&self) -> u64 {
        self.bypasses.load(Ordering::Relaxed)
    }

    /// Zeroes every counter, the cache's too.
    pub(crate) fn reset_stats(&self) {
        self.cache.reset_stats();
        self.from_disk.reset();
        self.generations.store(0, Ordering::Relaxed);
        self.bypasses.store(0, Ordering::Relaxed);
    }

    /// Waits until no generation and no job runs.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Tells every generation to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// What a generation made, and how long the generator took.
struct Made {
    result: StoredResult,
    took: Duration,
}

impl Made {
    fn computed(self) -> Computed<StoredResult> {
        Computed::new(self.result).cost(self.took)
    }
}

/// Whether the client's directives let it have a result that the disk answered with.
fn is_welcome(answer: &Answer<StoredResult>, directives: Directives) -> bool {
    let age = answer.value.age(&answer.info);
    !is_loaded(answer) || directives.welcome(age, answer.info.expires_in)
}

/// Whether the disk answered this very request, and not the memory.
fn is_loaded(answer: &Answer<StoredResult>) -> bool {
    answer.outcome != Outcome::Hit && answer.value.is_from_disk()
}
