//! `Cache`: the memory cache of the library, with Python objects as values.
//!
//! Nothing here waits or calls Python back, but for a clock of the user's, before anything else is done. So no lock of
//! the library is held while the interpreter is taken. Computing and waiting is in `refrain_cache/_flights.py`.

mod options;
mod ticket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use refrain::{Cache, Capacity, EntryInfo, Insertion, Policy};

use crate::clock::{Clock, seconds};
use crate::key::Key;
use crate::stepped_time::Time;
use crate::value::Value;
use options::Options;
use ticket::Begun;
pub(crate) use ticket::Ticket;

#[pyclass(frozen, subclass, weakref, module = "refrain_cache._native")]
pub(crate) struct MemoryCache {
    /// Replaced as a whole in a child process.
    live: RwLock<Arc<Live>>,
    /// What a new cache in a child process is made from.
    settings: Mutex<Settings>,
}

struct Live {
    cache: Cache<refrain::Key, Value>,
    time: Time,
}

#[derive(Clone, Copy, PartialEq)]
struct Settings {
    policy: Policy,
    capacity: Capacity,
    time_to_live: Option<Duration>,
}

impl MemoryCache {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cache, with its time moved on to now.
    fn live(&self, py: Python<'_>) -> PyResult<Arc<Live>> {
        let live = Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner));
        live.time.step(py)?;
        Ok(live)
    }

    /// The value, counted as a hit; a miss is not counted, for callers that compute it then.
    pub(crate) fn found(&self, py: Python<'_>, key: &Key) -> PyResult<Option<Py<PyAny>>> {
        let value = self.live(py)?.cache.hit(&key.0);
        Ok(value.map(|value| value.get(py)))
    }
}

#[pymethods]
impl MemoryCache {
    #[new]
    #[pyo3(signature = (max_entries, max_bytes, ttl_seconds, policy, clock))]
    fn new(
        py: Python<'_>,
        max_entries: Option<u64>,
        max_bytes: Option<u64>,
        ttl_seconds: Option<f64>,
        policy: &str,
        clock: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let settings = Settings {
            policy: policy_of(policy)?,
            capacity: capacity(max_entries, max_bytes),
            time_to_live: time_to_live(ttl_seconds)?,
        };
        let (time, clock) = match clock {
            None => (Time::Machine, refrain::Clock::monotonic()),
            clock => Time::stepped(py, Clock::new(py, clock)?)?,
        };
        Ok(Self {
            live: RwLock::new(Arc::new(Live::new(settings, time, clock)?)),
            settings: Mutex::new(settings),
        })
    }

    /// The value, or `default`; counted as a hit or a miss.
    fn get(&self, py: Python<'_>, key: &Key, default: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let live = self.live(py)?;
        Ok(live
            .cache
            .get(&key.0)
            .map_or(default, |value| value.get(py)))
    }

    /// The value, counted as a hit; or `default`, not counted, for callers that compute it then.
    fn hit(&self, py: Python<'_>, key: &Key, default: Py<PyAny>) -> PyResult<Py<PyAny>> {
        Ok(self.found(py, key)?.unwrap_or(default))
    }

