//! The middle of several rounds, and both ends.

use serde_json::{Value, json};

use crate::batch::lossy;
use crate::statistics;

/// The middle of several rounds, and both ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        Self {
            median: statistics::median(&values),
            min: values.iter().copied().fold(f64::NAN, f64::min),
            max: values.iter().copied().fold(f64::NAN, f64::max),
        }
    }

    pub(super) fn seconds(self) -> String {
        self.shown(|value| format!("{value:.2}"), " s")
    }

    pub(super) fn times(self) -> String {
        self.shown(|value| format!("{value:.3}"), " x")
    }

    pub(super) fn percent(self) -> String {
        self.shown(|value| format!("{:.1}", value * 100.0), " %")
    }

    pub(super) fn megabytes(self) -> String {
        self.shown(|value| format!("{:.0}", value / (1024.0 * 1024.0)), " MB")
    }

    /// The median, and the ends when they read differently.
    fn shown(self, show: impl Fn(f64) -> String, unit: &str) -> String {
        let (median, min, max) = (show(self.median), show(self.min), show(self.max));
        if min == max {
            format!("{median}{unit}")
        } else {
            format!("{median}{unit} ({min} to {max})")
        }
    }

    pub(super) fn to_json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

pub(super) fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

/// 1 MB is 1,048,576 bytes.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", lossy(bytes) / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0, 10.0].into_iter());
        assert_eq!(spread.seconds(), "2.50 s (1.00 to 10.00)");
        assert_eq!(Spread::of([3.0].into_iter()).times(), "3.000 x");
    }
}
