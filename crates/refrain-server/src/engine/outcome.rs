//! A result on its way to a client, and how it came to be.

use std::time::Duration;

use refrain::{EntryInfo, Insertion};
use serde::Serialize;
use utoipa::ToSchema;

use super::result::StoredResult;
use crate::Key;
use crate::generators::BypassReason;

/// A result and how it came to be.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// None for a request that the cache takes no part in.
    pub(crate) key: Option<Key>,
    pub(crate) result: StoredResult,
    pub(crate) how: How,
    /// Time since it was generated.
    pub(crate) age: Duration,
}

/// How a result came to be. What it says to clients is in `cache_status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    /// It was stored. `expires_in` is how much longer; `None` is for ever.
    Hit { expires_in: Option<Duration> },
    /// It was not, so it was generated.
    Miss { stored: Insertion, on_disk: bool },
    /// It was being generated for another caller.
    Collapsed { stored: Insertion },
    /// The client did not want a stored one.
    Refreshed { stored: Insertion, on_disk: bool },
    /// It was generated for this caller alone.
    Alone(Begun),
}

/// How a result comes to be that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begun {
    /// There was none, so it is generated.
    Miss,
    /// It is being generated for another caller.
    Collapsed,
    /// The client did not want a stored one.
    Refreshed,
    /// The client did not want it kept.
    NotKept,
    /// The cache is switched off.
    SwitchedOff,
    /// The request has no key.
    Bypassed(BypassReason),
}

/// How a result came to be, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutcomeWord {
    /// It was stored.
    Hit,
    /// It was generated for this request.
    Miss,
    /// It was generated for another request that came earlier, and shared.
    Collapsed,
}

impl Served {
    pub(crate) fn hit(key: Key, result: StoredResult, info: &EntryInfo) -> Self {
        Self {
            age: result.age(info),
            key: Some(key),
            result,
            how: How::Hit {
                expires_in: info.expires_in,
            },
        }
    }

    pub(crate) fn outcome(&self) -> OutcomeWord {
        match self.how {
            How::Hit { .. } => OutcomeWord::Hit,
            How::Collapsed { .. } => OutcomeWord::Collapsed,
            How::Miss { .. } | How::Refreshed { .. } | How::Alone(_) => OutcomeWord::Miss,
        }
    }

    /// The key under which it can be fetched now.
    pub(crate) fn stored_under(&self) -> Option<Key> {
        let is_stored = match self.how {
            How::Hit { .. } => true,
            How::Miss { stored, on_disk } | How::Refreshed { stored, on_disk } => {
                on_disk || stored == Insertion::Stored
            }
            How::Collapsed { stored } => stored == Insertion::Stored,
            How::Alone(_) => false,
        };
        self.key.filter(|_| is_stored)
    }
}
