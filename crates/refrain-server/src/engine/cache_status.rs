//! `Cache-Status` (RFC 9211): what the cache did with a request.

use axum::http::{HeaderName, HeaderValue};
use refrain::Insertion;

use super::outcome::{Begun, How};

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The value for an answer that came to be like this.
pub(crate) fn of(how: &How) -> HeaderValue {
    let text = match how {
        How::Hit { expires_in: None } => "refrain; hit".to_owned(),
        How::Hit {
            expires_in: Some(left),
        } => format!("refrain; hit; ttl={}", left.as_secs()),
        How::Miss { stored, on_disk } => {
            format!("{}{}", words(&Begun::Miss), fate(*stored, *on_disk))
        }
        How::Collapsed { stored } => {
            // Whether it was stored is the leader's to tell; a waiter only tells why not.
            let fate = if *stored == Insertion::Stored {
                ""
            } else {
                fate(*stored, false)
            };
            format!("{}{fate}", words(&Begun::Collapsed))
        }
        How::Refreshed { stored, on_disk } => {
            format!("{}{}", words(&Begun::Refreshed), fate(*stored, *on_disk))
        }
        How::Alone(begun) => words(begun),
    };
    value(&text)
}

/// The value for an answer whose body is still being generated.
pub(crate) fn begun(begun: &Begun) -> HeaderValue {
    value(&words(begun))
}

/// The value for a request that may not be generated and has no stored result.
pub(crate) fn not_cached() -> HeaderValue {
    HeaderValue::from_static("refrain; fwd=miss; detail=\"only-if-cached\"")
}

fn words(begun: &Begun) -> String {
    match begun {
        Begun::Miss => "refrain; fwd=miss".to_owned(),
        Begun::Collapsed => "refrain; fwd=miss; collapsed".to_owned(),
        Begun::Refreshed | Begun::NotKept => "refrain; fwd=request".to_owned(),
        Begun::SwitchedOff => "refrain; fwd=bypass; detail=\"DISABLE_RESULT_CACHE\"".to_owned(),
        Begun::Bypassed(reason) => format!("refrain; fwd=bypass; detail=\"{}\"", reason.as_str()),
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("the texts above are visible ASCII")
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
    use crate::generators::BypassReason;

    #[test]
    fn every_outcome_has_its_registered_words() {
        let hit = How::Hit {
            expires_in: Some(Duration::from_millis(86_399_900)),
        };
        let miss = |stored, on_disk| How::Miss { stored, on_disk };
        let yes = Insertion::Stored;
        let refreshed = How::Refreshed {
            stored: yes,
            on_disk: false,
        };
        for (how, value) in [
            (hit, "refrain; hit; ttl=86399"),
            (How::Hit { expires_in: None }, "refrain; hit"),
            (miss(yes, false), "refrain; fwd=miss; stored"),
            (
                miss(Insertion::Overweight, true),
                "refrain; fwd=miss; stored; detail=\"on disk\"",
            ),
            (
                miss(Insertion::Overweight, false),
                "refrain; fwd=miss; detail=\"larger than the cache\"",
            ),
            (
                How::Collapsed { stored: yes },
                "refrain; fwd=miss; collapsed",
            ),
            (refreshed, "refrain; fwd=request; stored"),
            (How::Alone(Begun::NotKept), "refrain; fwd=request"),
            (
                How::Alone(Begun::SwitchedOff),
                "refrain; fwd=bypass; detail=\"DISABLE_RESULT_CACHE\"",
            ),
            (
                How::Alone(Begun::Bypassed(BypassReason::new("no seed"))),
                "refrain; fwd=bypass; detail=\"no seed\"",
            ),
        ] {
            assert_eq!(of(&how), value);
        }
    }
}
