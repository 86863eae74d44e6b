//! Fixed-point amounts of memory: callers state megabytes of 1,048,576 bytes as floating-point numbers.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Millionths of a byte.
///
/// Sums of floats drift: ten times 0.1 is less than 1, and 0.1 + 0.2 is more than 0.3. In this unit a size written
/// with up to six decimals is a whole number, and so is a size in bytes, so sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(u64);

/// Units in one megabyte.
const PER_MB: f64 = 1_048_576.0 * 1_000_000.0;

impl Amount {
    pub(super) const NOTHING: Self = Self(0);

    /// From `mb`, rounded to the unit; sizes that are too large (17 TB) become the largest amount.
    pub(super) fn from_mb(name: &str, mb: f64) -> PyResult<Self> {
        if mb.is_nan() || mb < 0.0 {
            return Err(PyValueError::new_err(format!(
                "`{name}` is {mb} but must be a number of megabytes, 0 or more"
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative: checked above; a cast from float saturates"
        )]
        Ok(Self((mb * PER_MB).round() as u64))
    }

    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    pub(super) fn mb(self) -> f64 {
        if self == Self(u64::MAX) {
            return f64::INFINITY;
        }
        self.0 as f64 / PER_MB
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// A sum without one of its parts.
    pub(super) fn minus(self, part: Self) -> Self {
        Self(self.0.saturating_sub(part.0))
    }

    /// Whether `other` can be added without going beyond `limit`.
    pub(super) fn has_room_for(self, other: Self, limit: Self) -> bool {
        self.0
            .checked_add(other.0)
            .is_some_and(|sum| sum <= limit.0)
    }
}
