//! The tier beside a model of what it promises, while the power fails at any moment.

use std::collections::BTreeMap;

use super::*;
use crate::format::CHUNK_BYTES;

/// What a key may be found with: nothing is always allowed, as entries are evicted.
#[derive(Debug, Default, Clone)]
struct Known {
    /// Versions that may be there, and when each expires.
    allowed: BTreeMap<u64, Option<Duration>>,
    /// The version that has been acknowledged, as long as nothing has happened to it.
    stored: Option<u64>,
}

struct Run {
    seed: u64,
    rng: Rng,
    world: World,
    tier: Option<DiskTier>,
    known: BTreeMap<u8, Known>,
    version: u64,
    early: Vec<(u8, crate::Ticket)>,
    /// Bodies that come piece by piece, and what has come of each.
    growing: Vec<Growing>,
    /// How many of them were stored.
    streamed: u32,
}

struct Growing {
    n: u8,
    writer: crate::EntryWriter,
    version: u64,
    bytes: Vec<u8>,
    come: usize,
    /// Whether the key was invalidated since it began.
    is_late: bool,
}

const KEYS: u8 = 9;

/// Bytes that prove whose they are.
fn payload(n: u8, version: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![n];
    bytes.extend(version.to_le_bytes());
    bytes.resize(9 + len, n ^ version.to_le_bytes()[0]);
    bytes
}

fn tags_of(n: u8) -> &'static [&'static str] {
    if n % 2 == 1 { &["odd"] } else { &[] }
}

impl Run {
    fn new(seed: u64) -> Self {
        // Where one chunk fits, and where none does.
        let blocks = if seed.is_multiple_of(2) {
            12
        } else {
            12 + 5 * u64::from(CHUNK_BYTES) / (2 * BLOCK)
        };
        let world = World::new(blocks);
        let tier = Some(world.open());
        Self {
            seed,
            rng: Rng::with_seed(seed),
            world,
            tier,
            known: (0..KEYS).map(|n| (n, Known::default())).collect(),
            version: 0,
            early: Vec::new(),
            growing: Vec::new(),
            streamed: 0,
        }
    }

    fn tier(&self) -> &DiskTier {
        self.tier.as_ref().expect("it is open between the steps")
    }

    fn step(&mut self) {
        let n = self.rng.u8(..KEYS);
        match self.rng.u32(..100) {
            0..30 => self.store(n, None),
            30..35 if self.growing.len() < 2 => self.begin_to_stream(n),
            30..45 => self.stream_on(),
            45..65 => self.load(n),
            65..72 => self.early.push((n, self.tier().begin())),
            72..77 => {
                if !self.early.is_empty() {
                    let (n, ticket) = self.early.remove(0);
                    self.store(n, Some(ticket));
                }
            }
            77..82 => {
                let done = self.tier().invalidate(&key(n)).is_ok();
                self.forget(done, |other| other == n);
            }
            82..84 => {
                let done = self.tier().invalidate_tag("odd").is_ok();
                self.forget(done, |other| other % 2 == 1);
            }
            84..85 => {
                let done = self.tier().invalidate_all().is_ok();
                self.forget(done, |_| true);
            }
            85..90 => self
                .world
                .hands
                .advance(Duration::from_secs(self.rng.u64(..20))),
            90..92 => {
                let at = self.rng.u64(..6);
                let kind = *self
                    .rng
                    .choice(&[ErrorKind::Other, ErrorKind::StorageFull])
                    .unwrap();
                self.world.fail(at, false, kind);
            }
            92..96 => self.crash(),
            _ => {
                self.restart();
                self.check_everything();
            }
        }
    }

