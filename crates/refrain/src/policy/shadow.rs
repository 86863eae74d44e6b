//! A shadow cache by spatial sampling (SHARDS): how much exact LRU would have saved on the same requests.
//!
//! It is a list of keys in order of last use, with weights and costs but no values. When it outgrows its limit it goes on
//! with half of the keys, chosen by their fingerprints, in half of the capacity; the requests that are left then count
//! twice. Waldspurger, Park, Garthwaite and Ahmad, "Efficient MRC Construction with SHARDS" (FAST 2015), show why a
//! sample by key of a few thousand is enough.
//!
//! It knows nothing of invalidation by tag and of keys that were removed when they were not resident.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate; weights are rounded in the same way when they come and when they go"
)]

use std::time::Duration;

use hashbrown::HashTable;

use super::{Candidate, Moment, Sampling};

/// Keys that are followed at most: with 24 bytes each and an index of 16,384 places, 0.5 MB.
const KEYS_MAX: usize = 14_336;
/// No entry.
const NONE: u32 = u32::MAX;
/// Never.
const NEVER: u32 = u32::MAX;

/// This cache and exact LRU of the same capacity, on the requests seen.
///
/// Where only a share of the keys is followed, the numbers are what that share comes to for all: a few keys that are asked
/// for very often may be in it or not, so it is the difference between the two that means something.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VersusLru {
    /// Requests seen.
    pub requests: f64,
    /// Hits of this cache.
    pub hits: f64,
    /// Hits of LRU.
    pub lru_hits: f64,
    /// Seconds that all results took to compute.
    pub cost_seconds: f64,
    /// Seconds saved by the hits of this cache.
    pub saved_seconds: f64,
    /// Seconds saved by the hits of LRU.
    pub lru_saved_seconds: f64,
}

/// Keys in order of last use, within a capacity.
#[derive(Debug)]
pub(super) struct ShadowLru {
    entries: Vec<Entry>,
    index: HashTable<u32>,
    /// Most and least recently used.
    newest: u32,
    oldest: u32,
    vacant: u32,
    held_bytes: u64,
    capacity_bytes: u64,
    capacity_entries: u64,
    /// Keys are followed one in 2 to the power of this.
    power: u32,
    versus: VersusLru,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    fingerprint: u64,
    weight_bytes: f32,
    /// Second in which it expires.
    expires: u32,
    newer: u32,
    older: u32,
}

