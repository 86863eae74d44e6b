//! `Cache`: the memory cache of the library, with Python objects as values.
//!
//! With a folder, it is the memory on top of the library's stack of tiers. Python is called back for a clock of the user's, before
//! anything else is done, and for codecs, with nothing locked. Computing, and waiting for others that compute, is in
//! `refrain_cache/_flights.py`.

mod below;
mod live;
mod options;
mod ticket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use refrain::{Answer, Capacity, EntryInfo, Policy};

use crate::clock::{Clock, seconds};
use crate::disk::DiskFolder;
use crate::key::Key;
use crate::settings::{became, capacity, limit, policy_of, time_to_live};
use crate::stepped_time::Time;
use crate::value::Value;
use live::{Below, Live, counts_of, not_kept};
use options::Options;
use ticket::Begun;
pub(crate) use ticket::Ticket;

#[pyclass(frozen, subclass, weakref, module = "refrain_cache._native")]
pub(crate) struct MemoryCache {
    /// Replaced as a whole in a child process.
    live: RwLock<Arc<Live>>,
    /// What a new cache in a child process is made from.
    settings: Mutex<Settings>,
    below: Option<Lower>,
}

/// A folder below the memory, its codecs, and how long an operation of it may take.
struct Lower {
    folder: Py<DiskFolder>,
    codec: Py<PyAny>,
    deadline: Duration,
}

impl Lower {
    fn now(&self, py: Python<'_>) -> Below {
        Below {
            folder: self.folder.get().folder(),
            deadline: self.deadline,
            codec: self.codec.clone_ref(py),
        }
    }
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
        live.step(py)?;
        Ok(live)
    }

    /// The value, counted as a hit; a miss is not counted, for callers that compute it then.
    pub(crate) fn found(&self, py: Python<'_>, key: &Key) -> PyResult<Option<Py<PyAny>>> {
        let live = self.live(py)?;
        let value = live.memory().hit(&key.0);
        if value.is_some() && self.below.is_some() {
            live.cache.tiers().touch(&key.0);
        }
        Ok(value.map(|value| value.get(py)))
    }
}

#[pymethods]
impl MemoryCache {
    #[new]
    #[pyo3(signature = (max_entries, max_bytes, ttl_seconds, policy, clock, below=None))]
    fn new(
        py: Python<'_>,
        max_entries: Option<u64>,
        max_bytes: Option<u64>,
        ttl_seconds: Option<f64>,
        policy: &str,
        clock: Option<Py<PyAny>>,
        below: Option<(Py<DiskFolder>, Py<PyAny>, f64)>,
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
        let below = match below {
            None => None,
            Some((folder, codec, deadline)) => Some(Lower {
                folder,
                codec,
                deadline: seconds("disk_deadline_seconds", deadline)?,
            }),
        };
        let now = below.as_ref().map(|below| below.now(py));
        Ok(Self {
            live: RwLock::new(Arc::new(Live::new(py, settings, time, clock, now)?)),
            settings: Mutex::new(settings),
            below,
        })
    }

    /// The value, or `default`; counted as a hit or a miss. Looks into the lower tiers, and puts nothing into memory.
    fn get(&self, py: Python<'_>, key: &Key, default: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let live = self.live(py)?;
        if self.below.is_none() {
            let value = live.memory().get(&key.0);
            return Ok(value.map_or(default, |value| value.get(py)));
        }
        let stored = live.wait(py, live.cache.entry(key.0).stored_async())?;
        Ok(stored.map_or(default, |answer| answer.value.get(py)))
    }

    /// The value, counted as a hit; or `default`, not counted, for callers that compute it then.
    fn hit(&self, py: Python<'_>, key: &Key, default: Py<PyAny>) -> PyResult<Py<PyAny>> {
        Ok(self.found(py, key)?.unwrap_or(default))
    }

