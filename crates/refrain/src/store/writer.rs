//! The data under the store's lock: the writer's side of index, order, expiry and places.

use super::expiry::Expiry;
use super::index::{self, IndexWriter};
use super::segments::MAX_ELEMENTS;
use super::slots::Tenancy;
use crate::entry::RemovalCause;
use crate::policy::{Eviction, Hit};
use crate::stats::Stats;

/// All that only the holder of the lock may touch.
pub(super) struct Writer {
    pub(super) index: IndexWriter,
    pub(super) eviction: Eviction,
    /// Slots by the millisecond in which they expire.
    pub(super) expiry: Expiry,
    pub(super) tenancy: Tenancy,
    pub(super) counts: Counts,
    /// What leaves for an entry; empty in between.
    pub(super) victims: Vec<u32>,
    /// Hits on their way to the policy; empty in between.
    pub(super) hits: Vec<Hit>,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) insertions: u64,
    replacements: u64,
    evictions_by_count: u64,
    evictions_by_size: u64,
    expirations: u64,
    invalidations: u64,
    pub(super) overweight: u64,
    pub(super) declined: u64,
}

/// Slots that are ever used, so that each can be named in every structure.
pub(super) const MAX_SLOTS: u32 = if index::MAX_SLOTS < MAX_ELEMENTS {
    index::MAX_SLOTS
} else {
    MAX_ELEMENTS
};

impl Writer {
    pub(super) fn new(eviction: Eviction, index: IndexWriter, tenancy: Tenancy) -> Self {
        Self {
            index,
            eviction,
            expiry: Expiry::new(),
            tenancy,
            counts: Counts::default(),
            victims: Vec::new(),
            hits: Vec::new(),
        }
    }
}

impl Counts {
    pub(super) fn count(&mut self, cause: RemovalCause) {
        match cause {
            RemovalCause::EvictedByCount => self.evictions_by_count += 1,
            RemovalCause::EvictedBySize => self.evictions_by_size += 1,
            RemovalCause::Expired => self.expirations += 1,
            RemovalCause::Invalidated => self.invalidations += 1,
            RemovalCause::Replaced => self.replacements += 1,
        }
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        stats.insertions += self.insertions;
        stats.replacements += self.replacements;
        stats.evictions_by_count += self.evictions_by_count;
        stats.evictions_by_size += self.evictions_by_size;
        stats.expirations += self.expirations;
        stats.invalidations += self.invalidations;
        stats.overweight += self.overweight;
        stats.declined += self.declined;
    }
}
