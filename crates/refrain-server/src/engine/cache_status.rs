//! `Cache-Status` (RFC 9211): what the cache did with a request.

use axum::http::{HeaderName, HeaderValue};
use refrain::Insertion;

use crate::engine::outcome::How;

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The value for an answer that came to be like this.
pub(crate) fn of(how: How) -> HeaderValue {
    let text = match how {
        How::Hit { expires_in: None } => "refrain; hit".to_owned(),
        How::Hit {
            expires_in: Some(left),
        } => format!("refrain; hit; ttl={}", left.as_secs()),
        How::Miss { stored, on_disk } => format!("refrain; fwd=miss{}", fate(stored, on_disk)),
        How::Collapsed { stored } => {
            // Whether it was stored is the leader's to tell; a follower only tells why not.
            let fate = if stored == Insertion::Stored {
                ""
            } else {
                fate(stored, false)
            };
            format!("refrain; fwd=miss; collapsed{fate}")
        }
        How::Refreshed { stored, on_disk } => {
            format!("refrain; fwd=request{}", fate(stored, on_disk))
        }
        How::NotKept => "refrain; fwd=request".to_owned(),
        How::SwitchedOff => "refrain; fwd=bypass; detail=\"DISABLE_RESULT_CACHE\"".to_owned(),
    };
    HeaderValue::try_from(text).expect("the texts above are visible ASCII")
}

/// The value for a request that may not be generated and has no stored result.
pub(crate) fn not_cached() -> HeaderValue {
    HeaderValue::from_static("refrain; fwd=miss; detail=\"only-if-cached\"")
}

fn fate(stored: Insertion, on_disk: bool) -> &'static str {
    match stored {
        // It survives a restart, and a power cut.
        _ if on_disk => "; stored; detail=\"on disk\"",
        Insertion::Stored => "; stored",
        Insertion::Overweight => "; detail=\"larger than the cache\"",
        Insertion::Declined => "; detail=\"not worth its place\"",
        Insertion::Invalidated => "; detail=\"invalidated meanwhile\"",
        Insertion::Expired => "; detail=\"no time to live\"",
        _ => "; detail=\"not to be stored\"",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_outcome_has_its_registered_words() {
        let hit = How::Hit {
            expires_in: Some(Duration::from_millis(86_399_900)),
        };
        let yes = Insertion::Stored;
        for (how, value) in [
            (hit, "refrain; hit; ttl=86399"),
            (How::Hit { expires_in: None }, "refrain; hit"),
            (
                How::Miss {
                    stored: yes,
                    on_disk: false,
                },
                "refrain; fwd=miss; stored",
            ),
            (
                How::Miss {
                    stored: Insertion::Overweight,
                    on_disk: true,
                },
                "refrain; fwd=miss; stored; detail=\"on disk\"",
            ),
            (
                How::Collapsed { stored: yes },
                "refrain; fwd=miss; collapsed",
            ),
            (
                How::Refreshed {
                    stored: yes,
                    on_disk: false,
                },
                "refrain; fwd=request; stored",
            ),
            (How::NotKept, "refrain; fwd=request"),
            (
                How::SwitchedOff,
                "refrain; fwd=bypass; detail=\"DISABLE_RESULT_CACHE\"",
            ),
            (
                How::Miss {
                    stored: Insertion::Overweight,
                    on_disk: false,
                },
                "refrain; fwd=miss; detail=\"larger than the cache\"",
            ),
        ] {
            assert_eq!(of(how), value);
        }
    }
}
