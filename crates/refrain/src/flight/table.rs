//! The table of flights, in lock stripes by key, and the log of invalidations that they may have to obey.
//!
//! Lock order: a stripe, then the locks of the store; the log of invalidations is taken with no stripe held. See
//! `docs/concurrency.md`.

use std::sync::{Arc, PoisonError};

use hashbrown::HashTable;

use super::{Flight, Side};
use crate::store::NewEntry;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock, SCHEDULES};

/// Decides by an entry's tags whether it is meant.
pub(crate) type TagPredicate = Arc<dyn Fn(&[Arc<str>]) -> bool + Send + Sync>;

/// The running computations of one cache, by key.
pub(crate) struct FlightTable<K, V> {
    stripes: Box<[Stripe<K, V>]>,
    log: RwLock<Log>,
    /// Grows with each invalidation by tag.
    generation: AtomicU64,
}

/// 64 bytes: a cache line of its own.
#[repr(align(64))]
struct Stripe<K, V> {
    table: Mutex<HashTable<Running<K, V>>>,
    /// Those on the table, and those that were taken off it and have not ended yet.
    running: AtomicUsize,
}

struct Running<K, V> {
    key: K,
    hash: u64,
    flight: Arc<Flight<V>>,
}

/// A flight that was taken off the table counts as running until this is dropped. A caller that finds no flight running
/// takes no stripe's lock, so it may find that only after the value is stored. It is dropped while the lock is held.
struct Ending<'a>(&'a AtomicUsize);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // Only the holder of the lock writes it. Release: a caller that finds that none runs sees the stored value.
        let running = self.0.load(Ordering::Relaxed);
        self.0.store(running - 1, Ordering::Release);
    }
}

/// Invalidations by tag that running computations may have to obey when they land.
#[derive(Default)]
struct Log {
    records: Vec<(u64, TagPredicate)>,
    /// Computations that began before this have missed records: they count as invalidated.
    forgotten_before: u64,
}

/// 64: far more than the threads that begin or end a computation at one instant.
const STRIPES: usize = if SCHEDULES { 2 } else { 64 };

/// More invalidations than that during one computation, and it is treated as invalidated.
const LOG_LIMIT: usize = 1024;

/// A place in a flight: the leader's, or a waiter's.
pub(crate) enum Boarding<V> {
    Leader(Arc<Flight<V>>),
    /// With the generation at which this caller came.
    Waiter(Arc<Flight<V>>, u64),
}

