//! The flight of a tiered cache: it looks into the tiers, and stores a computed value there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::codec::Codec;
use crate::cache::Cache;
use crate::catch::catch;
use crate::computed::{Computed, EntryOptions, Keep};
use crate::entry::{Answer, EntryInfo};
use crate::key::Key;
use crate::outcome::{Insertion, Outcome, TierName};
use crate::store::Judged;
use crate::tier::{Invalidated, Lease, Metadata, Ticket, TierEntry, Tiers, Unread};

/// Whether a caller accepts a stored value.
pub(super) type Accept<V> = Arc<dyn Fn(&V, &EntryInfo) -> bool + Send + Sync>;

/// A memory, the tiers below it, and the way between them.
pub(super) struct Obtaining<V> {
    pub(super) memory: Cache<Key, V>,
    pub(super) tiers: Tiers,
    pub(super) codec: Box<dyn Codec<V>>,
}

/// What a flight is to do.
pub(super) struct Task<V> {
    pub(super) key: Key,
    /// Options of the request.
    pub(super) options: EntryOptions,
    pub(super) refresh: bool,
    /// Whether it may wait for another process that computes the same; `None`, if no other is to wait for it either.
    pub(super) waits: Option<bool>,
    pub(super) accept: Option<Accept<V>>,
}

impl<V> Task<V> {
    /// Whether an older value may be there that the next caller must not get any more.
    fn replaces(&self) -> bool {
        self.refresh || self.accept.is_some()
    }
}

/// What a flight knows that has loaded nothing.
pub(super) struct Absent {
    /// The moment at which the computation begins.
    valid: Ticket,
    /// Something was there, and not accepted.
    refused: bool,
    /// Kept until the result is stored: others wait for it.
    leases: Vec<Lease>,
}

/// A value that was in a tier.
struct FoundBelow<V> {
    value: V,
    info: EntryInfo,
    tier: TierName,
    /// The length of a body that is not in memory.
    left_below: Option<u64>,
}

