//! A cache without values, which asks the policy that ships what to keep.

use std::collections::HashMap;
use std::time::Duration;

use refrain::policy::{Admission, Candidate, Eviction, Hit, Moment, Policy, Residents, Space};

use super::Replayed;
use super::trace::Request;

/// Hits reported at a time.
const HITS: usize = 64;

#[derive(Debug)]
pub(crate) struct Simulation {
    eviction: Eviction,
    entries: Entries,
    index: HashMap<u64, u32>,
    vacant: Vec<u32>,
    capacity_bytes: u64,
    held_bytes: u64,
    now: Moment,
    hits: Vec<Hit>,
    victims: Vec<u32>,
}

/// What is stored, by slot.
#[derive(Debug, Default)]
struct Entries(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    word: u64,
    request: Request,
}

impl Entries {
    fn at(&self, slot: u32) -> &Entry {
        &self.0[slot as usize]
    }
}

impl Residents for Entries {
    fn word(&self, slot: u32) -> u64 {
        self.at(slot).word
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        self.at(slot).request.weight_bytes
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        self.at(slot).request.cost_seconds
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        self.at(slot).request.key
    }

    fn expires(&self, _slot: u32) -> Option<Duration> {
        None
    }
}

impl Replayed for Simulation {
    fn request(&mut self, request: Request) -> bool {
        self.now.tick += 1;
        // One a second: no rate at which effort would have to be spared.
        self.now.time += Duration::from_secs(1);
        if let Some(&slot) = self.index.get(&request.key) {
            self.hit(slot);
            return true;
        }
        self.report_hits();
        self.eviction.miss(&self.entries, request.key, self.now);
        let candidate = Candidate {
            fingerprint: request.key,
            weight_bytes: request.weight_bytes,
            cost_seconds: request.cost_seconds,
            expires: None,
        };
        if request.weight_bytes > self.capacity_bytes {
            self.eviction.decline(&candidate, self.now);
        } else {
            self.store(&candidate, request);
        }
        false
    }
}

impl Simulation {
    pub(crate) fn new(policy: Policy, capacity_bytes: u64) -> Self {
        Self {
            eviction: Eviction::new(policy),
            entries: Entries::default(),
            index: HashMap::new(),
            vacant: Vec::new(),
            capacity_bytes,
            held_bytes: 0,
            now: Moment::default(),
            hits: Vec::new(),
            victims: Vec::new(),
        }
    }

    fn hit(&mut self, slot: u32) {
        let fingerprint = self.entries.fingerprint(slot);
        let word = &mut self.entries.0[slot as usize].word;
        if self.eviction.sampling().takes(fingerprint) {
            self.hits.push(Hit {
                slot,
                before: *word,
                tick: self.now.tick,
            });
        }
        *word = self.eviction.policy().touch(*word, self.now.tick);
        if self.hits.len() == HITS {
            self.report_hits();
        }
    }

    fn report_hits(&mut self) {
        self.eviction.learn(&self.entries, &self.hits, self.now);
        self.hits.clear();
    }

    fn store(&mut self, candidate: &Candidate, request: Request) {
        let wanted = self.held_bytes + candidate.weight_bytes;
        let space = Space {
            held_bytes: self.held_bytes,
            missing_bytes: wanted.saturating_sub(self.capacity_bytes),
            missing_entries: 0,
        };
        let admission =
            self.eviction
                .admit(&self.entries, candidate, space, self.now, &mut self.victims);
        for victim in self.victims.drain(..) {
            let gone = self.entries.at(victim).request;
            self.index.remove(&gone.key);
            self.held_bytes -= gone.weight_bytes;
            self.vacant.push(victim);
        }
        let Admission::Admit { word } = admission else {
            return;
        };
        let entry = Entry { word, request };
        let slot = if let Some(slot) = self.vacant.pop() {
            self.entries.0[slot as usize] = entry;
            slot
        } else {
            self.entries.0.push(entry);
            u32::try_from(self.entries.0.len() - 1).expect("traces are shorter")
        };
        self.index.insert(request.key, slot);
        self.held_bytes += request.weight_bytes;
        self.eviction.insert(&self.entries, slot, self.now);
    }
}