    fn store(&mut self, n: u8, early: Option<crate::Ticket>) {
        self.version += 1;
        let version = self.version;
        let bytes = payload(n, version, self.rng.usize(..4 * 4096));
        let ttl = self
            .rng
            .bool()
            .then(|| Duration::from_secs(self.rng.u64(1..30)));
        let entry = NewEntry::new(&bytes)
            .tags(tags_of(n).iter().copied())
            .time_to_live(ttl);
        let is_early = early.is_some();
        let ticket = early.unwrap_or_else(|| self.tier().begin());
        let stored = self.tier().store(&ticket, &key(n), &entry);
        let expires = ttl.map(|ttl| self.world.clock.elapsed() + ttl);
        let known = self.known.get_mut(&n).expect("all keys are known");
        match stored {
            Ok(Insertion::Stored) => {
                known.allowed = BTreeMap::from([(version, expires)]);
                known.stored = Some(version);
                // Nothing has happened since, so it is there.
                self.world.disk.plan(None);
                let loaded = self.tier().load(&key(n));
                if let Ok(loaded) = loaded {
                    let loaded =
                        loaded.unwrap_or_else(|| panic!("seed {}: it was stored", self.seed));
                    assert_eq!(&loaded.body[..], &bytes, "seed {}", self.seed);
                }
            }
            Ok(Insertion::Invalidated) => assert!(is_early, "seed {}", self.seed),
            // Not stored; it may be there after a crash that comes before the folder is synced again.
            Ok(_) => known.stored = None,
            Err(_) => {
                // A crash may bring back the old one or the new one, this process neither.
                known.allowed.insert(version, expires);
                known.stored = None;
                assert!(!self.tier().contains(&key(n)), "seed {}", self.seed);
            }
        }
    }

    fn begin_to_stream(&mut self, n: u8) {
        self.version += 1;
        let writer = self.tier().writer(self.tier().begin(), &key(n));
        let len = self.rng.usize(..2 * CHUNK_BYTES as usize);
        self.growing.push(Growing {
            n,
            writer,
            version: self.version,
            bytes: payload(n, self.version, len),
            come: 0,
            is_late: false,
        });
    }

    /// Something happens to one of the bodies that come piece by piece.
    fn stream_on(&mut self) {
        if self.growing.is_empty() {
            return;
        }
        let mut one = (self.growing).swap_remove(self.rng.usize(..self.growing.len()));
        let left = one.bytes.len() - one.come;
        let more = if self.rng.bool() {
            left
        } else {
            self.rng.usize(..=left)
        };
        let written = one.writer.write(&one.bytes[one.come..one.come + more]);
        let seed = self.seed;
        if written.is_err() {
            // The older entry is gone too.
            self.known
                .get_mut(&one.n)
                .expect("all keys are known")
                .stored = None;
            assert!(!self.tier().contains(&key(one.n)), "seed {seed}");
            return;
        }
        one.come += more;
        let so_far = one.writer.so_far();
        assert_eq!(so_far.len(), one.come as u64, "seed {seed}");
        let from = self.rng.usize(..=one.come);
        if let Ok(read) = so_far.read_at(from as u64, 10_000) {
            assert_eq!(read, one.bytes[from..from + read.len()], "seed {seed}");
        }
        match self.rng.u8(..8) {
            // Given up.
            0 => {}
            1..6 if one.come == one.bytes.len() => self.finish(one),
            _ => self.growing.push(one),
        }
    }

    fn finish(&mut self, one: Growing) {
        let metadata = crate::EntryMetadata::default().tags(tags_of(one.n).iter().copied());
        let stored = one.writer.finish(&metadata);
        let known = self.known.get_mut(&one.n).expect("all keys are known");
        match stored {
            Ok(Insertion::Stored) => {
                assert!(!one.is_late, "seed {}", self.seed);
                self.streamed += u32::from(one.bytes.len() >= CHUNK_BYTES as usize);
                known.allowed = BTreeMap::from([(one.version, None)]);
                known.stored = Some(one.version);
            }
            Ok(Insertion::Invalidated) => assert!(one.is_late, "seed {}", self.seed),
            Ok(_) => known.stored = None,
            Err(_) => {
                known.allowed.insert(one.version, None);
                known.stored = None;
                assert!(!self.tier().contains(&key(one.n)), "seed {}", self.seed);
            }
        }
    }