impl<V: Clone + Send + Sync + 'static> Obtaining<V> {
    /// Loads the value of a task, or says what its computation begins with.
    pub(super) async fn load(&self, task: &Task<V>) -> Result<Computed<V>, Absent> {
        if task.replaces() {
            // What was computed earlier and is on its way to a tier must not come after what this flight gives.
            self.tiers.invalidations().key(&task.key);
        }
        // Before anything is looked at: what is invalidated from now on is not stored.
        let valid = self.tiers.begin();
        if task.refresh {
            return Err(Absent {
                valid,
                refused: true,
                leases: Vec::new(),
            });
        }
        let accept = task.accept.as_ref();
        let refused = match self.find(task.key, accept, &valid).await {
            Ok(found) => return Ok(found.computed()),
            Err(refused) => refused,
        };
        let leases = match task.waits {
            Some(waits) => self.tiers.lease(task.key, waits).await,
            None => Vec::new(),
        };
        if leases.is_empty() {
            return Err(Absent {
                valid,
                refused,
                leases,
            });
        }
        // What was invalidated before the lease was given does not concern what is computed from now on.
        let valid = self.tiers.begin();
        if leases.iter().any(Lease::looks_again)
            && let Ok(found) = self.find(task.key, accept, &valid).await
        {
            leases.iter().for_each(Lease::stored);
            return Ok(found.computed());
        }
        Err(Absent {
            valid,
            refused,
            leases,
        })
    }

    /// What another process has invalidated is not given from memory any more.
    pub(super) fn forget_in_memory(&self, invalidated: &Invalidated) {
        match invalidated {
            Invalidated::Key(key) => drop(self.memory.invalidate(key)),
            Invalidated::Tag(tag) => drop(self.memory.invalidate_tag(tag)),
            Invalidated::All => drop(self.memory.invalidate_all()),
        }
    }

    /// Stores what was computed for a task, after nothing was loaded and in the time `took`, in the tiers.
    pub(super) async fn keep(
        &self,
        task: &Task<V>,
        mut computed: Computed<V>,
        took: Duration,
        absent: &Absent,
    ) -> Computed<V> {
        computed.took = Some(took);
        computed.refreshed = absent.refused;
        if computed.keep != Keep::Store || computed.loaded.is_some() {
            return computed;
        }
        let mut options = computed.options.clone().or(&task.options);
        options.cost.get_or_insert(took);
        let (value, valid) = (&computed.value, &absent.valid);
        let (below, left_below) = self
            .store(task.key, value, &options, valid, task.replaces())
            .await;
        computed.below = below;
        if !computed.below.is_empty() {
            absent.leases.iter().for_each(Lease::stored);
        }
        if let Some(length) = left_below {
            computed.options.weight_bytes = Some(length);
            computed.only_below = true;
        }
        computed
    }

    /// Stores a value in the tiers; those that have it then, the topmost first, and the length of a body that is not in memory.
    async fn store(
        &self,
        key: Key,
        value: &V,
        options: &EntryOptions,
        valid: &Ticket,
        replaces: bool,
    ) -> (Vec<TierName>, Option<u64>) {
        if self.tiers.is_empty() {
            return (Vec::new(), None);
        }
        let lifetime = options.time_to_live.or_else(|| self.memory.time_to_live());
        let lifetime = lifetime.filter(|lifetime| *lifetime != Duration::MAX);
        let encoded = match lifetime {
            Some(Duration::ZERO) => None,
            _ => catch(|| self.codec.encode(value))
                .ok()
                .and_then(Result::ok)
                .flatten(),
        };
        let Some(mut entry) = encoded else {
            if replaces {
                self.tiers.forget(key).await;
            }
            return (Vec::new(), None);
        };
        let left_below = entry.body.whole().is_none().then(|| entry.body.len());
        entry.metadata.cost = options.cost.unwrap_or_default();
        entry.metadata.expires_in = lifetime;
        entry.metadata.tags = options.tags.as_deref().unwrap_or_default().to_vec();
        let stored = if replaces {
            self.tiers.replace(key, entry, valid).await
        } else {
            self.tiers.store(key, entry, valid).await
        };
        let has_it = |(tier, stored)| matches!(stored, Ok(Insertion::Stored)).then_some(tier);
        let below = stored.into_iter().rev().filter_map(has_it).collect();
        (below, left_below)
    }

    /// What a tier has for `key` that is accepted; or else whether there is something that is not.
    async fn find(
        &self,
        key: Key,
        accept: Option<&Accept<V>>,
        valid: &Ticket,
    ) -> Result<FoundBelow<V>, bool> {
        if self.tiers.is_empty() {
            return Err(false);
        }
        let refused = AtomicBool::new(false);
        let whole_up_to = if self.codec.streams() {
            self.tiers.back_fill_limit()
        } else {
            u64::MAX
        };
        let read = |entry: &TierEntry| {
            let value = self.codec.decode(entry).map_err(|_| Unread::Unreadable)?;
            let left_below = entry.body.whole().is_none().then(|| entry.body.len());
            let info = self.info(&key, &value, &entry.metadata, left_below);
            if accept.is_some_and(|accept| !accept(&value, &info)) {
                // Relaxed: it is read by the same caller.
                refused.store(true, Ordering::Relaxed);
                return Err(Unread::Unwelcome);
            }
            Ok((value, info, left_below, self.memory.inner.clock.elapsed()))
        };
        let found = self.tiers.load_with(key, valid, whole_up_to, read).await;
        let ((value, mut info, left_below, read_at), tier) =
            found.ok_or_else(|| refused.load(Ordering::Relaxed))?;
        // Copying it up took its time.
        let passed = self.memory.inner.clock.elapsed().saturating_sub(read_at);
        info.expires_in = info.expires_in.map(|left| left.saturating_sub(passed));
        Ok(FoundBelow {
            value,
            info,
            tier,
            left_below,
        })
    }

    /// What is known of a value that comes into memory now.
    fn info(
        &self,
        key: &Key,
        value: &V,
        metadata: &Metadata,
        left_below: Option<u64>,
    ) -> EntryInfo {
        let inner = &self.memory.inner;
        EntryInfo {
            weight_bytes: left_below.unwrap_or_else(|| inner.weigh(key, value)),
            cost: metadata.cost,
            age: Duration::ZERO,
            expires_in: metadata.expires_in,
            written_at: inner.clock.wall(),
            hits: 0,
            tags: metadata.tags.clone().into(),
        }
    }

    /// What is in memory for `key`, if it is accepted: a hit, which the tiers hear of.
    pub(super) fn in_memory(&self, key: &Key, accept: Option<&Accept<V>>) -> Judged<Answer<V>> {
        let inner = &self.memory.inner;
        let accept = |value: &V, info: &EntryInfo| accept.is_none_or(|accept| accept(value, info));
        match inner.lookup_if(key, inner.hash(key), accept) {
            Judged::Accepted(entry) => {
                self.tiers.touch(key);
                Judged::Accepted(Answer {
                    value: entry.value,
                    outcome: Outcome::Hit,
                    info: entry.info,
                })
            }
            Judged::Refused => Judged::Refused,
            Judged::Expired | Judged::Nothing => Judged::Nothing,
        }
    }

    /// What is stored for `key`, without computing anything; counted as a hit, a load or a miss.
    pub(super) async fn stored(&self, key: Key, accept: Option<&Accept<V>>) -> Option<Answer<V>> {
        let inner = &self.memory.inner;
        if let Judged::Accepted(hit) = self.in_memory(&key, accept) {
            return Some(hit);
        }
        // Not put into memory: only a flight knows whether it is invalidated meanwhile.
        let valid = self.tiers.begin();
        let Ok(found) = self.find(key, accept, &valid).await else {
            inner.recorder().miss();
            return None;
        };
        let EntryInfo {
            weight_bytes, cost, ..
        } = found.info;
        inner.counters.count_load(weight_bytes, cost);
        Some(found.answer())
    }

    /// What is stored for `key`, not counted in memory.
    pub(super) async fn peek(&self, key: Key) -> Option<Answer<V>> {
        if let Some(entry) = self.memory.peek_entry(&key) {
            return Some(Answer {
                value: entry.value,
                outcome: Outcome::Hit,
                info: entry.info,
            });
        }
        let valid = self.tiers.begin();
        Some(self.find(key, None, &valid).await.ok()?.answer())
    }

    /// Stores a value everywhere, in place of what is there and of what is being computed.
    pub(super) async fn insert(&self, key: Key, value: V, options: EntryOptions) -> Insertion {
        // What is being computed is older than this value, in the tiers too.
        self.tiers.invalidations().key(&key);
        let valid = self.tiers.begin();
        let (below, left_below) = self.store(key, &value, &options, &valid, true).await;
        if valid.is_overtaken(&key, options.tags.as_deref().unwrap_or_default()) {
            // A later call knows better what belongs here. What is in memory may be older than both.
            self.memory.invalidate(&key);
            return Insertion::Invalidated;
        }
        if left_below.is_some() {
            // What is in memory is older, and what is below is read from there.
            self.memory.invalidate(&key);
            return if below.is_empty() {
                Insertion::Declined
            } else {
                Insertion::Stored
            };
        }
        let inserted = self.memory.insert_with(key, value, options.clone());
        if valid.is_overtaken(&key, options.tags.as_deref().unwrap_or_default()) {
            self.memory.invalidate(&key);
            return Insertion::Invalidated;
        }
        match inserted {
            Insertion::Overweight | Insertion::Declined if !below.is_empty() => Insertion::Stored,
            inserted => inserted,
        }
    }

    pub(super) fn count_those_in_memory_alone(&self) -> u64 {
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = self.memory.entries(cursor, 1024);
            let is_alone = |(key, _): &&(Key, EntryInfo)| !self.tiers.contains(key);
            count += page.entries.iter().filter(is_alone).count() as u64;
            cursor = page.next;
            if cursor.is_none() {
                return count;
            }
        }
    }
}

impl<V> FoundBelow<V> {
    /// As the outcome of a flight.
    fn computed(self) -> Computed<V> {
        let mut computed = Computed::new(self.value)
            .loaded(self.tier)
            .cost(self.info.cost)
            .time_to_live(self.info.expires_in.unwrap_or(Duration::MAX));
        computed.options.tags = Some(self.info.tags);
        if let Some(length) = self.left_below {
            computed.options.weight_bytes = Some(length);
            computed = computed.share_only();
        }
        computed
    }

    fn answer(self) -> Answer<V> {
        Answer {
            value: self.value,
            outcome: Outcome::Loaded {
                tier: self.tier,
                collapsed: false,
            },
            info: self.info,
        }
    }
}
