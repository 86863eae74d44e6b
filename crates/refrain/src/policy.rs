//! Which entries stay: the policies `lru`, `gdsf` and `hazard` as pure structures.
//!
//! Nothing in here locks, reads a clock, does I/O or draws random numbers: the cache tells the tick and
//! the time with each call, so recorded requests replay through the code that ships.
//! `docs/eviction.md` explains the policies and has the measurements.
//!
//! # How a cache drives it
//!
//! An entry is named by its *slot*, a dense number below 2^31. Each slot carries a *word* of 64 bits, which
//! [`Policy::touch`] turns into the next one: a hit is a load, a little arithmetic and a store, under no lock.
//! Everything else happens under one lock over the whole [`Eviction`]:
//!
//! * A hit may be reported later, with [`learn`](Eviction::learn) in batches; if it is lost nothing breaks.
//!   Those worth reporting are named by [`sampling`](Eviction::sampling).
//! * A miss is reported with [`miss`](Eviction::miss), before the value is computed.
//! * To store, [`admit`](Eviction::admit) names the victims or declines; the cache frees the victims, fills a slot with
//!   the word that it was given and calls [`insert`](Eviction::insert). [`readmit`](Eviction::readmit) does the same for a
//!   key that is resident already.
//! * An entry that leaves for another reason is reported with [`expire`](Eviction::expire), which remembers how it was
//!   used, or [`remove`](Eviction::remove), which does not.
//! * A smaller capacity takes [`evict`](Eviction::evict) until enough is free.
//!
//! Whatever is asked of [`Residents`] about a slot must be answered until the call returns that reports its leaving.

mod by_slot;
mod calendar;
mod gdsf;
mod hazard;
mod heap;
mod lru;
mod pace;
#[cfg(test)]
mod testing;

use std::time::Duration;

use gdsf::Gdsf;
use hazard::Hazard;
use lru::Lru;

/// Which entries a full cache gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Policy {
    /// The least recently used, exactly.
    Lru,
    /// The one with the least frequency × cost / weight, with aging.
    Gdsf,
    /// The one that saves the least computation time per byte and time held, by rates of reuse that it learns.
    #[default]
    Hazard,
}

impl Policy {
    /// The word of an entry after one more use at `tick`; 0 is the word of a key never used.
    ///
    /// Ticks count requests: each request has a greater one than the last.
    #[must_use]
    pub fn touch(self, word: u64, tick: u64) -> u64 {
        match self {
            Self::Lru => tick,
            Self::Gdsf => gdsf::touch(word, tick),
            Self::Hazard => hazard::touch(word, tick),
        }
    }
}

/// What the policies ask of the cache about an entry, by slot.
pub trait Residents {
    /// The packed history of use, as [`Policy::touch`] left it.
    fn word(&self, slot: u32) -> u64;
    /// Bytes the entry is charged with.
    fn weight_bytes(&self, slot: u32) -> u64;
    /// Seconds it took to compute.
    fn cost_seconds(&self, slot: u32) -> f32;
    /// A hash of the key, 64 bits of it. Two keys with the same one only cost accuracy.
    fn fingerprint(&self, slot: u32) -> u64;
    /// When it expires, on the clock of [`Moment::time`].
    fn expires(&self, slot: u32) -> Option<Duration>;
}

/// Now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Requests so far.
    pub tick: u64,
    /// Time since the cache was built.
    pub time: Duration,
}

/// A hit that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The entry.
    pub slot: u32,
    /// Its word before the hit.
    pub before: u64,
    /// The tick of the hit.
    pub tick: u64,
}

/// Which hits are worth reporting: all those of a share of the slots, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    mask: u32,
}

impl Sampling {
    /// Every hit.
    pub const ALL: Self = Self { mask: 0 };
    /// No hit.
    pub const NONE: Self = Self { mask: 1 };
    /// Never fewer than one in 256.
    const POWER_MAX: u32 = 8;
    /// Above the bit of [`Self::NONE`], where a product is well mixed.
    const SHIFT: u32 = 20;

    /// The hits of one slot in 2 to the power of `power`.
    fn one_in_power_of_two(power: u32) -> Self {
        let mask = ((1 << power.min(Self::POWER_MAX)) - 1) << Self::SHIFT;
        Self { mask }
    }

    /// Whether the hits of this slot are to be reported.
    #[must_use]
    pub fn takes(self, slot: u32) -> bool {
        (slot.wrapping_mul(0x9e37_79b9) | 1) & self.mask == 0
    }