    fn load(&mut self, n: u8) {
        if self.rng.bool() {
            if let Ok(found) = self.tier().load(&key(n)) {
                self.check(n, found.map(|entry| entry.body.to_vec()));
            }
        } else if let Ok(found) = self.tier().load_streamed(&key(n)) {
            let body = found.map(|entry| entry.body.read_at(0, usize::MAX));
            if let Ok(body) = body.transpose() {
                self.check(n, body.map(|body| body.to_vec()));
            }
        }
    }

    fn check(&self, n: u8, found: Option<Vec<u8>>) {
        let seed = self.seed;
        let Some(found) = found else { return };
        let version = u64::from_le_bytes(found[1..9].try_into().unwrap());
        assert_eq!(found, payload(n, version, found.len() - 9), "seed {seed}");
        let expires = self.known[&n].allowed.get(&version);
        let Some(expires) = expires else {
            panic!("seed {seed}: {n} came back with version {version}");
        };
        let fresh = expires.is_none_or(|due| due > self.world.clock.elapsed());
        assert!(fresh, "seed {seed}: {n} has expired");
    }

    fn forget(&mut self, done: bool, whom: impl Fn(u8) -> bool) {
        for one in &mut self.growing {
            one.is_late |= whom(one.n);
        }
        for (n, known) in &mut self.known {
            if whom(*n) {
                known.stored = None;
                if done {
                    known.allowed.clear();
                }
            }
        }
    }

    /// The power fails in the middle of something.
    fn crash(&mut self) {
        self.world.fail(self.rng.u64(..12), true, ErrorKind::Other);
        let n = self.rng.u8(..KEYS);
        match self.rng.u8(..3) {
            0 => {
                let done = self.tier().invalidate(&key(n)).is_ok();
                self.forget(done, |other| other == n);
            }
            _ => self.store(n, None),
        }
        self.lose_power();
        self.check_everything();
    }

    fn lose_power(&mut self) {
        let before: Vec<(u8, u64)> = {
            let tier = self.tier();
            let there = |n: &u8| tier.0.index.peek_entry(&key(*n)).is_some();
            let stored = self.known.iter();
            let stored = stored.filter_map(|(n, known)| Some((*n, known.stored?)));
            stored.filter(|(n, _)| there(n)).collect()
        };
        self.early.clear();
        self.growing.clear();
        self.tier = None;
        self.world.disk.cut_power(&mut self.rng);
        let crowded = self.world.disk.occupied() > self.world.capacity.bytes;
        self.tier = Some(self.world.open());
        if crowded {
            // Evicted ones have come back, and the policy chooses anew.
            return;
        }
        for (n, version) in before {
            let found = self.tier().load(&key(n)).unwrap();
            let found = found.unwrap_or_else(|| panic!("seed {}: {n} was acknowledged", self.seed));
            assert_eq!(
                found.body[1..9],
                version.to_le_bytes(),
                "seed {}",
                self.seed
            );
        }
    }

    fn restart(&mut self) {
        self.early.clear();
        if self.rng.bool() {
            self.growing.clear();
        }
        self.world.disk.plan(None);
        self.tier = None;
        // What was being written belongs to a tier that is gone.
        self.growing.clear();
        self.tier = Some(self.world.open());
    }

    fn check_everything(&mut self) {
        for n in 0..KEYS {
            self.load(n);
        }
        self.tier().validate();
    }
}

#[test]
fn whatever_happens_only_what_was_stored_last_is_found_and_what_was_acknowledged_is_kept() {
    let runs = std::env::var("REFRAIN_DISK_RUNS").map_or(300, |runs| runs.parse().unwrap());
    let mut streamed = 0;
    for seed in 0..runs {
        let mut run = Run::new(seed);
        for _ in 0..200 {
            run.step();
        }
        run.restart();
        run.check_everything();
        streamed += run.streamed;
    }
    assert!(
        runs < 300 || streamed > 100,
        "{streamed} bodies came piece by piece"
    );
}
