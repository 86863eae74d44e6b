//! What a function is, as its keys tell: computed once, and again when something that it depends on has been replaced.
//!
//! Computing it reads source and walks what the function refers to (`refrain_cache/_identity.py`), which takes up to
//! milliseconds. A call only compares addresses: of the contents of closures, of the functions and constants of the
//! module that the function uses.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// What the results of a function are kept under, as long as all that was looked at is in its place.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Identity {
    pub(crate) generator: String,
    pub(crate) fingerprint: String,
    watched: Vec<Watched>,
    /// Why the function has no identity, if it has none.
    refused: Option<String>,
}

/// A name in a dictionary, or an attribute, and what was there; `None` where there was nothing.
struct Watched {
    owner: Py<PyAny>,
    name: Py<PyString>,
    expected: Option<Py<PyAny>>,
}

/// The same as Python tells it: owner, name, and a tuple of what was there if something was.
type Told = (Py<PyAny>, Py<PyString>, Option<(Py<PyAny>,)>);

#[pymethods]
impl Identity {
    #[new]
    #[pyo3(signature = (generator, fingerprint, watched, refused=None))]
    fn new(
        generator: String,
        fingerprint: String,
        watched: Vec<Told>,
        refused: Option<String>,
    ) -> Self {
        let watched = watched.into_iter().map(|(owner, name, expected)| Watched {
            owner,
            name,
            expected: expected.map(|(object,)| object),
        });
        Self {
            generator,
            fingerprint,
            watched: watched.collect(),
            refused,
        }
    }

    /// Whether everything that was looked at is in its place.
    pub(crate) fn holds(&self, py: Python<'_>) -> bool {
        self.watched.iter().all(|watched| watched.holds(py))
    }

    #[getter]
    fn generator(&self) -> &str {
        &self.generator
    }

    #[getter]
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    #[getter]
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for watched in &self.watched {
            visit.call(&watched.owner)?;
            if let Some(expected) = &watched.expected {
                visit.call(expected)?;
            }
        }
        Ok(())
    }
}

impl Watched {
    fn holds(&self, py: Python<'_>) -> bool {
        let owner = self.owner.bind(py);
        let found = match owner.cast_exact::<PyDict>() {
            Ok(names) => names.get_item(self.name.bind(py)).ok().flatten(),
            Err(_) => owner.getattr(self.name.bind(py)).ok(),
        };
        match (&found, &self.expected) {
            (Some(found), Some(expected)) => found.is(expected),
            (None, None) => true,
            _ => false,
        }
    }
}
