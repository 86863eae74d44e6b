//! Failures of the disk, as errors of Python's.

use std::error::Error;
use std::io;
use std::path::Path;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use refrain_disk::{DiskError, OpenError};

/// The error of a folder that cannot be used.
pub(super) fn not_opened(py: Python<'_>, error: &OpenError) -> PyErr {
    match error {
        OpenError::InUse { .. } => made(py, "DiskInUseError", error),
        _ => made(py, "DiskError", error),
    }
}

pub(super) fn refused(py: Python<'_>, error: &DiskError) -> PyErr {
    made(py, "DiskError", error)
}

/// The error of a promise that the folder did not keep for a cache above; `own`, if that is what it said itself.
pub(crate) fn failed(
    py: Python<'_>,
    own: Option<&DiskError>,
    failure: &(dyn Error + 'static),
) -> PyErr {
    own.map_or_else(|| made(py, "DiskError", failure), |own| refused(py, own))
}

/// The error of a tier that writes nothing.
pub(super) fn is_read_only(py: Python<'_>, dir: &Path) -> PyErr {
    let message = format!(
        "the disk tier at `{}` is only read here; open it without `read_only` to write",
        dir.display()
    );
    let class = class(py, "DiskReadOnlyError");
    let error = class.and_then(|class| class.call1((message,)));
    error.map_or_else(|error| error, PyErr::from_value)
}

/// The error, with what the operating system said as its cause.
fn made(py: Python<'_>, name: &str, error: &(dyn Error + 'static)) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let value = class(py, name)?.call1((error.to_string(),))?;
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>());
        let Some(source) = source else {
            return Ok(PyErr::from_value(value));
        };
        // With a number, Python makes it the `OSError` that fits.
        let cause = match source.raw_os_error() {
            Some(number) => {
                value.setattr("errno", number)?;
                let text = py.import("os")?.call_method1("strerror", (number,))?;
                PyOSError::new_err((number, text.unbind()))
            }
            None => PyOSError::new_err(source.to_string()),
        };
        let made = PyErr::from_value(value);
        made.set_cause(py, Some(cause));
        Ok(made)
    };
    make().unwrap_or_else(|error| error)
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("refrain_cache._errors")?.getattr(name)
}
