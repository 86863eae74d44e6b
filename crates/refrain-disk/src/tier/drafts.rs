//! Names of unfinished files, counted on from a random number, so that no two tiers of a folder have the same.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::names::{TEMPORARY, unfinished};

#[derive(Debug)]
pub(super) struct Drafts {
    first: u64,
    count: AtomicU64,
}

impl Drafts {
    pub(super) fn new() -> Self {
        Self {
            first: RandomState::new().hash_one(std::process::id()),
            count: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> String {
        // Relaxed: a number is only to be another one.
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        unfinished(self.first.wrapping_add(count))
    }

    /// Whether this gave the name.
    pub(super) fn is_own(&self, name: &str) -> bool {
        let number = name
            .strip_prefix(TEMPORARY)
            .and_then(|name| name.strip_prefix('/'));
        let number = number.and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| {
            number.wrapping_sub(self.first) < self.count.load(Ordering::Relaxed)
        })
    }
}
