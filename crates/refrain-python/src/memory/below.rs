//! Serialisation for the tiers below the memory: codecs of Python's write values as bytes, and read them back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use refrain::tier::{Metadata, TierEntry};
use refrain::{Codec, CodecError};

use crate::value::Value;

/// `encode(value)` gives codec, media type and bytes, or `None`; `decode(codec, bytes)` gives the value and its weight.
pub(super) struct PythonCodec {
    pub(super) object: Py<PyAny>,
    pub(super) interruption: Interruption,
}

/// An interrupt that came while Python code ran below: it is raised where the caller's own code goes on.
#[derive(Clone, Default)]
pub(super) struct Interruption(Arc<Mutex<Option<PyErr>>>);

impl Interruption {
    fn note(&self, py: Python<'_>, error: PyErr) -> CodecError {
        if error.is_instance_of::<PyException>(py) {
            return error.into();
        }
        let text = error.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        text.into()
    }

    pub(super) fn check(&self) -> PyResult<()> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        noted.map_or(Ok(()), Err)
    }
}

type Written<'py> = (String, String, Bound<'py, PyBytes>);

impl Codec<Value> for PythonCodec {
    fn encode(&self, value: &Value) -> Result<Option<TierEntry>, CodecError> {
        Python::attach(|py| {
            let written = self
                .object
                .bind(py)
                .call_method1("encode", (value.get(py),));
            let written = written.and_then(|written| written.extract::<Option<Written<'_>>>());
            let written = written.map_err(|error| self.interruption.note(py, error))?;
            Ok(written.map(|(codec, media_type, content)| {
                let content = Bytes::from_owner(PyBackedBytes::from(content));
                TierEntry::new(
                    content,
                    Metadata::new(codec).field("media_type", media_type),
                )
            }))
        })
    }

    fn decode(&self, entry: &TierEntry) -> Result<Value, CodecError> {
        let content = entry.body.whole().ok_or("the body is not in memory")?;
        Python::attach(|py| {
            let content = PyBytes::new(py, content);
            let codec = &*entry.metadata.codec;
            let read = self
                .object
                .bind(py)
                .call_method1("decode", (codec, content));
            let read = read.and_then(|read| read.extract::<(Py<PyAny>, u64)>());
            let (value, weight) = read.map_err(|error| self.interruption.note(py, error))?;
            Ok(Value::new(value, weight))
        })
    }
}