    /// The value and its facts, not counted; `None` if there is none.
    fn peek<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
    ) -> PyResult<Option<(Py<PyAny>, Bound<'py, PyDict>)>> {
        let live = self.live(py)?;
        let Some(entry) = live.cache.peek_entry(&key.0) else {
            return Ok(None);
        };
        let info = described(py, &entry.info)?;
        Ok(Some((entry.value.get(py), info)))
    }

    #[pyo3(signature = (key, value, weight_bytes, ttl_seconds, cost_seconds, tags))]
    #[expect(
        clippy::too_many_arguments,
        reason = "called with names, from one place"
    )]
    fn insert(
        &self,
        py: Python<'_>,
        key: &Key,
        value: Py<PyAny>,
        weight_bytes: u64,
        ttl_seconds: Option<f64>,
        cost_seconds: Option<f64>,
        tags: Vec<String>,
    ) -> PyResult<&'static str> {
        let options = Options::new(ttl_seconds, cost_seconds, tags, Some(weight_bytes))?;
        let live = self.live(py)?;
        let insertion = live
            .cache
            .insert_with(key.0, Value::new(value), options.entry());
        Ok(became(insertion))
    }

    /// The value in a tuple of one, or a ticket for the computation that begins now.
    #[pyo3(signature = (key, ttl_seconds, tags, refresh))]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
        ttl_seconds: Option<f64>,
        tags: Vec<String>,
        refresh: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = Options::new(ttl_seconds, None, tags, None)?;
        let live = self.live(py)?;
        if !refresh && let Some(value) = live.cache.hit(&key.0) {
            return Ok((value.get(py),).into_pyobject(py)?.into_any());
        }
        match Ticket::begin(&live.cache, key.0, &options, refresh) {
            Ok(Begun::Hit(answer)) => Ok((answer.value.get(py),).into_pyobject(py)?.into_any()),
            Ok(Begun::Ticket(ticket)) => Ok(Bound::new(py, ticket)?.into_any()),
            Err(error) => Err(pyo3::exceptions::PyRuntimeError::new_err(error.to_string())),
        }
    }

    /// Ends a computation with its value, and says whether it is stored.
    #[pyo3(signature = (ticket, value, weight_bytes, ttl_seconds, cost_seconds, tags))]
    #[expect(
        clippy::too_many_arguments,
        reason = "called with names, from one place"
    )]
    fn finish(
        &self,
        py: Python<'_>,
        ticket: &Ticket,
        value: Py<PyAny>,
        weight_bytes: u64,
        ttl_seconds: Option<f64>,
        cost_seconds: Option<f64>,
        tags: Vec<String>,
    ) -> PyResult<&'static str> {
        let options = Options::new(ttl_seconds, cost_seconds, tags, Some(weight_bytes))?;
        self.live(py)?;
        let landed = ticket.finish(options.computed(Value::new(value)));
        let Some(Ok(answer)) = landed else {
            return Ok("abandoned");
        };
        Ok(answer.outcome.stored().map_or("stored", became))
    }

    fn invalidate(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        Ok(self.live(py)?.cache.invalidate(&key.0))
    }

    fn invalidate_tag(&self, py: Python<'_>, tag: &str) -> PyResult<u64> {
        Ok(self.live(py)?.cache.invalidate_tag(tag))
    }

    fn invalidate_all(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.live(py)?.cache.invalidate_all())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(usize::try_from(self.live(py)?.cache.len()).unwrap_or(usize::MAX))
    }

    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __bool__(&self) -> bool {
        true
    }

    /// Most entries, most bytes (`None` for no limit), and seconds that entries are fresh (`None` for ever).
    fn limits(&self) -> (Option<u64>, Option<u64>, Option<f64>) {
        let Settings {
            capacity,
            time_to_live,
            ..
        } = *self.settings();
        let ttl = time_to_live.filter(|ttl| *ttl != Duration::MAX);
        let ttl = ttl.map(|ttl| ttl.as_secs_f64());
        (limit(capacity.entries), limit(capacity.bytes), ttl)
    }

    /// Sets all three.
    #[pyo3(signature = (max_entries, max_bytes, ttl_seconds))]
    fn set_limits(
        &self,
        py: Python<'_>,
        max_entries: Option<u64>,
        max_bytes: Option<u64>,
        ttl_seconds: Option<f64>,
    ) -> PyResult<()> {
        let ttl = time_to_live(ttl_seconds)?;
        let capacity = capacity(max_entries, max_bytes);
        let live = self.live(py)?;
        {
            let mut settings = self.settings();
            settings.capacity = capacity;
            settings.time_to_live = ttl;
        }
        // Evicting may run finalizers, so no lock is held. If another thread sets them too, the last one to come here
        // applies what is set in the end.
        loop {
            let applied = *self.settings();
            live.cache.set_time_to_live(applied.time_to_live);
            live.cache.set_capacity(applied.capacity);
            if *self.settings() == applied {
                return Ok(());
            }
        }
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.live(py)?.cache.stats();
        let counts = [
            ("hits", stats.hits),
            ("misses", stats.misses),
            ("evictions_by_count", stats.evictions_by_count),
            ("evictions_by_size", stats.evictions_by_size),
            ("expirations", stats.expirations),
            ("invalidations", stats.invalidations),
            ("overweight", stats.overweight),
            ("declined", stats.declined),
            ("entries", stats.entries),
            ("bytes", stats.weight_bytes),
            ("peak_bytes", stats.peak_weight_bytes),
        ];
        let told = PyDict::new(py);
        for (name, count) in counts {
            told.set_item(name, count)?;
        }
        told.set_item("seconds_saved", stats.time_saved.as_secs_f64())?;
        told.set_item("seconds_spent", stats.compute_time.as_secs_f64())?;
        Ok(told)
    }

    fn reset_stats(&self, py: Python<'_>) -> PyResult<()> {
        self.live(py)?.cache.reset_stats();
        Ok(())
    }

    /// All entries: keys and facts of each.
    fn entries<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Key, Bound<'py, PyDict>)>> {
        let live = self.live(py)?;
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = live.cache.entries(cursor, 1000);
            for (key, info) in &page.entries {
                all.push((Key(*key), described(py, info)?));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// For a child process: a new, empty cache with the same settings. The old one is left as it is, locks and all.
    fn forget_everything(&self, py: Python<'_>) -> PyResult<()> {
        let inherited = Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner));
        ticket::enter_child_process();
        let clock = inherited.time.function().map(|clock| clock.clone_ref(py));
        let (time, clock) = Time::stepped(py, Clock::new(py, clock)?)?;
        let live = Live::new(*self.settings(), time, clock)?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Box::leak(Box::new(inherited));
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Values are in a structure that cannot be walked without its locks, so a cycle through one is collected when
        // its entry leaves.
        let Ok(live) = self.live.try_read() else {
            return Ok(());
        };
        live.time
            .function()
            .map_or(Ok(()), |function| visit.call(function))
    }
}

