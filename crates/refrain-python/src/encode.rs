//! The encoder of Python values into the canonical form of keys. `docs/python.md` lists how each type is written.

use std::cell::RefCell;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};
use refrain::key::{Document, Encoded, Integer, KeyEncoder, Keyable, Unkeyable};

/// The bytes of a picture, a sound, a model: in a key it is the digest of the bytes, however they were sent.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Media(refrain::key::Media);

#[pymethods]
impl Media {
    #[new]
    fn new(data: &[u8]) -> Self {
        Self(refrain::key::Media::of(data))
    }
}

/// A JSON text: in a key it is what it means, not how it was written.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Json(Document);

#[pymethods]
impl Json {
    #[new]
    fn new(data: &[u8]) -> PyResult<Self> {
        Document::from_json(data)
            .map(Self)
            .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
    }
}

/// The state while one request is encoded.
pub(crate) struct Encoding<'py> {
    /// Describes objects of types that are not built in; see `refrain_cache/_describe.py`.
    pub(crate) describe: Bound<'py, PyAny>,
    /// An error that is no mere refusal, such as a keyboard interrupt: it goes on to the caller.
    interrupted: RefCell<Option<PyErr>>,
}

impl<'py> Encoding<'py> {
    pub(crate) fn new(describe: Bound<'py, PyAny>) -> Self {
        Self {
            describe,
            interrupted: RefCell::new(None),
        }
    }

    pub(crate) fn interruption(&self) -> Option<PyErr> {
        self.interrupted.borrow_mut().take()
    }

    fn refusal(&self, py: Python<'_>, error: PyErr) -> Unkeyable {
        let text = error.value(py).to_string();
        if !error.is_instance_of::<PyException>(py) {
            *self.interrupted.borrow_mut() = Some(error);
        }
        Unkeyable::new(text)
    }
}

/// A Python object as a part of a key.
pub(crate) struct Value<'a, 'py> {
    pub(crate) object: Bound<'py, PyAny>,
    pub(crate) encoding: &'a Encoding<'py>,
}

impl Keyable for Value<'_, '_> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        let object = &self.object;
        if object.is_none() {
            encoder.null()
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            // Copied once by Python; `to_cow` would copy it once more.
            let data = text.encode_utf8().ok();
            let text = data
                .as_ref()
                .and_then(|data| str::from_utf8(data.as_bytes()).ok());
            encoder.text(text.ok_or_else(|| {
                Unkeyable::new("it has no UTF-8 form (a lone surrogate); pass it as bytes")
            })?)
        } else if let Ok(flag) = object.cast_exact::<PyBool>() {
            encoder.bool(flag.is_true())
        } else if let Ok(number) = object.cast_exact::<PyInt>() {
            match number.extract::<i64>() {
                Ok(number) => encoder.integer(number),
                Err(_) => self.large_integer(encoder),
            }
        } else if let Ok(number) = object.cast_exact::<PyFloat>() {
            encoder.float(number.value())
        } else if let Ok(data) = object.cast_exact::<PyBytes>() {
            encoder.bytes(data.as_bytes())
        } else if let Ok(items) = object.cast_exact::<PyTuple>() {
            let items = self.values(items.iter());
            let items: Vec<&dyn Keyable> = items.iter().map(|item| item as _).collect();
            encoder.tuple(&items)
        } else if let Ok(items) = object.cast_exact::<PyList>() {
            encoder.list(self.values(items.iter()))
        } else if let Ok(entries) = object.cast_exact::<PyDict>() {
            self.mapping(&entries.items(), encoder)
        } else if object.is_exact_instance_of::<PySet>() {
            encoder.set(self.values(self.members()?.iter()))
        } else if let Ok(media) = object.cast_exact::<Media>() {
            encoder.media(&media.get().0)
        } else if let Ok(json) = object.cast_exact::<Json>() {
            json.get().0.encode_key(encoder)
        } else {
            self.described(encoder)
        }
    }
}

impl<'py> Value<'_, 'py> {
    fn at(&self, object: Bound<'py, PyAny>) -> Self {
        Self {
            object,
            encoding: self.encoding,
        }
    }

    /// A copy of the references, since encoding may run code that changes the container.
    fn values(&self, items: impl Iterator<Item = Bound<'py, PyAny>>) -> Vec<Self> {
        items.map(|item| self.at(item)).collect()
    }

    /// The items of a set at one moment: without the interpreter's lock another thread may change it meanwhile.
    fn members(&self) -> Result<Bound<'py, PyList>, Unkeyable> {
        let list = self.object.py().get_type::<PyList>();
        let members = list.call1((&self.object,));
        let members = members.and_then(|members| Ok(members.cast_into()?));
        members.map_err(|error| self.refusal(error))
    }

    fn mapping(
        &self,
        items: &Bound<'py, PyList>,
        encoder: KeyEncoder<'_>,
    ) -> Result<Encoded, Unkeyable> {
        let pairs: PyResult<Vec<_>> = items
            .iter()
            .map(|pair| Ok((self.at(pair.get_item(0)?), self.at(pair.get_item(1)?))))
            .collect();
        encoder.mapping(pairs.map_err(|error| self.refusal(error))?)
    }

    fn large_integer(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        let digits = self.object.str().map_err(|_| {
            Unkeyable::new("it has more digits than Python writes out; pass it as bytes")
        })?;
        let digits = digits.to_cow().map_err(|error| self.refusal(error))?;
        let number: Integer = digits
            .parse()
            .map_err(|_| Unkeyable::new("its digits cannot be read; pass it as text"))?;
        number.encode_key(encoder)
    }

    /// A type that is not built in. Its description is a tuple that begins with what it is.
    fn described(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        let wrong = |error: PyErr| self.refusal(error);
        let description = self
            .encoding
            .describe
            .call1((&self.object,))
            .map_err(wrong)?;
        let kind: String = description
            .get_item(0)
            .and_then(|kind| kind.extract())
            .map_err(wrong)?;
        let item = |index: usize| description.get_item(index).map_err(wrong);
        let text = |index: usize| item(index)?.extract::<String>().map_err(wrong);
        match kind.as_str() {
            "tagged" => encoder.tagged(&text(1)?, &self.at(item(2)?)),
            "variant" => encoder.variant(&text(1)?, &text(2)?, &self.at(item(3)?)),
            "value" => self.at(item(1)?).encode_key(encoder),
            _ => Err(Unkeyable::new(format!(
                "its description is of the unknown kind {kind}"
            ))),
        }
    }

    fn refusal(&self, error: PyErr) -> Unkeyable {
        self.encoding.refusal(self.object.py(), error)
    }
}