    /// Requests in which so many are sampled.
    fn requests_per(self, sampled: u64) -> u64 {
        sampled << self.mask.count_ones()
    }

    /// As a number, to be published to those who hold no lock.
    #[must_use]
    pub fn to_bits(self) -> u32 {
        self.mask
    }

    /// What [`to_bits`](Self::to_bits) was called on.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self { mask: bits }
    }
}

/// An entry that asks to be stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// A hash of the key, as [`Residents::fingerprint`].
    pub fingerprint: u64,
    /// Bytes it would be charged with.
    pub weight_bytes: u64,
    /// Seconds it took to compute.
    pub cost_seconds: f32,
    /// When it expires.
    pub expires: Option<Duration>,
}

/// What the cache holds, and what has to leave before the candidate fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Bytes held before.
    pub held_bytes: u64,
    /// Bytes missing.
    pub missing_bytes: u64,
    /// Entries too many.
    pub missing_entries: u64,
}

impl Space {
    fn is_enough(self) -> bool {
        self.missing_bytes == 0 && self.missing_entries == 0
    }

    /// After an entry of `weight_bytes` has left.
    fn without(self, weight_bytes: u64) -> Self {
        Self {
            held_bytes: self.held_bytes.saturating_sub(weight_bytes),
            missing_bytes: self.missing_bytes.saturating_sub(weight_bytes),
            missing_entries: self.missing_entries.saturating_sub(1),
        }
    }
}

/// Whether an entry is worth its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Store it in a slot with this word, after the victims have left.
    Admit {
        /// What [`Residents::word`] must say of it from now on.
        word: u64,
    },
    /// Serve it and forget it: what it would displace saves more.
    Decline,
}

/// A saved state that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// They do not begin as one does.
    #[error("these bytes are no saved policy state")]
    NotAState,
    /// It was written by another version.
    #[error("saved policy state has version {found}; this build reads version {readable}")]
    Version {
        /// The version it has.
        found: u32,
        /// The version that can be read.
        readable: u32,
    },
    /// It was cut short, or bytes of it have changed.
    #[error("saved policy state is damaged; start without it and the policy learns anew")]
    Damaged,
    /// The policy learns nothing.
    #[error("policy `{policy}` has no state to load")]
    NoState {
        /// Its name.
        policy: &'static str,
    },
}

/// One policy at work over one cache.
#[derive(Debug)]
pub struct Eviction {
    policy: Policy,
    order: Order,
}

#[derive(Debug)]
enum Order {
    Lru(Box<Lru>),
    Gdsf(Box<Gdsf>),
    Hazard(Box<Hazard>),
}

