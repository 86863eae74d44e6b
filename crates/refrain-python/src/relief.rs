//! The key of a request for a relief: an adapter between Python's values and the crate that knows the rule.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyString};
use refrain::key::Media;
use refrain_relief::{ReliefError, ReliefRequest};

use crate::key::Key;

/// The key of a request of these fields, as `refrain_cache._forms` reads them.
///
/// What the server would refuse is a `ValueError` that names the field.
#[pyfunction]
pub(crate) fn relief_key(py: Python<'_>, fields: &Bound<'_, PyDict>) -> PyResult<Key> {
    let mut fields = Fields {
        path: String::new(),
        values: fields.copy()?,
    };
    let request = ReliefRequest::read(&mut fields)?;
    refrain_relief::Fields::finish(fields)?;
    let picture: &[u8] = request.picture.as_ref();
    // A picture of some megabytes takes milliseconds, in which other threads may run.
    let media = py.detach(|| Media::of(picture));
    match refrain_relief::key(&media, &request.parameters) {
        Ok(key) => Ok(Key(key)),
        Err(unkeyable) => Err(PyValueError::new_err(unkeyable.to_string())),
    }
}

/// The fields of one object of a request, taken out one by one.
struct Fields<'py> {
    /// Where this object is in the request: empty, or a path that ends in a dot.
    path: String,
    values: Bound<'py, PyDict>,
}

/// The bytes of a picture, as they came or decoded.
enum Picture<'py> {
    Sent(Bound<'py, PyBytes>),
    Decoded(Vec<u8>),
}

impl AsRef<[u8]> for Picture<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Sent(bytes) => bytes.as_bytes(),
            Self::Decoded(bytes) => bytes,
        }
    }
}

/// A `ValueError` that names the field.
struct Refused(PyErr);

impl From<ReliefError> for Refused {
    fn from(error: ReliefError) -> Self {
        Self(PyValueError::new_err(error.to_string()))
    }
}

impl From<PyErr> for Refused {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<Refused> for PyErr {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

impl<'py> Fields<'py> {
    fn take(&mut self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = self.values.get_item(name)?;
        if value.is_some() {
            self.values.del_item(name)?;
        }
        Ok(value)
    }

    /// The refusal of a field; `wrong` goes on after its name.
    fn refused(&self, name: &str, wrong: &str) -> Refused {
        Refused(PyValueError::new_err(format!(
            "`{}{name}` {wrong}",
            self.path
        )))
    }

    /// A value read by `read`, or the refusal that says what it `must_be`.
    fn read<T>(
        &mut self,
        name: &str,
        must_be: &str,
        read: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Option<T>>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        match read(&value)? {
            Some(read) => Ok(Some(read)),
            None => Err(self.refused(name, must_be)),
        }
    }

    /// Fields of a form that stand for those of an object, as `dimensions.width`.
    fn take_dotted(&mut self, prefix: &str) -> PyResult<Bound<'py, PyDict>> {
        let taken = PyDict::new(self.values.py());
        for (name, value) in self.values.copy()? {
            let text = name.extract::<String>()?;
            let of_a_form = is(&value, Kind::FormText)? || is(&value, Kind::File)?;
            if let Some(inner) = text.strip_prefix(prefix).filter(|_| of_a_form) {
                taken.set_item(inner, value)?;
                self.values.del_item(name)?;
            }
        }
        Ok(taken)
    }
}

impl<'py> refrain_relief::Fields for Fields<'py> {
    type File = Picture<'py>;
    type Error = Refused;

