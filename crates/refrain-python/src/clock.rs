//! The clock of this crate: no other file asks for the time.

use std::time::{Duration, Instant, SystemTime};

use pyo3::prelude::*;

/// Seconds since some zero: of the machine's monotonic clock, or of a function the user gave.
pub(crate) struct Clock {
    source: Source,
    /// What to add for seconds since 1970.
    to_wall: f64,
}

enum Source {
    Monotonic(Instant),
    Function(Py<PyAny>),
}

impl Clock {
    /// With `function`, the number it returns is the time in seconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that everybody else asks"
    )]
    pub(crate) fn new(py: Python<'_>, function: Option<Py<PyAny>>) -> PyResult<Self> {
        let mut clock = Self {
            source: function.map_or_else(|| Source::Monotonic(Instant::now()), Source::Function),
            to_wall: 0.0,
        };
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        clock.to_wall = since_1970.as_secs_f64() - clock.now(py)?;
        Ok(clock)
    }

    /// Seconds; may run code of the user's, so no lock is held around it.
    pub(crate) fn now(&self, py: Python<'_>) -> PyResult<f64> {
        match &self.source {
            Source::Monotonic(start) => Ok(start.elapsed().as_secs_f64()),
            Source::Function(function) => function.call0(py)?.extract(py),
        }
    }

    /// Seconds, unless the clock is the user's.
    pub(crate) fn machine_now(&self) -> Option<f64> {
        match &self.source {
            Source::Monotonic(start) => Some(start.elapsed().as_secs_f64()),
            Source::Function(_) => None,
        }
    }

    /// The machine's clock has no function that could be part of a cycle of references.
    pub(crate) fn function(&self) -> Option<&Py<PyAny>> {
        match &self.source {
            Source::Monotonic(_) => None,
            Source::Function(function) => Some(function),
        }
    }

    /// A time of [`now`](Self::now) in seconds since 1970.
    pub(crate) fn wall(&self, time: f64) -> f64 {
        time + self.to_wall
    }
}

/// A duration that Python wrote in seconds: above the range it is for ever, zero and below it is nothing.
pub(crate) fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() {
        return Err(pyo3::exceptions::PyValueError::new_err(format!(
            "`{name}` is not a number; give seconds, or None"
        )));
    }
    if seconds <= 0.0 {
        return Ok(Duration::ZERO);
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
