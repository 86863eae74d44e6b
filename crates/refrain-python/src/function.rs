//! A function whose results are cached, as a callable: a hit costs a key, a lookup and nothing else.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use refrain::key::RequestForm;

use crate::argument::Recipe;
use crate::known;
use crate::lru::{ExactLru, Found, expect_lru};

/// Calls `function` through a cache. `functools.update_wrapper` gives it the name and the rest.
#[pyclass(frozen, dict, weakref, module = "refrain_cache._native")]
pub(crate) struct CachedFunction {
    function: Py<PyAny>,
    key: KeySource,
    /// Gives the cache, the first time it is needed.
    cache_source: Py<PyAny>,
    cache: PyOnceLock<Py<ExactLru>>,
    /// Computes what is not there: called with key, arguments and keyword arguments.
    miss: Py<PyAny>,
    /// Told why a call went past the cache: called with the error.
    bypassed: Py<PyAny>,
}

enum KeySource {
    Function(Py<PyAny>),
    Recipe(Py<Recipe>),
}

#[pymethods]
impl CachedFunction {
    #[new]
    fn new(
        function: Py<PyAny>,
        key: &Bound<'_, PyAny>,
        cache_source: Py<PyAny>,
        miss: Py<PyAny>,
        bypassed: Py<PyAny>,
    ) -> Self {
        let key = match key.cast::<Recipe>() {
            Ok(recipe) => KeySource::Recipe(recipe.clone().unbind()),
            Err(_) => KeySource::Function(key.clone().unbind()),
        };
        Self {
            function,
            key,
            cache_source,
            cache: PyOnceLock::new(),
            miss,
            bypassed,
        }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let looked_up = self.key_of(args, kwargs).and_then(|key| {
            let found = self.cache(py)?.get().lookup(&key)?;
            Ok((key, found))
        });
        match looked_up {
            Ok((_, Found::Value(value))) => Ok(value.into_bound(py)),
            Ok((key, Found::Nothing)) => self.miss.bind(py).call1((key, args, kwargs)),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.bypassed.bind(py).call1((error.into_value(py),))?;
                self.function.bind(py).call(args, kwargs)
            }
            Err(interruption) => Err(interruption),
        }
    }

    /// As a function does: found on an instance, it is a method of it.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        let method = METHOD.import(slf.py(), "types", "MethodType")?;
        method.call1((slf, instance))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let function = slf.get().function.bind(slf.py()).repr()?;
        Ok(format!("<cached {function}>"))
    }

    /// Pickled and copied as functions are: by name.
    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(slf.getattr("__qualname__")?.unbind())
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (_memo))]
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.cache_source)?;
        visit.call(&self.miss)?;
        visit.call(&self.bypassed)?;
        match &self.key {
            KeySource::Function(function) => visit.call(function),
            KeySource::Recipe(recipe) => visit.call(recipe),
        }
    }
}

impl CachedFunction {
    fn key_of<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        match &self.key {
            KeySource::Function(function) => {
                let key = function.bind(py).call(args, kwargs)?;
                if key.is_none() {
                    // A function that forgot its `return`, and would give every call the same key.
                    return Err(PyTypeError::new_err("the key function returned None"));
                }
                Ok(key)
            }
            KeySource::Recipe(recipe) => {
                let digits = |form: &RequestForm| known::digits_of(py, form);
                Ok(recipe.get().request(args, kwargs, digits)?.into_any())
            }
        }
    }

    fn cache<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, ExactLru>> {
        let cache = self.cache.get_or_try_init(py, || {
            let cache = self.cache_source.bind(py).call0()?;
            expect_lru(&cache).map(|cache| cache.clone().unbind())
        })?;
        Ok(cache.bind(py))
    }
}
