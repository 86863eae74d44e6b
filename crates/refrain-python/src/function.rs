//! The callable that a decorated function becomes: a hit costs a key, a lookup and nothing else.

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::lookup::{Looked, Lookup};

/// Calls `function` through a cache. `functools.update_wrapper` gives it the name and the rest.
#[pyclass(frozen, dict, weakref, module = "refrain_cache._native")]
pub(crate) struct CachedFunction {
    function: Py<PyAny>,
    lookup: Py<Lookup>,
    /// Computes on a miss: called with key, arguments and keyword arguments.
    miss: Py<PyAny>,
    /// Told why a call went past the cache: called with the error.
    bypassed: Py<PyAny>,
}

#[pymethods]
impl CachedFunction {
    #[new]
    fn new(function: Py<PyAny>, lookup: Py<Lookup>, miss: Py<PyAny>, bypassed: Py<PyAny>) -> Self {
        Self {
            function,
            lookup,
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
        match self.lookup.get().look(args, kwargs) {
            Ok(Looked::Hit(value)) => Ok(value.into_bound(py)),
            Ok(Looked::Miss(key)) => self.miss.bind(py).call1((key, args, kwargs)),
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
        visit.call(&self.lookup)?;
        visit.call(&self.miss)?;
        visit.call(&self.bypassed)
    }
}