impl Eviction {
    /// `policy` over an empty cache.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let order = match policy {
            Policy::Lru => Order::Lru(Box::new(Lru::new())),
            Policy::Gdsf => Order::Gdsf(Box::new(Gdsf::new())),
            Policy::Hazard => Order::Hazard(Box::new(Hazard::new())),
        };
        Self { policy, order }
    }

    /// Which policy it is.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// How many entries are in order.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.order {
            Order::Lru(lru) => lru.len(),
            Order::Gdsf(gdsf) => gdsf.len(),
            Order::Hazard(hazard) => hazard.len(),
        }
    }

    /// Whether there is nothing to evict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which hits [`learn`](Self::learn) has a use for; it changes with the rate of requests.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        match &self.order {
            Order::Lru(_) | Order::Gdsf(_) => Sampling::NONE,
            Order::Hazard(hazard) => hazard.sampling(),
        }
    }

    /// Learns from hits, in the order in which they happened.
    pub fn learn(&mut self, residents: &impl Residents, hits: &[Hit]) {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.learn(residents, hits);
        }
    }

    /// Learns from a miss: `fingerprint` was asked for and is about to be computed.
    pub fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.miss(residents, fingerprint, now);
        }
    }

    /// Decides whether `candidate` is stored, and appends to `victims` what has to leave for it.
    ///
    /// Victims are out of the order when this returns; the cache frees them without further word. A candidate
    /// heavier than the whole cache is for [`decline`](Self::decline), as nothing could make room for it.
    pub fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        match &mut self.order {
            Order::Lru(lru) => lru.admit(residents, space, now, victims),
            Order::Gdsf(gdsf) => gdsf.admit(residents, candidate, 0, space, now, victims),
            Order::Hazard(hazard) => hazard.admit(residents, candidate, space, now, victims),
        }
    }

    /// The same for a new value of the key in `slot`, which is out of the order afterwards.
    ///
    /// `space` is what is missing once the old value has left. If it is admitted, the slot takes the new value and word and
    /// is [inserted](Self::insert) again; if it is declined, the cache frees the slot.
    pub fn readmit(
        &mut self,
        residents: &impl Residents,
        slot: u32,
        candidate: &Candidate,
        space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        match &mut self.order {
            Order::Lru(lru) => {
                lru.remove(slot);
                lru.admit(residents, space, now, victims)
            }
            Order::Gdsf(gdsf) => {
                gdsf.remove(slot);
                gdsf.admit(
                    residents,
                    candidate,
                    residents.word(slot),
                    space,
                    now,
                    victims,
                )
            }
            Order::Hazard(hazard) => {
                hazard.expire(residents, slot, now);
                hazard.admit(residents, candidate, space, now, victims)
            }
        }
    }

    /// Remembers a candidate that is not stored because it is heavier than the whole cache.
    pub fn decline(&mut self, candidate: &Candidate, now: Moment) {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.decline(candidate, now);
        }
    }

    /// Puts `slot` in order: it has just been filled with what was admitted.
    pub fn insert(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        match &mut self.order {
            Order::Lru(lru) => lru.insert(residents, slot),
            Order::Gdsf(gdsf) => gdsf.insert(residents, slot),
            Order::Hazard(hazard) => hazard.insert(residents, slot, now),
        }
    }

    /// Takes `slot` out of the order and remembers how it was used; whether it was in order.
    pub fn expire(&mut self, residents: &impl Residents, slot: u32, now: Moment) -> bool {
        match &mut self.order {
            Order::Hazard(hazard) => hazard.expire(residents, slot, now),
            _ => self.remove(slot),
        }
    }

    /// Takes `slot` out of the order and forgets it; whether it was in order.
    pub fn remove(&mut self, slot: u32) -> bool {
        match &mut self.order {
            Order::Lru(lru) => lru.remove(slot),
            Order::Gdsf(gdsf) => gdsf.remove(slot),
            Order::Hazard(hazard) => hazard.remove(slot),
        }
    }

    /// The entry that would leave next.
    pub fn worst(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        match &mut self.order {
            Order::Lru(lru) => lru.worst(residents),
            Order::Gdsf(gdsf) => gdsf.worst(residents),
            Order::Hazard(hazard) => hazard.worst(residents, now),
        }
    }

    /// Takes the entry that has to leave next out of the order.
    pub fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        match &mut self.order {
            Order::Lru(lru) => lru.evict(residents),
            Order::Gdsf(gdsf) => gdsf.evict(residents, now),
            Order::Hazard(hazard) => hazard.evict(residents, now),
        }
    }

    /// What was learned so far, to be [loaded](Self::load) after a restart; `None` for a policy that learns nothing.
    #[must_use]
    pub fn save(&self, now: Moment) -> Option<Vec<u8>> {
        match &self.order {
            Order::Lru(_) | Order::Gdsf(_) => None,
            Order::Hazard(hazard) => Some(hazard.save(now)),
        }
    }

    /// Goes on from what [`save`](Self::save) returned, perhaps of another process with other ticks.
    ///
    /// # Errors
    ///
    /// When the bytes are not a whole state of this version, or this policy has none. Then nothing changes.
    pub fn load(&mut self, bytes: &[u8], now: Moment) -> Result<(), StateError> {
        match &mut self.order {
            Order::Lru(_) => Err(StateError::NoState { policy: "lru" }),
            Order::Gdsf(_) => Err(StateError::NoState { policy: "gdsf" }),
            Order::Hazard(hazard) => hazard.load(bytes, now),
        }
    }

    /// Bytes this structure takes, without the words.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        match &self.order {
            Order::Lru(lru) => lru.memory_bytes(),
            Order::Gdsf(gdsf) => gdsf.memory_bytes(),
            Order::Hazard(hazard) => hazard.memory_bytes(),
        }
    }

    /// Checks every invariant, for tests.
    ///
    /// # Panics
    ///
    /// When one is broken.
    pub fn validate(&self, residents: &impl Residents) {
        match &self.order {
            Order::Lru(lru) => lru.validate(residents),
            Order::Gdsf(gdsf) => gdsf.validate(residents),
            Order::Hazard(hazard) => hazard.validate(),
        }
    }
}
