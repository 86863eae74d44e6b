//! The options of an entry that a caller gives.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use refrain::{Computed, EntryOptions};

use crate::clock::seconds;
use crate::value::Value;

#[derive(Clone)]
pub(super) struct Options {
    pub(super) time_to_live: Option<Duration>,
    pub(super) tags: Vec<Arc<str>>,
    cost: Option<Duration>,
}

impl Options {
    pub(super) fn new(
        ttl_seconds: Option<f64>,
        cost_seconds: Option<f64>,
        tags: Vec<String>,
    ) -> PyResult<Self> {
        let cost = cost_seconds.map(|cost| seconds("cost_seconds", cost));
        let time_to_live = ttl_seconds.map(|ttl| seconds("ttl_seconds", ttl));
        Ok(Self {
            time_to_live: time_to_live.transpose()?,
            cost: cost.transpose()?,
            tags: tags.into_iter().map(Arc::from).collect(),
        })
    }

    pub(super) fn entry(self) -> EntryOptions {
        let mut options = EntryOptions::default().tags(self.tags);
        if let Some(time_to_live) = self.time_to_live {
            options = options.time_to_live(time_to_live);
        }
        if let Some(cost) = self.cost {
            options = options.cost(cost);
        }
        options
    }

    pub(super) fn computed(self, value: Value) -> Computed<Value> {
        Computed::new(value).with(self.entry())
    }
}