impl<K: Eq + Clone, V> FlightTable<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Stripe::new()).collect(),
            log: RwLock::default(),
            generation: AtomicU64::new(1),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are as good as any"
    )]
    fn stripe(&self, hash: u64) -> &Stripe<K, V> {
        &self.stripes[hash as usize % STRIPES]
    }

    /// Computations running now.
    pub(crate) fn running(&self) -> usize {
        self.stripes.iter().map(Stripe::running).sum()
    }

    /// Joins the flight for `key`, or begins one made by `make` from the current generation.
    pub(crate) fn board(
        &self,
        key: &K,
        hash: u64,
        make: impl FnOnce(u64) -> Flight<V>,
    ) -> Boarding<V> {
        let stripe = self.stripe(hash);
        let mut table = stripe.lock();
        if let Some(running) = table.find(hash, |running| running.key == *key) {
            return Boarding::Waiter(
                Arc::clone(&running.flight),
                self.generation.load(Ordering::SeqCst),
            );
        }
        let flight = Arc::new(make(self.generation.load(Ordering::SeqCst)));
        table.insert_unique(
            hash,
            Running {
                key: key.clone(),
                hash,
                flight: Arc::clone(&flight),
            },
            |running| running.hash,
        );
        stripe.running.fetch_add(1, Ordering::SeqCst);
        Boarding::Leader(flight)
    }

    /// The side value of the flight for `key`.
    pub(crate) fn side(&self, key: &K, hash: u64) -> Option<Side> {
        let table = self.stripe(hash).lock();
        let running = table.find(hash, |running| running.key == *key)?;
        running.flight.side().cloned()
    }

    /// Takes the flight for `key` off the table if this is its side value, and makes it stale: what it gives is not
    /// stored over what a later flight may have given meanwhile.
    pub(crate) fn retire(&self, key: &K, hash: u64, side: &Side) -> bool {
        let stripe = self.stripe(hash);
        let mut table = stripe.lock();
        let taken = stripe.take(&mut table, hash, |running| {
            running.key == *key && running.flight.has_side(side)
        });
        let (of, ending) = taken.unzip();
        if let Some(Running { flight, .. }) = &of {
            flight.overtake();
        }
        drop(ending);
        drop(table);
        of.is_some()
    }

    /// Takes `flight` off the table, if it is still there.
    pub(crate) fn leave(&self, hash: u64, flight: &Arc<Flight<V>>) {
        let stripe = self.stripe(hash);
        let mut table = stripe.lock();
        let taken = stripe.take(&mut table, hash, |running| {
            Arc::ptr_eq(&running.flight, flight)
        });
        let (of, ending) = taken.unzip();
        drop(ending);
        drop(table);
        drop(of);
    }

    /// Takes `flight`, whose value has `tags`, off the table and calls `store` in the same step, unless it was
    /// invalidated or written since the flight began. Beside that, the first generation that means the value.
    pub(crate) fn leave_and<R>(
        &self,
        flight: &Arc<Flight<V>>,
        hash: u64,
        tags: &[Arc<str>],
        store: impl FnOnce() -> R,
    ) -> (Option<R>, Option<u64>) {
        let stripe = self.stripe(hash);
        let mut judged = flight.began_at;
        let mut meant = None;
        let mut table = loop {
            if self.generation.load(Ordering::SeqCst) != judged {
                // The predicates are user code, so they are asked before the lock is taken.
                judged = self.judge(tags, flight.began_at, judged, &mut meant);
            }
            let table = stripe.lock();
            // Either this sees an invalidation, or that has yet to pass this stripe and looks at the entries afterwards.
            if self.generation.load(Ordering::SeqCst) == judged {
                break table;
            }
        };
        let taken = stripe.take(&mut table, hash, |running| {
            Arc::ptr_eq(&running.flight, flight)
        });
        let (of, ending) = taken.unzip();
        let valid = meant.is_none() && !flight.is_overtaken();
        let stored = if valid { Some(store()) } else { None };
        drop(ending);
        drop(table);
        drop(of);
        (stored, meant)
    }

    /// Asks the invalidations later than `judged` whether they mean `tags`, and notes the first that does in `meant`. Which
    /// the last one was.
    #[cold]
    fn judge(&self, tags: &[Arc<str>], began_at: u64, judged: u64, meant: &mut Option<u64>) -> u64 {
        let (records, last) = {
            let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
            if began_at < log.forgotten_before {
                // Any of those that are forgotten may have meant it.
                *meant = Some(began_at + 1);
            }
            let known = |(generation, _): &(u64, _)| *generation <= judged;
            let from = log.records.partition_point(known);
            let last = self.generation.load(Ordering::SeqCst);
            (log.records[from..].to_vec(), last)
        };
        for (generation, predicate) in records {
            // The first counts: a caller that came between it and a later one also came after an invalidation.
            if meant.is_none() && predicate(tags) {
                *meant = Some(generation);
            }
        }
        last
    }

    /// Makes the flight for `entry` stale and writes it in the same step.
    pub(crate) fn overtake_and<R>(
        &self,
        entry: &mut Option<NewEntry<K, V>>,
        write: impl FnOnce(&mut Option<NewEntry<K, V>>) -> R,
    ) -> R {
        let Some(NewEntry { key, hash, .. }) = entry.as_ref() else {
            return write(entry);
        };
        let stripe = self.stripe(*hash);
        // SeqCst pairs with `board`: a computation that began before this call is seen here.
        if !stripe.is_busy() {
            return write(entry);
        }
        let mut table = stripe.lock();
        let (of, ending) = stripe.overtake(&mut table, key, *hash).unzip();
        let result = write(entry);
        drop(ending);
        drop(table);
        drop(of);
        result
    }

    /// Makes the flight for `key` stale and calls `write` in the same step.
    pub(crate) fn overtake_key_and<R>(&self, key: &K, hash: u64, write: impl FnOnce() -> R) -> R {
        let stripe = self.stripe(hash);
        // SeqCst: as in `overtake_and`.
        if !stripe.is_busy() {
            return write();
        }
        let mut table = stripe.lock();
        let (of, ending) = stripe.overtake(&mut table, key, hash).unzip();
        let result = write();
        drop(ending);
        drop(table);
        drop(of);
        result
    }

    /// Makes every flight stale.
    pub(crate) fn overtake_all(&self) {
        for stripe in &self.stripes {
            let mut table = stripe.lock();
            let taken: Vec<_> = table.drain().collect();
            for running in &taken {
                running.flight.overtake();
            }
            // Those that are landing are counted and off the table, but not while this thread has the lock.
            stripe.running.store(0, Ordering::Release);
            drop(table);
            drop(taken);
        }
    }

    /// Makes every running flight stale whose tags, known when it lands, satisfy `predicate`.
    pub(crate) fn overtake_tagged(&self, predicate: TagPredicate) {
        // Dropped after the lock: predicates are user code.
        let mut forgotten = Vec::new();
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        if self.running() == 0 {
            if !log.records.is_empty() {
                // A computation that was overtaken is off the table, and callers that came late may still wait for it.
                std::mem::swap(&mut log.records, &mut forgotten);
                log.forgotten_before = generation;
            }
            return;
        }
        if log.records.len() >= LOG_LIMIT {
            std::mem::swap(&mut log.records, &mut forgotten);
            log.forgotten_before = generation;
        }
        log.records.push((generation, predicate));
        drop(log);
        // A landing that missed this invalidation has stored its value by the time it releases the lock.
        for stripe in self.stripes.iter().filter(|stripe| stripe.is_busy()) {
            drop(stripe.lock());
        }
    }
}

impl<K: Eq, V> Stripe<K, V> {
    fn new() -> Self {
        Self {
            table: Mutex::new(HashTable::new()),
            running: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashTable<Running<K, V>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    fn is_busy(&self) -> bool {
        self.running() > 0
    }

    fn overtake(
        &self,
        table: &mut HashTable<Running<K, V>>,
        key: &K,
        hash: u64,
    ) -> Option<(Running<K, V>, Ending<'_>)> {
        let taken = self.take(table, hash, |running| running.key == *key)?;
        taken.0.flight.overtake();
        Some(taken)
    }

    fn take(
        &self,
        table: &mut HashTable<Running<K, V>>,
        hash: u64,
        is_it: impl FnMut(&Running<K, V>) -> bool,
    ) -> Option<(Running<K, V>, Ending<'_>)> {
        let (of, _) = table.find_entry(hash, is_it).ok()?.remove();
        Some((of, Ending(&self.running)))
    }
}
