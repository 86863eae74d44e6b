//! `LRUCache`: exact least-recently-used order over Python objects, with the counters users of the contract know.
//!
//! A lookup hashes the key by Python, once, and looks for it under a lock. Python decides whether two keys are equal,
//! which may run code of the user's. So it is asked without the lock, only about keys of the same hash, and the lookup
//! begins anew with the answer. Built-in text, bytes and numbers are compared at once: no code of the user's runs
//! there. Nothing under the lock waits, calls into Python or takes the interpreter, so it can be held with it. Nor is a
//! reference given up there: without the interpreter's lock that may wait for other threads, which may wait for ours.

mod amount;
mod entries;
mod state;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString};
use spin::Yield;
use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::clock::Clock;
use amount::Amount;
use entries::{Entry, HashedKey, Place};
use state::{Limits, Removed, State};

#[pyclass(frozen, subclass, weakref, module = "refrain_cache._native")]
pub(crate) struct ExactLru {
    /// Held for nanoseconds. With the interpreter's lock no thread finds it taken, and releasing it is a plain store.
    /// Without that lock, a thread that finds it taken lets others run, since the holder may have been interrupted.
    state: SpinMutex<State, Yield>,
    clock: Clock,
}

/// The result of a lookup.
pub(crate) enum Found {
    Value(Py<PyAny>, u64),
    Nothing,
}

impl ExactLru {
    fn lock(&self) -> SpinMutexGuard<'_, State, Yield> {
        self.state.lock()
    }

    /// The state, and the place of `key` in it as long as the lock is held.
    fn locate(
        &self,
        key: &Bound<'_, PyAny>,
        hash: isize,
    ) -> PyResult<(SpinMutexGuard<'_, State, Yield>, Option<Place>)> {
        let mut asked: Vec<(Place, bool)> = Vec::new();
        loop {
            let state = self.lock();
            let mut to_ask = None;
            let found = state.entries.find(hash, |place, entry| {
                let stored = &entry.key.object;
                if stored.is(key) {
                    return true;
                }
                if let Some((_, equal)) = asked.iter().find(|(known, _)| *known == place) {
                    return *equal;
                }
                let stored = stored.bind(key.py());
                if both_plain(stored, key) {
                    return stored.eq(key).unwrap_or(false);
                }
                to_ask = Some((place, stored.clone()));
                true
            });
            let Some((place, stored)) = to_ask else {
                return Ok((state, found));
            };
            drop(state);
            asked.push((place, stored.eq(key)?));
        }
    }

    /// The value for `key`, counted as a hit or a miss.
    pub(crate) fn lookup(&self, key: &Bound<'_, PyAny>) -> PyResult<Found> {
        let py = key.py();
        let hash = key.hash()?;
        let (mut state, mut place) = self.locate(key, hash)?;
        let mut now = None;
        while let Some(found) = place {
            let expires = state
                .entries
                .get(found)
                .map_or(f64::INFINITY, |entry| entry.expires);
            if expires.is_infinite() {
                break;
            }
            let Some(time) = now.or_else(|| self.clock.machine_now()) else {
                // The clock is the user's, so the lock is let go for it, and the entry may change meanwhile.
                drop(state);
                now = Some(self.clock.now(py)?);
                (state, place) = self.locate(key, hash)?;
                continue;
            };
            if time < expires {
                break;
            }
            state.counters.misses += 1;
            let removed = state.entries.remove(found);
            drop(state);
            drop(removed);
            return Ok(Found::Nothing);
        }
        let Some(place) = place else {
            state.counters.misses += 1;
            return Ok(Found::Nothing);
        };
        state.counters.hits += 1;
        state.entries.touch(place);
        let entry = state.entries.get(place);
        Ok(entry.map_or(Found::Nothing, |entry| {
            Found::Value(entry.value.clone_ref(py), entry.owner)
        }))
    }

    fn written(
        &self,
        key: &Bound<'_, PyAny>,
        value: Py<PyAny>,
        size_mb: f64,
        ttl_seconds: Option<f64>,
    ) -> PyResult<Entry> {
        let size = Amount::from_mb("size_mb", size_mb)?;
        let ttl = match ttl_seconds {
            Some(ttl) if ttl.is_nan() => return Err(not_a_ttl("ttl_seconds", ttl)),
            Some(ttl) => ttl,
            None => self.lock().limits.default_ttl,
        };
        let hash = key.hash()?;
        let now = self.clock.now(key.py())?;
        Ok(Entry {
            key: HashedKey {
                object: key.clone().unbind(),
                hash,
            },
            value,
            size,
            written: now,
            expires: now + ttl,
            access_count: 0,
            owner: 0,
        })
    }
}

#[pymethods]
impl ExactLru {
    #[new]
    #[pyo3(signature = (max_size=1000, max_memory_mb=512.0, default_ttl_seconds=None, *, clock=None))]
    fn new(
        py: Python<'_>,
        max_size: i64,
        max_memory_mb: f64,
        default_ttl_seconds: Option<f64>,
        clock: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let limits = Limits {
            max_size: entries_limit(max_size)?,
            max_memory: memory_limit(max_memory_mb)?,
            default_ttl: default_ttl_seconds.map_or(Ok(f64::INFINITY), default_ttl)?,
        };
        Ok(Self {
            state: SpinMutex::new(State::new(limits)),
            clock: Clock::new(py, clock)?,
        })
    }