    /// The value and its facts, not counted; `None` if there is none. `everywhere`: in the lower tiers too.
    #[pyo3(signature = (key, everywhere=false))]
    fn peek<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
        everywhere: bool,
    ) -> PyResult<Option<(Py<PyAny>, Bound<'py, PyDict>)>> {
        let live = self.live(py)?;
        let found = if everywhere {
            let found = live.wait(py, live.cache.peek_async(key.0))?;
            found.map(|Answer { value, info, .. }| (value, info))
        } else {
            let found = live.memory().peek_entry(&key.0);
            found.map(|entry| (entry.value, entry.info))
        };
        let Some((value, info)) = found else {
            return Ok(None);
        };
        Ok(Some((value.get(py), described(py, &info)?)))
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
        let options = Options::new(ttl_seconds, cost_seconds, tags)?;
        let live = self.live(py)?;
        let value = Value::new(value, weight_bytes);
        let inserting = live.cache.insert_async(key.0, value, options.entry());
        Ok(became(live.wait(py, inserting)?))
    }

    /// The value in a tuple of one, or a ticket for the computation that begins now. `waits`: whether it may wait for other
    /// processes that compute the same; `None` for a look, for which no other waits either.
    #[pyo3(signature = (key, ttl_seconds, tags, refresh, waits=None))]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
        ttl_seconds: Option<f64>,
        tags: Vec<String>,
        refresh: bool,
        waits: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = Options::new(ttl_seconds, None, tags)?;
        let live = self.live(py)?;
        if !refresh && let Some(value) = live.memory().hit(&key.0) {
            return Ok((value.get(py),).into_pyobject(py)?.into_any());
        }
        match Ticket::begin(&live, key.0, &options, refresh, waits) {
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
        let options = Options::new(ttl_seconds, cost_seconds, tags)?;
        self.live(py)?;
        let value = Value::new(value, weight_bytes);
        let landed = ticket.finish(py, options.computed(value))?;
        let Some(Ok(answer)) = landed else {
            return Ok("abandoned");
        };
        Ok(match answer.outcome.stored() {
            Some(stored) if !stored.is_anywhere() => became(stored.memory()),
            _ => "stored",
        })
    }

    fn invalidate(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        let live = self.live(py)?;
        let removed = live.wait(py, live.cache.invalidate_async(key.0))?;
        removed.map_err(|failure| not_kept(py, &failure))
    }

    fn invalidate_tag(&self, py: Python<'_>, tag: &str) -> PyResult<u64> {
        let live = self.live(py)?;
        let removed = live.wait(py, live.cache.invalidate_tag_async(tag))?;
        removed.map_err(|failure| not_kept(py, &failure))
    }

    fn invalidate_all(&self, py: Python<'_>) -> PyResult<u64> {
        let live = self.live(py)?;
        if self.below.is_none() {
            return Ok(live.memory().invalidate_all());
        }
        let removed = live.wait(py, live.cache.invalidate_all_async())?;
        removed.map_err(|failure| not_kept(py, &failure))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(usize::try_from(self.live(py)?.memory().len()).unwrap_or(usize::MAX))
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
            live.memory().set_time_to_live(applied.time_to_live);
            live.memory().set_capacity(applied.capacity);
            if *self.settings() == applied {
                return Ok(());
            }
        }
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let live = self.live(py)?;
        let stats = live.memory().stats();
        let counts = [
            ("hits", stats.hits),
            ("misses", stats.misses),
            ("loads", stats.loads),
            ("computations", stats.computations),
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
        let by_loads = stats.time_saved_by_loads.as_secs_f64();
        told.set_item("seconds_saved_by_loads", by_loads)?;
        told.set_item("seconds_spent", stats.compute_time.as_secs_f64())?;
        Ok(told)
    }

    /// Each lower tier: its name, its counters, and how it feels.
    fn tiers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let live = self.live(py)?;
        let stats = live.cache.tiers().stats();
        let told = stats.iter().map(|tier| {
            let told = PyDict::new(py);
            told.set_item("name", tier.description.name.as_str())?;
            for (name, count) in counts_of(tier) {
                told.set_item(name, count)?;
            }
            told.set_item("overdue", tier.overdue)?;
            told.set_item("suspended", tier.suspended)?;
            Ok(told)
        });
        told.collect()
    }

    fn reset_stats(&self, py: Python<'_>) -> PyResult<()> {
        let live = self.live(py)?;
        live.memory().reset_stats();
        live.cache.tiers().reset_stats();
        Ok(())
    }

    /// All entries: keys and facts of each.
    fn entries<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Key, Bound<'py, PyDict>)>> {
        let live = self.live(py)?;
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = live.memory().entries(cursor, 1000);
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
        let below = self.below.as_ref().map(|below| {
            // Whichever of the two comes first in a child.
            below.folder.get().forget_everything();
            below.now(py)
        });
        let live = Live::new(py, *self.settings(), time, clock, below)?;
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
        if let Some(function) = live.time.function() {
            visit.call(function)?;
        }
        let Some(below) = &self.below else {
            return Ok(());
        };
        visit.call(&below.codec)?;
        visit.call(&below.folder)
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
