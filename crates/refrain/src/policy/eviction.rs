//! One policy of two behind one interface, and its comparison with LRU.

use super::hazard::Hazard;
use super::lru::Lru;
use super::shadow::{ShadowLru, VersusLru};
use super::{Admission, Candidate, Hit, Moment, Policy, Residents, Sampling, Space, StateError};

/// The order of all entries of a cache.
#[derive(Debug)]
pub struct Eviction {
    policy: Policy,
    order: Ranks,
    /// What LRU would have done; not for LRU itself.
    shadow: Option<Box<ShadowLru>>,
}

/// The entries in the order of one policy.
#[derive(Debug)]
enum Ranks {
    Lru(Box<Lru>),
    Hazard(Box<Hazard>),
}

impl Eviction {
    /// `policy` over an empty cache.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let order = match policy {
            Policy::Lru => Ranks::Lru(Box::new(Lru::new())),
            Policy::Hazard => Ranks::Hazard(Box::new(Hazard::new())),
        };
        let shadow = (policy != Policy::Lru).then(|| Box::new(ShadowLru::new()));
        Self {
            policy,
            order,
            shadow,
        }
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
            Ranks::Lru(lru) => lru.len(),
            Ranks::Hazard(hazard) => hazard.len(),
        }
    }

    /// Whether there is nothing to evict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries that will probably leave next, from what is at hand.
    #[must_use]
    #[inline]
    pub fn upcoming(&self) -> [Option<u32>; 2] {
        match &self.order {
            Ranks::Lru(lru) => lru.upcoming(),
            Ranks::Hazard(hazard) => hazard.upcoming(),
        }
    }

    /// The capacity that LRU is given in the [comparison](Self::versus_lru); without limits until then.
    pub fn set_capacity(&mut self, bytes: u64, entries: u64) {
        if let Some(shadow) = &mut self.shadow {
            shadow.set_capacity(bytes, entries);
        }
    }

    /// Which hits [`learn`](Self::learn) has a use for; it changes with the number of keys that are followed.
    #[must_use]
    #[inline]
    pub fn sampling(&self) -> Sampling {
        match &self.order {
            Ranks::Lru(_) => Sampling::NONE,
            Ranks::Hazard(hazard) => hazard.sampling(),
        }
    }

    /// Learns from hits, in the order in which they happened.
    pub fn learn(&mut self, residents: &impl Residents, hits: &[Hit], now: Moment) {
        if let Ranks::Hazard(hazard) = &mut self.order {
            for hit in hits {
                hazard.hit(residents, *hit);
            }
        }
        for hit in hits {
            if self.contains(hit.slot) {
                self.compare(&resident(residents, hit.slot), true, now);
            }
        }
    }

    fn contains(&self, slot: u32) -> bool {
        match &self.order {
            Ranks::Lru(lru) => lru.contains(slot),
            Ranks::Hazard(hazard) => hazard.contains(slot),
        }
    }

    /// Lets LRU have its turn with a request.
    fn compare(&mut self, candidate: &Candidate, hit: bool, now: Moment) {
        let reported = self.sampling();
        if let Some(shadow) = &mut self.shadow
            && shadow.sampling().takes(candidate.fingerprint)
        {
            shadow.follow(reported);
            shadow.request(candidate, hit, now);
        }
    }

    /// Learns from a miss: `fingerprint` was asked for and is about to be computed.
    #[inline]
    pub fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        if let Ranks::Hazard(hazard) = &mut self.order {
            hazard.miss(residents, fingerprint, now);
        }
    }

    /// Decides whether `candidate` is stored, and appends to `victims` what has to leave for it.
    ///
    /// Victims are out of the order when this returns; the cache frees them without further word. A candidate
    /// heavier than the whole cache is for [`decline`](Self::decline), as nothing could make room for it.
    #[inline]
    pub fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        self.compare(candidate, false, now);
        match &mut self.order {
            Ranks::Lru(lru) => lru.admit(residents, space, now, victims),
            Ranks::Hazard(hazard) => hazard.admit(residents, candidate, space, now, victims),
        }
    }

    /// The key in `slot` gets the value of `candidate`, which takes a slot of its own: `slot` is out of the order
    /// afterwards. The word for the new one.
    pub fn replace(
        &mut self,
        residents: &impl Residents,
        slot: u32,
        candidate: &Candidate,
        now: Moment,
    ) -> u64 {
        let word = match &mut self.order {
            Ranks::Lru(lru) => {
                lru.remove(slot);
                now.tick
            }
            Ranks::Hazard(hazard) => hazard.replace(residents, slot),
        };
        self.forget_in_comparison(residents.fingerprint(slot));
        self.compare(candidate, false, now);
        word
    }

    /// Remembers a candidate that is not stored because it is heavier than the whole cache.
    pub fn decline(&mut self, candidate: &Candidate, now: Moment) {
        self.compare(candidate, false, now);
        if let Ranks::Hazard(hazard) = &mut self.order {
            hazard.decline(candidate, now);
        }
    }

    /// Puts `slot` in order: it has just been filled with what was admitted.
    #[inline]
    pub fn insert(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        match &mut self.order {
            Ranks::Lru(lru) => lru.insert(residents, slot),
            Ranks::Hazard(hazard) => hazard.insert(residents, slot, now),
        }
    }

    /// Takes `slot` out of the order and remembers how it was used; whether it was in order.
    pub fn expire(&mut self, residents: &impl Residents, slot: u32, now: Moment) -> bool {
        if let Ranks::Hazard(hazard) = &mut self.order {
            hazard.remember(residents, slot, now);
        }
        self.remove(residents, slot)
    }

    /// Takes `slot` out of the order and forgets it; whether it was in order.
    pub fn remove(&mut self, residents: &impl Residents, slot: u32) -> bool {
        let found = match &mut self.order {
            Ranks::Lru(lru) => lru.remove(slot),
            Ranks::Hazard(hazard) => hazard.remove(slot),
        };
        if found {
            self.forget_in_comparison(residents.fingerprint(slot));
        }
        found
    }

    /// The key was taken out of the cache, so LRU would not have it either.
    fn forget_in_comparison(&mut self, fingerprint: u64) {
        let is_empty = self.is_empty();
        if let Some(shadow) = &mut self.shadow {
            if shadow.sampling().takes(fingerprint) {
                shadow.remove(fingerprint);
            }
            // Nothing is left, so everything was invalidated, what only LRU would still have had included.
            if is_empty {
                shadow.clear();
            }
        }
    }

    /// This cache and LRU on the same requests, those of a sample of the keys; `None` if the policy is LRU.
    #[must_use]
    pub fn versus_lru(&self) -> Option<VersusLru> {
        self.shadow.as_ref().map(|shadow| shadow.versus())
    }

    /// Begins the comparison anew.
    pub fn reset_versus_lru(&mut self) {
        if let Some(shadow) = &mut self.shadow {
            shadow.reset();
        }
    }

    /// The entry that would leave next.
    pub fn worst(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        match &mut self.order {
            Ranks::Lru(lru) => lru.worst(residents),
            Ranks::Hazard(hazard) => hazard.worst(residents, now),
        }
    }

    /// Takes the entry that has to leave next out of the order.
    pub fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        match &mut self.order {
            Ranks::Lru(lru) => lru.evict(residents),
            Ranks::Hazard(hazard) => hazard.evict(residents, now),
        }
    }

    /// What was learned so far, to be [loaded](Self::load) after a restart; `None` for a policy that learns nothing.
    #[must_use]
    pub fn save(&self, now: Moment) -> Option<Vec<u8>> {
        match &self.order {
            Ranks::Lru(_) => None,
            Ranks::Hazard(hazard) => Some(hazard.save(now)),
        }
    }

    /// Goes on from what [`save`](Self::save) returned, perhaps of another process with other ticks.
    ///
    /// # Errors
    ///
    /// When the bytes are not a whole state of this version, or this policy has none. Then nothing changes.
    pub fn load(&mut self, bytes: &[u8], now: Moment) -> Result<(), StateError> {
        match &mut self.order {
            Ranks::Lru(_) => Err(StateError::NoState {
                policy: self.policy.name(),
            }),
            Ranks::Hazard(hazard) => hazard.load(bytes, now),
        }
    }

    /// Bytes this structure takes, without the words.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let order = match &self.order {
            Ranks::Lru(lru) => lru.memory_bytes(),
            Ranks::Hazard(hazard) => hazard.memory_bytes(),
        };
        let shadow = self.shadow.as_ref();
        order + shadow.map_or(0, |shadow| shadow.memory_bytes())
    }

    /// Checks every invariant, for tests.
    ///
    /// # Panics
    ///
    /// When one is broken.
    pub fn validate(&self, residents: &impl Residents) {
        match &self.order {
            Ranks::Lru(lru) => lru.validate(residents),
            Ranks::Hazard(hazard) => hazard.validate(),
        }
        if let Some(shadow) = &self.shadow {
            shadow.validate();
        }
    }
}

fn resident(residents: &impl Residents, slot: u32) -> Candidate {
    Candidate {
        fingerprint: residents.fingerprint(slot),
        weight_bytes: residents.weight_bytes(slot),
        cost_seconds: residents.cost_seconds(slot),
        expires: residents.expires(slot),
    }
}
