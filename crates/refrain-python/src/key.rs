//! The class `Key` of Python, and keys of requests from their parts.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};
use refrain::key::RequestForm;

use crate::encode::{Encoding, Value};
use crate::remembered_keys;

/// The identity of a request: a 256-bit digest, written as 64 lowercase hexadecimal digits.
#[pyclass(frozen, eq, ord, module = "refrain_cache", name = "Key")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) refrain::Key);

#[pymethods]
impl Key {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        text.parse()
            .map(Self)
            .map_err(|error: refrain::key::ParseKeyError| PyValueError::new_err(error.to_string()))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Key('{}')", self.0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (String,)) {
        (slf.get_type().into_any().unbind(), (slf.get().__str__(),))
    }
}

/// The key of a request of these parts.
#[pyfunction]
#[pyo3(signature = (generator, fingerprint, parts, describe, namespace=""))]
pub(crate) fn key_of(
    generator: &str,
    fingerprint: &str,
    parts: &Bound<'_, PyDict>,
    describe: Bound<'_, PyAny>,
    namespace: &str,
) -> PyResult<Key> {
    let encoding = &Encoding::new(describe);
    let parts: PyResult<Vec<(String, Value<'_, '_>)>> = parts
        .iter()
        .map(|(name, object)| Ok((name.extract()?, Value { object, encoding })))
        .collect();
    let take = |form: &RequestForm| Key(remembered_keys::key_of(form));
    request_of(generator, fingerprint, namespace, &parts?, encoding, take)
}

/// The value that `take` makes of the form of a request of these parts; or an `UnkeyableError` that names the part.
pub(crate) fn request_of<T>(
    generator: &str,
    fingerprint: &str,
    namespace: &str,
    parts: &[(impl AsRef<str>, Value<'_, '_>)],
    encoding: &Encoding<'_>,
    take: impl FnOnce(&RequestForm) -> T,
) -> PyResult<T> {
    let mut builder = refrain::Key::builder()
        .namespace(namespace)
        .generator(generator, fingerprint);
    for (name, value) in parts {
        builder = builder.part(name.as_ref(), value);
    }
    let taken = builder.build_with(take);
    if let Some(interruption) = encoding.interruption() {
        return Err(interruption);
    }
    taken.map_err(|unkeyable| {
        let py = encoding.describe.py();
        refused(py, &unkeyable.to_string(), &unkeyable.part())
    })
}

/// An `UnkeyableError`.
pub(crate) fn refused(py: Python<'_>, message: &str, part: &str) -> PyErr {
    static ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let error = ERROR.import(py, "refrain_cache._errors", "UnkeyableError");
    match error.and_then(|error| error.call1((message, part))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