impl Live {
    fn new(settings: Settings, time: Time, clock: refrain::Clock) -> PyResult<Self> {
        let mut builder = Cache::builder()
            .name("python")
            .capacity_entries(settings.capacity.entries)
            .capacity_bytes(settings.capacity.bytes)
            .policy(settings.policy)
            .clock(clock);
        if let Some(time_to_live) = settings.time_to_live {
            builder = builder.time_to_live(time_to_live);
        }
        let cache = builder
            .build()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { cache, time })
    }
}

fn described<'py>(py: Python<'py>, info: &EntryInfo) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let tags: Vec<&str> = info.tags.iter().map(|tag| &**tag).collect();
    told.set_item("bytes", info.weight_bytes)?;
    told.set_item("cost_seconds", info.cost.as_secs_f64())?;
    told.set_item("age_seconds", info.age.as_secs_f64())?;
    told.set_item(
        "expires_in_seconds",
        info.expires_in.map(|left| left.as_secs_f64()),
    )?;
    told.set_item("hits", info.hits)?;
    told.set_item("tags", tags)?;
    Ok(told)
}

/// The outcome of storing a value, in a word.
pub(crate) fn became(insertion: Insertion) -> &'static str {
    match insertion {
        Insertion::Stored => "stored",
        Insertion::Overweight => "overweight",
        Insertion::Declined => "declined",
        Insertion::Expired => "expired",
        _ => "invalidated",
    }
}

pub(crate) fn policy_of(name: &str) -> PyResult<Policy> {
    match name {
        "lru" => Ok(Policy::Lru),
        "hazard" => Ok(Policy::Hazard),
        other => Err(PyValueError::new_err(format!(
            "`policy` is {other:?} but must be \"hazard\" or \"lru\""
        ))),
    }
}

pub(crate) fn capacity(max_entries: Option<u64>, max_bytes: Option<u64>) -> Capacity {
    Capacity {
        entries: max_entries.unwrap_or(u64::MAX),
        bytes: max_bytes.unwrap_or(u64::MAX),
    }
}

/// The largest number is no limit.
pub(crate) fn limit(limit: u64) -> Option<u64> {
    (limit != u64::MAX).then_some(limit)
}

/// For ever is no time to live at all.
pub(crate) fn time_to_live(ttl_seconds: Option<f64>) -> PyResult<Option<Duration>> {
    let ttl = ttl_seconds
        .map(|ttl| seconds("ttl_seconds", ttl))
        .transpose()?;
    Ok(ttl.filter(|ttl| *ttl != Duration::MAX))
}
