//! The lookup of a call: its key, and the value that the cache has under it.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple};

use crate::argument::Recipe;
use crate::key::Key;
use crate::lru::{ExactLru, Found, expect_lru};
use crate::memory::MemoryCache;
use crate::remembered_keys;

/// The cache of one function's results, and the recipe of their keys.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Lookup {
    key: KeySource,
    store: Store,
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
    fn new(key: &Bound<'_, PyAny>, store: &Bound<'_, PyAny>) -> Self {
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
        Self { key, store }
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
    /// The result of an earlier call with these arguments, counted as a hit; or the key of the call.
    pub(crate) fn look<'py>(
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
                    Found::Value(value) => Looked::Hit(value),
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

/// The key that a key function gives. It must not be `None`, from a function that forgot its `return`, or something to
/// be awaited: every call would have the same key, or a new one.
fn given_key<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    static CHECKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let key = function.call(args, kwargs)?;
    let is_plain = key.is_exact_instance_of::<PyString>()
        || key.is_exact_instance_of::<PyTuple>()
        || key.is_exact_instance_of::<PyInt>();
    if is_plain {
        return Ok(key);
    }
    let checked = CHECKED.import(key.py(), "refrain_cache._recipes", "given_key")?;
    checked.call1((key,))
}
