//! A result on its way to a client, and how it came to be.

use std::time::Duration;

use refrain::{EntryInfo, Insertion};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Key;
use crate::engine::result::{Loaded, StoredResult};

/// A result and how it came to be.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) key: Key,
    pub(crate) result: StoredResult,
    pub(crate) how: How,
    /// Time since it was generated.
    pub(crate) age: Duration,
}

/// How a result came to be. What it says to clients is in `cache_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It was stored. `expires_in` is how much longer; `None` is for ever.
    Hit { expires_in: Option<Duration> },
    /// It was not, so it was generated.
    Miss { stored: Insertion, on_disk: bool },
    /// Somebody else's generation was running already.
    Collapsed { stored: Insertion },
    /// The client did not want a stored one.
    Refreshed { stored: Insertion, on_disk: bool },
    /// The client did not want it kept.
    NotKept,
    /// The cache is switched off.
    SwitchedOff,
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
            key,
            result,
            how: How::Hit {
                expires_in: info.expires_in,
            },
        }
    }

    /// One that came from the disk.
    pub(crate) fn loaded(key: Key, loaded: Loaded) -> Self {
        Self {
            key,
            result: loaded.result,
            how: How::Hit {
                expires_in: loaded.expires_in,
            },
            age: loaded.age,
        }
    }

    pub(crate) fn outcome(&self) -> OutcomeWord {
        match self.how {
            How::Hit { .. } => OutcomeWord::Hit,
            How::Collapsed { .. } => OutcomeWord::Collapsed,
            How::Miss { .. } | How::Refreshed { .. } | How::NotKept | How::SwitchedOff => {
                OutcomeWord::Miss
            }
        }
    }

    /// Whether it can be fetched by its key now.
    pub(crate) fn is_stored(&self) -> bool {
        match self.how {
            How::Hit { .. } => true,
            How::Miss { stored, on_disk } | How::Refreshed { stored, on_disk } => {
                on_disk || stored == Insertion::Stored
            }
            How::Collapsed { stored } => stored == Insertion::Stored || self.result.is_on_disk(),
            How::NotKept | How::SwitchedOff => false,
        }
    }
}