    /// The value for the key, or `default`. Counts a hit, which makes the entry the most recent one, or a miss.
    #[pyo3(signature = (key, default=None))]
    fn get(
        &self,
        key: &Bound<'_, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        Ok(match self.lookup(key)? {
            Found::Value(value, _) => Some(value),
            Found::Nothing => default,
        })
    }

    /// Stores the value as the most recent entry, in the place of an older one; says whether it is stored.
    ///
    /// A value larger than `max_memory_mb`, or expired already, is not stored and evicts nothing, but an older value
    /// under its key is removed all the same.
    #[pyo3(signature = (key, value, size_mb=0.0, ttl_seconds=None))]
    fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: Py<PyAny>,
        size_mb: f64,
        ttl_seconds: Option<f64>,
    ) -> PyResult<bool> {
        let entry = self.written(key, value, size_mb, ttl_seconds)?;
        let mut removed = Removed::new();
        let hash = entry.key.hash;
        let (mut state, place) = self.locate(key, hash)?;
        state.overtake(hash);
        let stored = state.store(place, entry, &mut removed);
        drop(state);
        drop(removed);
        Ok(stored)
    }

    /// Removes the entry, and says whether there was one.
    fn delete(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let hash = key.hash()?;
        let (mut state, place) = self.locate(key, hash)?;
        state.overtake(hash);
        let removed = place.and_then(|place| state.entries.remove(place));
        drop(state);
        Ok(removed.is_some())
    }

    /// Removes the results of one function, and says how many there were. Nothing that is being computed is stored.
    fn clear_owned(&self, owner: u64) -> usize {
        let removed = self.lock().clear_owned(owner);
        removed.len()
    }

    /// Removes all entries, keeps the counters, and says how many entries there were.
    fn clear(&self) -> usize {
        let removed = self.lock().clear();
        removed.len()
    }

    /// The value for the key, or `default`; neither counted nor counted as use. An expired entry is none.
    #[pyo3(signature = (key, default=None))]
    fn peek(
        &self,
        key: &Bound<'_, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let now = self.clock.now(key.py())?;
        let (state, place) = self.locate(key, key.hash()?)?;
        let entry = place.and_then(|place| state.entries.get(place));
        let fresh = entry.filter(|entry| now < entry.expires);
        let value = fresh.map(|entry| entry.value.clone_ref(key.py()));
        drop(state);
        Ok(value.or(default))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let now = self.clock.now(key.py())?;
        let (state, place) = self.locate(key, key.hash()?)?;
        let entry = place.and_then(|place| state.entries.get(place));
        Ok(entry.is_some_and(|entry| now < entry.expires))
    }

    fn __len__(&self) -> usize {
        self.lock().entries.len()
    }

    /// A cache is there whether or not it holds something.
    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __bool__(&self) -> bool {
        true
    }

    /// Most entries it holds.
    #[getter]
    fn max_size(&self) -> usize {
        self.lock().limits.max_size
    }

    /// Most memory it holds, in MB of 1,048,576 bytes.
    #[getter]
    fn max_memory_mb(&self) -> f64 {
        self.lock().limits.max_memory.mb()
    }

    /// Seconds that entries are fresh unless they say otherwise; `None` for ever.
    #[getter]
    fn default_ttl_seconds(&self) -> Option<f64> {
        Some(self.lock().limits.default_ttl).filter(|ttl| ttl.is_finite())
    }

    /// Changes the limits that are given, all in one step, and evicts what no longer fits.
    #[pyo3(signature = (max_size=None, max_memory_mb=None, default_ttl_seconds=None))]
    fn change_limits(
        &self,
        max_size: Option<i64>,
        max_memory_mb: Option<f64>,
        default_ttl_seconds: Option<f64>,
    ) -> PyResult<()> {
        let max_size = max_size.map(entries_limit).transpose()?;
        let max_memory = max_memory_mb.map(memory_limit).transpose()?;
        let default_ttl = default_ttl_seconds.map(default_ttl).transpose()?;
        let mut removed = Removed::new();
        let mut state = self.lock();
        let limits = &mut state.limits;
        limits.max_size = max_size.unwrap_or(limits.max_size);
        limits.max_memory = max_memory.unwrap_or(limits.max_memory);
        limits.default_ttl = default_ttl.unwrap_or(limits.default_ttl);
        let count = limits.max_size;
        state.shrink_to(count, Amount::NOTHING, &mut removed);
        drop(state);
        drop(removed);
        Ok(())
    }

    /// Hits, misses, evictions by count and by size, entries, MB held, most MB held.
    fn counters(&self) -> (u64, u64, u64, u64, usize, f64, f64) {
        let state = self.lock();
        let counters = state.counters;
        (
            counters.hits,
            counters.misses,
            counters.evicted_by_count,
            counters.evicted_by_size,
            state.entries.len(),
            state.entries.used.mb(),
            state.max_used.mb(),
        )
    }

    /// Zeroes hits, misses and evictions. Sums of what is held, and the most that was, stay.
    fn reset_stats(&self) {
        self.lock().counters = state::Counters::default();
    }

    /// The facts of each entry, the least recently used one first.
    fn get_entries_summary<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let now = self.clock.now(py)?;
        let known: Vec<_> = self
            .lock()
            .entries
            .iter()
            .map(|entry| {
                let key = entry.key.object.clone_ref(py);
                let size = entry.size.mb();
                (key, size, entry.written, entry.expires, entry.access_count)
            })
            .collect();
        let mut summary = Vec::with_capacity(known.len());
        for (key, size_mb, written, expires, access_count) in known {
            let entry = PyDict::new(py);
            entry.set_item("key", key)?;
            entry.set_item("size_mb", size_mb)?;
            entry.set_item("timestamp", self.clock.wall(written))?;
            entry.set_item("age_seconds", now - written)?;
            entry.set_item("access_count", access_count)?;
            let expires_at = expires.is_finite().then(|| self.clock.wall(expires));
            entry.set_item("expires_at", expires_at)?;
            entry.set_item("expired", expires <= now)?;
            summary.push(entry);
        }
        Ok(summary)
    }

    /// A computation for the key begins; the ticket tells later whether its value may still be stored.
    fn begin(&self, key: &Bound<'_, PyAny>) -> PyResult<u64> {
        let hash = key.hash()?;
        Ok(self.lock().begin(hash))
    }

    /// Whether nothing has been removed or written under the key since the computation began.
    fn is_current(&self, ticket: u64) -> bool {
        self.lock().is_current(ticket)
    }

    /// The computation ends without a value.
    fn abandon(&self, ticket: u64) {
        self.lock().end(ticket);
    }

    /// The computation ends: its value is stored unless it has been overtaken. Says whether it is stored.
    #[pyo3(signature = (ticket, key, value, size_mb, ttl_seconds, owner=0))]
    fn finish(
        &self,
        ticket: u64,
        key: &Bound<'_, PyAny>,
        value: Py<PyAny>,
        size_mb: f64,
        ttl_seconds: Option<f64>,
        owner: u64,
    ) -> PyResult<bool> {
        let mut entry = self.written(key, value, size_mb, ttl_seconds)?;
        entry.owner = owner;
        let mut removed = Removed::new();
        let (mut state, place) = self.locate(key, entry.key.hash)?;
        let stored = state.end(ticket) && state.store(place, entry, &mut removed);
        drop(state);
        drop(removed);
        Ok(stored)
    }

    /// For a child process: forgets everything, counters included. The objects stay alive, since finalizers of what
    /// the parent holds (its files, its GPU memory) must not run in the child.
    fn forget_everything(&self) {
        let mut state = self.lock();
        let fresh = state.begun_anew();
        let inherited = std::mem::replace(&mut *state, fresh);
        drop(state);
        Box::leak(Box::new(inherited));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(function) = self.clock.function() {
            visit.call(function)?;
        }
        // The thread that holds the lock is about to release it; the objects are reachable then.
        let Some(state) = self.state.try_lock() else {
            return Ok(());
        };
        for entry in state.entries.iter() {
            visit.call(&entry.key.object)?;
            visit.call(&entry.value)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let removed = self.lock().clear();
        drop(removed);
    }
}

