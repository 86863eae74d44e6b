//! The native half of the Python package `refrain-cache`.
//!
//! It holds entries and makes keys: all that a hit needs. It never calls back while it holds a lock, and waits for nothing
//! but the disk, without the interpreter. Computing, waiting and all about tasks and threads is in `python/refrain_cache/`.

mod argument;
mod clock;
mod disk;
mod encode;
mod function;
mod identity;
mod key;
mod lookup;
mod lru;
mod memory;
mod relief;
mod remembered_keys;
mod route;
mod settings;
mod stepped_time;
mod value;

use pyo3::prelude::*;

/// Stands for "there is no value", where `None` is one.
#[pyclass(frozen, module = "refrain_cache._native")]
struct Missing;

#[pymethods]
impl Missing {
    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __bool__(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "a method of Python needs one")]
    fn __repr__(&self) -> &'static str {
        "MISSING"
    }
}

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::Missing;
    #[pymodule_export]
    use super::argument::Recipe;
    #[pymodule_export]
    use super::disk::{DiskFolder, DiskTicket};
    #[pymodule_export]
    use super::encode::{Json, Media};
    #[pymodule_export]
    use super::function::{CachedFunction, CachedMethod};
    #[pymodule_export]
    use super::identity::Identity;
    #[pymodule_export]
    use super::key::{Key, key_of};
    #[pymodule_export]
    use super::lookup::Lookup;
    #[pymodule_export]
    use super::lru::ExactLru;
    #[pymodule_export]
    use super::memory::{MemoryCache, Ticket};
    #[pymodule_export]
    use super::relief::relief_key;
    #[pymodule_export]
    use super::route::route_key;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("MISSING", Py::new(module.py(), Missing)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
