//! The callable that a decorated function becomes: a hit costs a key, a lookup and nothing else.

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;

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
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        let bound = CachedMethod::new(slf.clone().unbind(), instance.clone().unbind());
        Ok(Bound::new(slf.py(), bound)?.into_any())
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

/// A cached function that was found on an object: the object is its first argument, of calls and of questions alike.
///
/// Python's own bound methods hand every attribute on to the function, which then does not know the object.
#[pyclass(frozen, weakref, module = "refrain_cache._native")]
pub(crate) struct CachedMethod {
    function: Py<CachedFunction>,
    instance: Py<PyAny>,
}

/// An object, and the name of something that is found on it.
type OnObject = (Py<PyAny>, Py<PyAny>);

#[pymethods]
impl CachedMethod {
    #[new]
    fn new(function: Py<CachedFunction>, instance: Py<PyAny>) -> Self {
        Self { function, instance }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let all = std::iter::once(self.instance.bind(py).clone()).chain(args.iter());
        let all: SmallVec<[_; 5]> = all.collect();
        let all = PyTuple::new(py, all)?;
        self.function.get().__call__(&all, kwargs)
    }

    #[getter]
    fn __self__(&self, py: Python<'_>) -> Py<PyAny> {
        self.instance.clone_ref(py)
    }

    #[getter]
    fn __func__(&self, py: Python<'_>) -> Py<CachedFunction> {
        self.function.clone_ref(py)
    }

    /// Everything else is the function's; what asks about a call knows the object.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        static ATTRIBUTE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let attribute = ATTRIBUTE.import(py, "refrain_cache._calls", "attribute_of_method")?;
        attribute.call1((&self.function, &self.instance, name))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            self.function.is(&other.function) && self.instance.is(&other.instance)
        })
    }

    fn __hash__(&self) -> usize {
        let address = |object: *mut pyo3::ffi::PyObject| (object as usize).rotate_right(4);
        address(self.function.as_ptr()) ^ address(self.instance.as_ptr()).rotate_left(17)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let function = self.function.bind(py).repr()?;
        Ok(format!("<bound {function}>"))
    }

    /// Pickled as methods are: by name, found on the object.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, OnObject)> {
        let name = self.function.bind(py).getattr("__name__")?.unbind();
        let find = py.import("builtins")?.getattr("getattr")?;
        Ok((find, (self.instance.clone_ref(py), name)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.instance)
    }
}