impl ShadowLru {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
            newest: NONE,
            oldest: NONE,
            vacant: NONE,
            held_bytes: 0,
            capacity_bytes: u64::MAX,
            capacity_entries: u64::MAX,
            power: 0,
            versus: VersusLru::default(),
        }
    }

    pub(super) fn versus(&self) -> VersusLru {
        self.versus
    }

    pub(super) fn reset(&mut self) {
        self.versus = VersusLru::default();
    }

    pub(super) fn set_capacity(&mut self, bytes: u64, entries: u64) {
        (self.capacity_bytes, self.capacity_entries) = (bytes, entries);
        self.shrink();
    }

    /// Keys that are followed.
    pub(super) fn sampling(&self) -> Sampling {
        Sampling::one_in_power_of_two(self.power)
    }

    /// Follows no more keys than are reported.
    pub(super) fn follow(&mut self, reported: Sampling) {
        if reported.power() > self.power {
            self.thin_out(reported.power());
        }
    }

    /// A request for a key, served by this cache or not.
    pub(super) fn request(&mut self, candidate: &Candidate, hit: bool, now: Moment) {
        if !self.sampling().takes(candidate.fingerprint) {
            return;
        }
        let scale = f64::from(1_u32 << self.power);
        let cost = f64::from(candidate.cost_seconds) * scale;
        self.versus.requests += scale;
        self.versus.cost_seconds += cost;
        if hit {
            self.versus.hits += scale;
            self.versus.saved_seconds += cost;
        }
        let second = u32::try_from(now.time.as_secs()).unwrap_or(NEVER);
        if let Some(at) = self.find(candidate.fingerprint) {
            if self.entries[at as usize].expires > second {
                self.versus.lru_hits += scale;
                self.versus.lru_saved_seconds += cost;
                self.unlink(at);
                self.link(at);
                return;
            }
            self.remove(candidate.fingerprint);
        }
        self.store(candidate);
    }

    pub(super) fn remove(&mut self, fingerprint: u64) {
        if let Some(at) = self.find(fingerprint) {
            self.take_out(at);
        }
    }

    pub(super) fn clear(&mut self) {
        let (power, versus) = (self.power, self.versus);
        let (bytes, entries) = (self.capacity_bytes, self.capacity_entries);
        *self = Self::new();
        (self.power, self.versus) = (power, versus);
        (self.capacity_bytes, self.capacity_entries) = (bytes, entries);
    }

    fn store(&mut self, candidate: &Candidate) {
        if candidate.weight_bytes > self.capacity_bytes {
            return;
        }
        if self.index.len() == KEYS_MAX {
            self.thin_out(self.power + 1);
            // Fingerprints that have no bits to choose by are not thinned out.
            if self.index.len() == KEYS_MAX {
                self.take_out(self.oldest);
            }
            if !self.sampling().takes(candidate.fingerprint) {
                return;
            }
        }
        let entry = Entry {
            fingerprint: candidate.fingerprint,
            weight_bytes: candidate.weight_bytes as f32,
            expires: candidate.expires.map_or(NEVER, seconds_up),
            newer: NONE,
            older: NONE,
        };
        let at = if let Some(vacant) = self.entries.get_mut(self.vacant as usize) {
            let at = std::mem::replace(&mut self.vacant, vacant.older);
            *vacant = entry;
            at
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("there are a few thousand")
        };
        let entries = &self.entries;
        self.index.insert_unique(entry.fingerprint, at, |at| {
            entries[*at as usize].fingerprint
        });
        self.held_bytes += entry.weight_bytes as u64;
        self.link(at);
        self.shrink();
    }

    /// Lets the oldest go until the rest fits into this share of the capacity.
    fn shrink(&mut self) {
        while self.held_bytes > self.capacity_bytes >> self.power
            || self.index.len() as u64 > self.capacity_entries >> self.power
        {
            // The share of a cache of few large results may be less than one of them, which stays for the while.
            if self.index.len() <= 1 {
                break;
            }
            self.take_out(self.oldest);
        }
    }

    /// Goes on with one key in 2 to the power of `power`.
    fn thin_out(&mut self, power: u32) {
        self.power = power;
        let sampling = self.sampling();
        let mut at = self.oldest;
        while at != NONE {
            let entry = self.entries[at as usize];
            if !sampling.takes(entry.fingerprint) {
                self.take_out(at);
            }
            at = entry.newer;
        }
        self.shrink();
    }

    fn find(&self, fingerprint: u64) -> Option<u32> {
        self.index
            .find(fingerprint, |at| {
                self.entries[*at as usize].fingerprint == fingerprint
            })
            .copied()
    }

    fn take_out(&mut self, at: u32) {
        self.unlink(at);
        let entry = &mut self.entries[at as usize];
        self.held_bytes -= entry.weight_bytes as u64;
        entry.older = std::mem::replace(&mut self.vacant, at);
        if let Ok(found) = self
            .index
            .find_entry(entry.fingerprint, |other| *other == at)
        {
            found.remove();
        }
    }

    /// Makes it the newest.
    fn link(&mut self, at: u32) {
        let before = std::mem::replace(&mut self.newest, at);
        self.entries[at as usize].newer = NONE;
        self.entries[at as usize].older = before;
        match self.entries.get_mut(before as usize) {
            Some(before) => before.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let Entry { newer, older, .. } = self.entries[at as usize];
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }

    pub(super) fn validate(&self) {
        let (mut count, mut bytes, mut at, mut newer) = (0, 0, self.newest, NONE);
        while at != NONE {
            let entry = &self.entries[at as usize];
            assert_eq!(entry.newer, newer, "links agree in both directions");
            assert_eq!(self.find(entry.fingerprint), Some(at), "every key is found");
            assert!(
                self.sampling().takes(entry.fingerprint),
                "only keys of the sample are followed"
            );
            count += 1;
            bytes += entry.weight_bytes as u64;
            (newer, at) = (at, entry.older);
        }
        assert_eq!(
            (newer, count, bytes),
            (self.oldest, self.index.len(), self.held_bytes)
        );
        assert!(self.index.len() <= KEYS_MAX);
    }
}

fn seconds_up(time: Duration) -> u32 {
    let whole = time.as_secs();
    u32::try_from(whole.saturating_add(u64::from(time.subsec_nanos() > 0))).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests;