    fn file(&mut self, name: &'static str) -> Result<Picture<'py>, Refused> {
        let must_be = "must be a file or text in base64";
        let picture = self.read(name, must_be, |value| {
            if is(value, Kind::File)? {
                let content = value.getattr("content")?.cast_into::<PyBytes>()?;
                return Ok(Some(Picture::Sent(content)));
            }
            let text = text_of(value)?;
            Ok(text.and_then(|text| decoded(&text)).map(Picture::Decoded))
        })?;
        picture.ok_or_else(|| self.refused(name, "is missing"))
    }

    fn number(&mut self, name: &'static str) -> Result<Option<f64>, Refused> {
        self.read(name, "must be a number", |value| {
            let number = digits(value)?.and_then(|digits| digits.parse::<f64>().ok());
            Ok(number.filter(|number| number.is_finite()))
        })
    }

    fn whole(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refused> {
        let (least, most) = (range.start(), range.end());
        let must_be = format!("must be a whole number from {least} to {most}");
        self.read(name, &must_be, |value| {
            let number = digits(value)?.and_then(|digits| digits.parse().ok());
            Ok(number.filter(|number| range.contains(number)))
        })
    }

    fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Refused> {
        self.read(name, "must be true or false", |value| {
            if let Ok(boolean) = value.cast_exact::<PyBool>() {
                return Ok(Some(boolean.is_true()));
            }
            if !is(value, Kind::FormText)? {
                return Ok(None);
            }
            Ok(text_of(value)?.and_then(|text| text.parse().ok()))
        })
    }

    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Refused> {
        let must_be = format!("must be one of {}", words.join(", "));
        self.read(name, &must_be, |value| {
            let text = text_of(value)?;
            Ok(text.and_then(|text| words.iter().find(|word| **word == text).copied()))
        })
    }

    fn object(&mut self, name: &'static str) -> Result<Option<Self>, Refused> {
        let dotted = self.take_dotted(&format!("{name}."))?;
        let path = format!("{}{name}.", self.path);
        let whole = self.read(name, "must be an object", |value| {
            let value = if is(value, Kind::FormText)? {
                read_json(value)?
            } else {
                value.clone()
            };
            Ok(value.cast_into::<PyDict>().ok())
        })?;
        let values = match whole {
            None if dotted.is_empty() => return Ok(None),
            None => dotted,
            Some(_) if !dotted.is_empty() => {
                return Err(self.refused(name, "is given as a whole and field by field"));
            }
            Some(whole) => whole.copy()?,
        };
        Ok(Some(Self { path, values }))
    }

    fn finish(self) -> Result<(), Refused> {
        match self.values.keys().into_iter().next() {
            None => Ok(()),
            Some(name) => {
                let name = name.extract::<String>()?;
                Err(self.refused(&name, "is not a field of this request"))
            }
        }
    }
}

/// The types of `refrain_cache._forms`.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Number,
    FormText,
    File,
}

fn is(value: &Bound<'_, PyAny>, kind: Kind) -> PyResult<bool> {
    static NUMBER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static FORM_TEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static FILE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (known, name) = match kind {
        Kind::Number => (&NUMBER, "Number"),
        Kind::FormText => (&FORM_TEXT, "FormText"),
        Kind::File => (&FILE, "File"),
    };
    value.is_instance(known.import(value.py(), "refrain_cache._forms", name)?)
}

/// A text of a form read as JSON.
fn read_json<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static READ_JSON: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    READ_JSON
        .import(text.py(), "refrain_cache._forms", "read_json")?
        .call1((text,))
}

/// A text, of JSON or of a form; a number of JSON is none.
fn text_of(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if is(value, Kind::Number)? {
        return Ok(None);
    }
    value
        .cast::<PyString>()
        .ok()
        .map(|text| Ok(text.to_cow()?.into_owned()))
        .transpose()
}

/// The digits of a number, of JSON or of a form.
fn digits(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let is_number = is(value, Kind::Number)?;
    if !is_number && !is(value, Kind::FormText)? {
        return Ok(None);
    }
    let text = value.cast::<PyString>()?.to_cow()?.into_owned();
    // What `f64` would parse beyond JSON, such as `inf` or `.5`, is no number here either.
    let json = is_number || serde_json::from_str::<serde_json::Number>(&text).is_ok();
    Ok(json.then_some(text))
}

/// The bytes behind base64 text, with or without `data:` before it: standard alphabet, padded, no line breaks.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let payload = match text.strip_prefix("data:") {
        None => text,
        Some(uri) => {
            let (head, payload) = uri.split_once(',')?;
            let last = head.rsplit(';').next()?;
            if !last.trim().eq_ignore_ascii_case("base64") {
                return None;
            }
            payload
        }
    };
    STANDARD.decode(payload).ok()
}
