//! The lookup of a call: its key, and the value that the cache has under it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::argument::{Recipe, given_key};
use crate::key::Key;
use crate::lru::{ExactLru, Found, expect_lru};
use crate::memory::MemoryCache;
use crate::remembered_keys;

/// The cache of one function's results, and the recipe of their keys.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Lookup {
    key: KeySource,
    store: Store,
    hits: AtomicU64,
    misses: AtomicU64,
    /// A number that few other functions have, for entries to tell whose they are.
    owner: u64,
    /// Called once, with the key, when a result of another function is found: a key function may leave its function out.
    shared: Option<Py<PyAny>>,
    told: AtomicBool,
    /// Called for each hit while the log wants lines about them.
    on_hit: Option<Py<PyAny>>,
    logs_hits: AtomicBool,
    /// Gives each caller a value of its own.
    copy: Option<Py<PyAny>>,
}

enum KeySource {
    Function(Py<PyAny>),
    Recipe(Py<Recipe>),
}

enum Store {
    Lru {
        /// Gives the cache, the first time it is needed.
        source: Py<PyAny>,
        cache: PyOnceLock<Py<ExactLru>>,
    },
    Memory(Py<MemoryCache>),
}

/// The answer to a lookup.
pub(crate) enum Looked<'py> {
    Hit(Py<PyAny>),
    /// The key, to keep the result under.
    Miss(Bound<'py, PyAny>),
}

#[pymethods]
impl Lookup {
    /// `key` is a recipe or a function of the arguments; `store` a `MemoryCache` or a function that gives an `LRUCache`.
    #[new]
    #[pyo3(signature = (key, store, owner=0, shared=None, on_hit=None, copy=None))]
    fn new(
        key: &Bound<'_, PyAny>,
        store: &Bound<'_, PyAny>,
        owner: u64,
        shared: Option<Py<PyAny>>,
        on_hit: Option<Py<PyAny>>,
        copy: Option<Py<PyAny>>,
    ) -> Self {
        let key = match key.cast::<Recipe>() {
            Ok(recipe) => KeySource::Recipe(recipe.clone().unbind()),
            Err(_) => KeySource::Function(key.clone().unbind()),
        };
        let store = match store.cast::<MemoryCache>() {
            Ok(cache) => Store::Memory(cache.clone().unbind()),
            Err(_) => Store::Lru {
                source: store.clone().unbind(),
                cache: PyOnceLock::new(),
            },
        };
        Self {
            key,
            store,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            owner,
            shared,
            told: AtomicBool::new(false),
            on_hit,
            logs_hits: AtomicBool::new(false),
            copy,
        }
    }

    /// Hits and misses of this function since it was decorated, or since they were zeroed.
    fn counts(&self) -> (u64, u64) {
        (
            self.hits.load(Ordering::Relaxed),
            self.misses.load(Ordering::Relaxed),
        )
    }

    #[setter]
    fn set_logs_hits(&self, logs: bool) {
        self.logs_hits.store(logs, Ordering::Relaxed);
    }

    fn reset_counts(&self) {
        self.hits.store(0, Ordering::Relaxed);
        self.misses.store(0, Ordering::Relaxed);
    }

    /// Whether it is a hit, with the value; or with the key.
    fn find<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<(bool, Bound<'py, PyAny>)> {
        Ok(match self.look(args, Some(kwargs))? {
            Looked::Hit(value) => (true, value.into_bound(args.py())),
            Looked::Miss(key) => (false, key),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for function in [&self.shared, &self.on_hit, &self.copy]
            .into_iter()
            .flatten()
        {
            visit.call(function)?;
        }
        match &self.store {
            Store::Lru { source, .. } => visit.call(source)?,
            Store::Memory(cache) => visit.call(cache)?,
        }
        match &self.key {
            KeySource::Function(function) => visit.call(function),
            KeySource::Recipe(recipe) => visit.call(recipe),
        }
    }
}

impl Lookup {
    /// The same as `find`, counted for the function too.
    pub(crate) fn look<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Looked<'py>> {
        let looked = self.look_up(args, kwargs)?;
        let counter = match looked {
            Looked::Hit(_) => &self.hits,
            Looked::Miss(_) => &self.misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if matches!(looked, Looked::Hit(_))
            && self.logs_hits.load(Ordering::Relaxed)
            && let Some(on_hit) = &self.on_hit
        {
            on_hit.bind(args.py()).call0()?;
        }
        match (looked, &self.copy) {
            (Looked::Hit(value), Some(copy)) => {
                let copied = copy.bind(args.py()).call1((value,))?;
                Ok(Looked::Hit(copied.unbind()))
            }
            (looked, _) => Ok(looked),
        }
    }

    fn tell_shared(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(shared) = &self.shared
            && !self.told.swap(true, Ordering::Relaxed)
        {
            shared.bind(key.py()).call1((key,))?;
        }
        Ok(())
    }

    /// The result of an earlier call with these arguments, counted as a hit; or the key of the call.
    fn look_up<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Looked<'py>> {
        let py = args.py();
        match &self.store {
            Store::Lru { source, cache } => {
                let key = match &self.key {
                    KeySource::Recipe(recipe) => recipe
                        .get()
                        .request(args, kwargs, |form| remembered_keys::digits_of(py, form))?
                        .into_any(),
                    KeySource::Function(function) => given_key(function.bind(py), args, kwargs)?,
                };
                let cache = cache.get_or_try_init(py, || {
                    let cache = source.bind(py).call0()?;
                    expect_lru(&cache).map(|cache| cache.clone().unbind())
                })?;
                Ok(match cache.get().lookup(&key)? {
                    Found::Value(value, owner) => {
                        if owner != self.owner && owner != 0 {
                            self.tell_shared(&key)?;
                        }
                        Looked::Hit(value)
                    }
                    Found::Nothing => Looked::Miss(key),
                })
            }
            Store::Memory(cache) => {
                let key = match &self.key {
                    KeySource::Recipe(recipe) => recipe.get().key(args, kwargs)?,
                    KeySource::Function(function) => {
                        *function.bind(py).call(args, kwargs)?.cast::<Key>()?.get()
                    }
                };
                Ok(match cache.get().found(py, &key)? {
                    Some(value) => Looked::Hit(value),
                    None => Looked::Miss(Bound::new(py, key)?.into_any()),
                })
            }
        }
    }
}
