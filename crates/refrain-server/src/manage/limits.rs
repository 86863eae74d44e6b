//! The limits of the cache that can be changed while it runs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use refrain::Capacity;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::config::{MAX_TTL, ServerConfig, megabytes};
use crate::engine::Engine;
use crate::request::fields::Fields;
use crate::rounding::seconds_value;

/// The limits in force. One lock around reading, checking and applying makes a change atomic.
#[derive(Debug)]
pub(crate) struct Limits(Mutex<InForce>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct InForce {
    max_entries: u64,
    /// As it was given; the cache has it in whole bytes.
    max_memory_mb: f64,
    ttl: Option<Duration>,
}

/// The limits of the cache.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ConfigDocument {
    /// Most results kept at once.
    #[schema(example = 1000)]
    pub(crate) max_size: u64,
    /// Most memory that results may take, in units of 1,048,576 bytes.
    #[schema(example = 512.0)]
    pub(crate) max_memory_mb: f64,
    /// How long a result is kept from when it is stored; `null` is for ever.
    #[schema(value_type = Option<f64>, example = 86400)]
    pub(crate) default_ttl_seconds: Option<serde_json::Number>,
    /// Whether results are kept at all. Set at the start only.
    pub(crate) cache_enabled: bool,
}

/// What a change may hold. What is left out stays as it is.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; `Change` reads it"
)]
pub(crate) struct ConfigChange {
    /// Most results kept at once.
    #[schema(minimum = 1)]
    max_size: Option<u64>,
    /// Most memory that results may take, in units of 1,048,576 bytes; more than 0.
    #[schema(exclusive_minimum = 0)]
    max_memory_mb: Option<f64>,
    /// How long results that are stored from now on are kept, up to a hundred years; `null` is for ever.
    #[schema(exclusive_minimum = 0, maximum = 3_153_600_000_u64)]
    default_ttl_seconds: Option<f64>,
}

impl Limits {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self(Mutex::new(InForce {
            max_entries: config.max_entries,
            max_memory_mb: config.max_memory_mb,
            ttl: config.ttl,
        }))
    }

    pub(crate) fn document(&self, engine: &Engine) -> ConfigDocument {
        let limits = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.document(engine)
    }

    /// Checks the whole change, then applies it; a bad field changes nothing.
    pub(crate) fn change(
        &self,
        change: Fields,
        engine: &Engine,
    ) -> Result<ConfigDocument, Problem> {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = limits.changed_by(change)?;
        engine.cache().set_capacity(Capacity {
            bytes: megabytes(changed.max_memory_mb),
            entries: changed.max_entries,
        });
        engine.cache().set_time_to_live(changed.ttl);
        *limits = changed;
        Ok(changed.document(engine))
    }
}

impl InForce {
    fn changed_by(self, mut change: Fields) -> Result<Self, Problem> {
        let max_entries = change.unsigned("max_size", 1..=u64::MAX)?;
        let max_memory_mb = change.number("max_memory_mb")?;
        if let Some(mb) = max_memory_mb {
            // The upper end is where the bytes no longer fit 64 bits.
            if megabytes(mb) == 0 || megabytes(mb) == u64::MAX {
                return Err(change.refused(
                    "max_memory_mb",
                    "must be more than 0 and less than 17592186044416",
                ));
            }
        }
        let ttl = if change.take_null("default_ttl_seconds") {
            None
        } else {
            match change.number("default_ttl_seconds")? {
                Some(seconds) => Some(time_to_live(seconds, &change)?),
                None => self.ttl,
            }
        };
        change.finish()?;
        Ok(Self {
            max_entries: max_entries.unwrap_or(self.max_entries),
            max_memory_mb: max_memory_mb.unwrap_or(self.max_memory_mb),
            ttl,
        })
    }

    fn document(self, engine: &Engine) -> ConfigDocument {
        ConfigDocument {
            max_size: self.max_entries,
            max_memory_mb: self.max_memory_mb,
            default_ttl_seconds: self.ttl.map(seconds_value),
            cache_enabled: engine.cache_enabled(),
        }
    }
}

fn time_to_live(seconds: f64, change: &Fields) -> Result<Duration, Problem> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|ttl| !ttl.is_zero() && *ttl <= MAX_TTL)
        .ok_or_else(|| {
            let allowed = format!(
                "must be more than 0 and at most {}, or null for no limit",
                MAX_TTL.as_secs()
            );
            change.refused("default_ttl_seconds", &allowed)
        })
}