/// Both are of one built-in type whose comparison runs no code of the user's.
fn both_plain(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> bool {
    if left.get_type_ptr() != right.get_type_ptr() {
        return false;
    }
    left.is_exact_instance_of::<PyString>()
        || left.is_exact_instance_of::<PyInt>()
        || left.is_exact_instance_of::<PyBytes>()
}

fn entries_limit(max_size: i64) -> PyResult<usize> {
    usize::try_from(max_size)
        .ok()
        .filter(|limit| *limit > 0)
        .ok_or_else(|| {
            PyValueError::new_err(format!(
                "`max_size` is {max_size} but must be a number of entries, 1 or more"
            ))
        })
}

fn memory_limit(max_memory_mb: f64) -> PyResult<Amount> {
    let limit = Amount::from_mb("max_memory_mb", max_memory_mb)?;
    if limit == Amount::NOTHING {
        return Err(PyValueError::new_err(format!(
            "`max_memory_mb` is {max_memory_mb} but must be above 0"
        )));
    }
    Ok(limit)
}

fn default_ttl(seconds: f64) -> PyResult<f64> {
    if seconds.is_nan() || seconds <= 0.0 {
        return Err(not_a_ttl("default_ttl_seconds", seconds));
    }
    Ok(seconds)
}

fn not_a_ttl(name: &str, seconds: f64) -> PyErr {
    PyValueError::new_err(format!(
        "`{name}` is {seconds} but must be a number of seconds above 0, or None"
    ))
}

/// The cache that `object` is, or an error that says what it is instead.
pub(crate) fn expect_lru<'a, 'py>(
    object: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, ExactLru>> {
    object.cast().map_err(|_| {
        PyTypeError::new_err(format!(
            "{object} is not an LRUCache, but entries are kept in one"
        ))
    })
}
