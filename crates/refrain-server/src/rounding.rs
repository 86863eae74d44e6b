//! The rounding of numbers in documents.

use std::time::Duration;

use serde_json::Number;

use crate::config::BYTES_PER_MB;

/// Megabytes of 1,048,576 bytes, to two decimals.
#[expect(clippy::cast_precision_loss, reason = "two decimals are kept")]
pub(crate) fn rounded_mb(bytes: u64) -> f64 {
    rounded(bytes as f64 / BYTES_PER_MB as f64)
}

/// To two decimals.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Seconds to the millisecond.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Seconds, without a fraction when they are whole.
pub(crate) fn seconds_value(duration: Duration) -> Number {
    if duration.subsec_nanos() == 0 {
        Number::from(duration.as_secs())
    } else {
        Number::from_f64(duration.as_secs_f64()).unwrap_or_else(|| Number::from(duration.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_decimals_and_whole_seconds_none() {
        assert_eq!(rounded_mb(1_572_864).to_string(), "1.5");
        assert_eq!(rounded_mb(1).to_string(), "0");
        assert_eq!(rounded(200.0 / 3.0).to_string(), "66.67");
        assert_eq!(seconds_value(Duration::from_secs(60)).to_string(), "60");
        assert_eq!(
            seconds_value(Duration::from_millis(1500)).to_string(),
            "1.5"
        );
    }
}
