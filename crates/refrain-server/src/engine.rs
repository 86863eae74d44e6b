//! The cache in the middle: lookup, flight, generator, judge, store.

mod problems;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain::{Cache, ComputeError, Computed, Outcome};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{ServerConfig, megabytes};
use crate::directives::Directives;
use crate::flights::{Flight, Flights, Progress};
use crate::generator::{GenerateError, Prepared};
use crate::numbers::seconds;
use crate::seat::Seat;
use crate::served::{How, Served};
use crate::slots::Slots;
use crate::stored::StoredResult;
use crate::wall::WallClock;
use crate::{Key, Problem};
use problems::{compute_problem, problem_of};

/// How often a request begins again because others left. Once is usual: what it then waits for is its own as well.
/// The limit is for generators that say they were cancelled when nobody asked for it.
const MAX_ATTEMPTS: u32 = 3;

/// Answers prepared requests: from the cache, from a generation that is running, or by a new one.
#[derive(Debug)]
pub(crate) struct Engine {
    cache: Cache<Key, StoredResult>,
    cache_enabled: bool,
    flights: Arc<Flights>,
    slots: Slots,
    wall: WallClock,
    /// Cancelled when the server may wait for running generations no longer.
    stop: CancellationToken,
    /// The tasks in which shared generations run.
    tasks: TaskTracker,
    generations: AtomicU64,
    bypasses: AtomicU64,
}

impl Engine {
    pub(crate) fn new(
        config: &ServerConfig,
        clock: refrain::Clock,
    ) -> Result<Arc<Self>, refrain::BuildError> {
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
            cache: cache.build()?,
            cache_enabled: config.cache_enabled,
            flights: Flights::new(stop.clone()),
            slots: Slots::new(config.generation_threads, config.max_queued),
            wall: WallClock::new(clock),
            stop,
            tasks,
            generations: AtomicU64::new(0),
            bypasses: AtomicU64::new(0),
        }))
    }

    /// Answers a request; the caller waits on `seat`.
    ///
    /// Dropping this future is hanging up: what happens to the work then, the seat knows.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        prepared: Prepared,
        directives: Directives,
        seat: &Seat,
    ) -> Result<Served, Problem> {
        if directives.only_if_cached {
            return self.stored(prepared.key, directives);
        }
        if !self.cache_enabled {
            self.unshared(prepared, How::SwitchedOff, seat).await
        } else if directives.no_store {
            self.unshared(prepared, How::NotKept, seat).await
        } else {
            self.shared(prepared, directives, seat).await
        }
    }

    /// The stored result or a problem, without generating anything.
    fn stored(&self, key: Key, directives: Directives) -> Result<Served, Problem> {
        let welcome = self.cache_enabled && !self.unwelcome(key, directives);
        let entry = welcome.then(|| self.cache.get_entry(&key)).flatten();
        entry
            .map(|entry| Served::hit(key, entry.value, &entry.info))
            .ok_or_else(Problem::not_cached)
    }

    /// Whether the client's directives forbid to answer with what is stored.
    fn unwelcome(&self, key: Key, directives: Directives) -> bool {
        let unlimited = directives.max_age.is_none() && directives.min_fresh.is_none();
        if unlimited {
            return directives.no_cache || directives.no_store;
        }
        let stored = self.cache.peek_entry(&key);
        directives.no_cache || stored.is_some_and(|entry| !directives.welcome(&entry.info))
    }

    /// A generation for this caller alone. It stops when the caller hangs up: nobody else could use it.
    async fn unshared(
        self: &Arc<Self>,
        prepared: Prepared,
        how: How,
        seat: &Seat,
    ) -> Result<Served, Problem> {
        // Relaxed: a counter orders nothing.
        self.bypasses.fetch_add(1, Ordering::Relaxed);
        seat.leave_on_purpose();
        let key = prepared.key;
        let interest = seat.take(self.flights.alone(key, prepared.work));
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
        seat: &Seat,
    ) -> Result<Served, Problem> {
        let Prepared { key, mut work } = prepared;
        let refresh = self.unwelcome(key, directives);
        let mut attempts = 0;
        loop {
            let interest = seat.take(self.flights.join(key, work));
            let flight = Arc::clone(interest.flight());
            work = Arc::clone(flight.work());
            let mut request = self.cache.entry(key);
            if refresh {
                request = request.refresh();
            }
            let generation = Arc::clone(self).generate_to_store(flight);
            let answer = request.get_or_try_compute_async(generation).await;
            interest.settle();
            attempts += 1;
            match answer {
                Ok(answer) => {
                    return Ok(Served {
                        key,
                        result: answer.value,
                        how: how(answer.outcome, answer.info.expires_in, refresh),
                        age: answer.info.age,
                    });
                }
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

    async fn generate_to_store(
        self: Arc<Self>,
        flight: Arc<Flight>,
    ) -> Result<Computed<StoredResult>, GenerateError> {
        let made = self.generate(flight).await?;
        Ok(Computed::new(made.result).cost(made.took))
    }

    /// Waits for a turn, runs the generator on a thread of its own, and judges what it made.
    async fn generate(self: Arc<Self>, flight: Arc<Flight>) -> Result<Made, GenerateError> {
        // The end of the server waits for generations that nobody shares too.
        let _running = self.tasks.token();
        let turn = self.slots.turn(flight.cancelled()).await?;
        self.generations.fetch_add(1, Ordering::Relaxed);
        let progress = Progress::of(Arc::clone(&flight));
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

    pub(crate) fn cache_enabled(&self) -> bool {
        self.cache_enabled
    }

    pub(crate) fn wall(&self) -> &WallClock {
        &self.wall
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
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

fn how(outcome: Outcome, expires_in: Option<Duration>, refresh: bool) -> How {
    match outcome {
        Outcome::Hit => How::Hit { expires_in },
        Outcome::Computed { stored } if refresh => How::Refreshed { stored },
        Outcome::Computed { stored } => How::Miss { stored },
        Outcome::Collapsed { stored } => How::Collapsed { stored },
    }
}
