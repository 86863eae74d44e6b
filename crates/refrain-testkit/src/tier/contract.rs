//! What every tier promises, tried on one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use refrain::tier::{Body, Invalidations, Metadata, Tier, TierEntry, TierError, TierStats, Tiers};
use refrain::{Insertion, Key};

use super::driving::{Time, poll_once};
use super::faulty::{Fault, Faults, FaultyTier};
use super::memory::{MemoryTier, PiecewiseBody};
use crate::payload;

/// Makes an empty tier on this clock.
pub(super) type Make<'a> = &'a dyn Fn(&refrain::Clock) -> Box<dyn Tier>;

/// What makes a note in a log.
type Note = fn(&Invalidations);

/// A check and what it is called.
type Check = (&'static str, fn(Make<'_>, &Time));

const CHECKS: &[Check] = &[
    ("bodies come back as they were", bodies_come_back),
    ("metadata comes back as it was", metadata_comes_back),
    ("bodies are read piece by piece", bodies_are_read_in_pieces),
    ("the newer entry replaces the older", newer_replaces_older),
    ("expired entries are not loaded", expired_is_not_loaded),
    ("what is invalidated is gone", invalidated_is_gone),
    ("a ticket from before is refused", overtaken_is_refused),
    ("futures may be dropped", futures_may_be_dropped),
    ("many may ask at once", many_may_ask),
    (
        "a tier that hangs costs one deadline",
        hanging_costs_one_deadline,
    ),
    ("a tier that fails is left alone", failing_is_left_alone),
    (
        "panics, breaks and wrong bytes are misses",
        bad_answers_are_misses,
    ),
    ("what is found is copied up", found_is_copied_up),
    (
        "what is invalidated meanwhile is not copied up",
        invalidated_is_not_copied_up,
    ),
    (
        "an invalidation that fails is owed",
        failed_invalidations_are_owed,
    ),
    (
        "a failed replacement leaves nothing older",
        failed_replacement_is_owed,
    ),
];

/// Tries the contract of [`Tier`] on tiers that `make` makes, each of them empty and on the clock that it is given; and
/// what [`Tiers`] makes of such a tier when it fails.
///
/// `patience` is how long an operation of the tier takes at most while all is well: zero if its futures wait for no
/// thread.
///
/// # Panics
///
/// If the tier breaks the contract; the message names the check.
pub fn contract(patience: Duration, make: impl Fn(&refrain::Clock) -> Box<dyn Tier>) {
    for (name, check) in CHECKS {
        let tried = || check(&make, &Time::new(patience));
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(tried));
        assert!(tried.is_ok(), "the contract is broken, see above: {name}");
    }
}

pub(super) fn key(number: u64) -> Key {
    let mut bytes = [0x5e; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Key::from_bytes(bytes)
}

fn entry(number: u64, version: u64, length: usize) -> TierEntry {
    TierEntry::new(payload::of(number, version, length), Metadata::new("bytes"))
}

/// A tier without protection, asked directly.
struct Plain {
    tier: Box<dyn Tier>,
    log: Invalidations,
}

impl Plain {
    fn new(make: Make<'_>, time: &Time) -> Self {
        Self {
            tier: make(&time.clock),
            log: Invalidations::default(),
        }
    }

    #[track_caller]
    fn store(&self, number: u64, entry: TierEntry) -> Insertion {
        let stored = self.tier.store(key(number), entry, self.log.begin());
        refrain::block_on(stored).expect("all is well")
    }

    #[track_caller]
    fn load(&self, number: u64) -> Option<TierEntry> {
        let loaded = refrain::block_on(self.tier.load(key(number))).expect("all is well");
        let hint = self.tier.contains(&key(number));
        assert!(
            hint.is_none_or(|there| there == loaded.is_some()),
            "`contains` says what `load` does not"
        );
        loaded
    }

    #[track_caller]
    fn bytes(&self, number: u64) -> Option<Bytes> {
        let body = self.load(number)?.body;
        Some(refrain::block_on(body.read_all()).expect("the body is whole"))
    }
}

fn bodies_come_back(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let lengths = [0, 1, 4000, 4080, 4096, 70_000, 300_000, (1 << 20) + 1];
    for (number, length) in (0..).zip(lengths) {
        assert_eq!(
            plain.store(number, entry(number, 1, length)),
            Insertion::Stored
        );
    }
    assert_eq!(
        plain.store(99, TierEntry::new("", Metadata::new("bytes"))),
        Insertion::Stored
    );
    for (number, length) in (0..).zip(lengths) {
        let bytes = plain.bytes(number).expect("it is there");
        assert_eq!(payload::version_of(number, &bytes), 1);
        assert_eq!(bytes.len(), payload::of(number, 1, length).len());
    }
    assert_eq!(plain.bytes(99).expect("it is there"), "");
    assert!(plain.load(100).is_none());
}

fn metadata_comes_back(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let metadata = Metadata::new("http")
        .field("http.status", "200")
        .field("http.header", "content-type: image/png")
        .field("http.header", "x-seed: 7")
        .field("bytes", vec![0, 255, 10, 13])
        .field("", "")
        .tag("model:v2")
        .tag("user:7")
        .cost(Duration::from_millis(125_500))
        .age(Duration::from_secs(40))
        .expires_in(Some(Duration::from_secs(3600)));
    let stored = TierEntry::new("body", metadata.clone());
    assert_eq!(plain.store(1, stored), Insertion::Stored);
    time.hands.advance(Duration::from_secs(60));
    let loaded = plain.load(1).expect("it is there").metadata;
    assert_eq!(loaded.codec, metadata.codec);
    assert_eq!(loaded.fields, metadata.fields);
    assert_eq!(loaded.tags, metadata.tags);
    assert_eq!(loaded.cost, metadata.cost);
    assert_eq!(loaded.age.as_secs(), 100);
    assert_eq!(loaded.expires_in.map(|left| left.as_secs()), Some(3540));
}

fn bodies_are_read_in_pieces(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let bytes = Bytes::from(payload::of(1, 1, 700_000));
    let source = Body::source(Arc::new(PiecewiseBody::new(bytes.clone(), 10_000)));
    assert_eq!(
        plain.store(1, TierEntry::new(source, Metadata::new("bytes"))),
        Insertion::Stored
    );
    let body = plain.load(1).expect("it is there").body;
    assert_eq!(body.len(), bytes.len() as u64);
    let known = body.digest();
    assert!(known.is_none_or(|digest| digest == *blake3::hash(&bytes).as_bytes()));
    for (offset, length) in [
        (0, 1),
        (0, 100_000),
        (65_535, 2),
        (699_999, 100),
        (123_456, 300_000),
    ] {
        let mut read = Vec::new();
        let end = (offset + length).min(bytes.len());
        while read.len() < end - offset {
            let from = (offset + read.len()) as u64;
            let piece = refrain::block_on(body.read_at(from, end - offset - read.len()));
            let piece = piece.expect("the body is whole");
            assert!(!piece.is_empty(), "a read before the end gives something");
            read.extend_from_slice(&piece);
        }
        assert_eq!(read, &bytes[offset..end]);
    }
    let past = refrain::block_on(body.read_at(bytes.len() as u64, 10));
    assert!(past.expect("there is nothing to fail").is_empty());
    // An entry that breaks off while it is stored is not stored.
    let broken = PiecewiseBody::new(bytes.clone(), 10_000).breaking_at(300_000);
    let broken = TierEntry::new(Body::source(Arc::new(broken)), Metadata::new("bytes"));
    let stored = refrain::block_on(plain.tier.store(key(2), broken, plain.log.begin()));
    assert!(!matches!(stored, Ok(Insertion::Stored)));
    assert!(plain.load(2).is_none());
}

fn newer_replaces_older(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    for version in 1..=3 {
        let length = usize::try_from(version).expect("it is small") * 5000;
        assert_eq!(plain.store(1, entry(1, version, length)), Insertion::Stored);
        let bytes = plain.bytes(1).expect("it is there");
        assert_eq!(payload::version_of(1, &bytes), version);
    }
    assert!(plain.load(2).is_none());
}

fn expired_is_not_loaded(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let mut short = entry(1, 1, 10);
    short.metadata.expires_in = Some(Duration::from_secs(5));
    assert_eq!(plain.store(1, short), Insertion::Stored);
    assert!(plain.load(1).is_some());
    time.hands.advance(Duration::from_secs(5));
    assert!(plain.load(1).is_none());

    assert_eq!(plain.store(2, entry(2, 1, 10)), Insertion::Stored);
    let mut gone = entry(2, 2, 10);
    gone.metadata.expires_in = Some(Duration::ZERO);
    assert_ne!(plain.store(2, gone), Insertion::Stored);
    assert!(
        plain.load(2).is_none(),
        "a store that stores nothing leaves nothing older"
    );
}

fn invalidated_is_gone(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let tier = &plain.tier;
    for number in 0..6 {
        let mut entry = entry(number, 1, 100);
        if number >= 3 {
            entry.metadata = entry.metadata.tag("all").tag(format!("n:{number}"));
        }
        plain.store(number, entry);
    }
    let gone = |number| plain.load(number).is_none();
    assert!(refrain::block_on(tier.invalidate(key(0))).expect("all is well"));
    assert!(gone(0) && !gone(1));
    assert!(!refrain::block_on(tier.invalidate(key(0))).expect("all is well"));
    let tagged = refrain::block_on(tier.invalidate_tag("n:3".into()));
    assert_eq!(tagged.expect("all is well"), 1);
    assert!(gone(3) && !gone(4));
    let none = refrain::block_on(tier.invalidate_tag("n".into()));
    assert_eq!(
        none.expect("all is well"),
        0,
        "a part of a tag is another tag"
    );
    let tagged = refrain::block_on(tier.invalidate_tag("all".into()));
    assert_eq!(tagged.expect("all is well"), 2);
    assert!(gone(4) && gone(5) && !gone(1) && !gone(2));
    let all = refrain::block_on(tier.invalidate_all());
    assert_eq!(all.expect("all is well"), 2);
    assert!((0..6).all(gone));
}

fn overtaken_is_refused(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let overtake: [(&str, Note); 3] = [
        ("key", |log| log.key(&key(1))),
        ("tag", |log| log.tag("red")),
        ("all", Invalidations::all),
    ];
    for (what, note) in overtake {
        let ticket = plain.log.begin();
        note(&plain.log);
        let mut late = entry(1, 1, 100);
        late.metadata = late.metadata.tag("red");
        let stored = refrain::block_on(plain.tier.store(key(1), late, ticket));
        assert_eq!(
            stored.expect("all is well"),
            Insertion::Invalidated,
            "{what}"
        );
        assert!(plain.load(1).is_none(), "{what}");
    }
    let ticket = plain.log.begin();
    plain.log.key(&key(2));
    plain.log.tag("blue");
    let stored = refrain::block_on(plain.tier.store(key(1), entry(1, 2, 100), ticket));
    assert_eq!(
        stored.expect("all is well"),
        Insertion::Stored,
        "others were meant"
    );
}

fn futures_may_be_dropped(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    let tier = &plain.tier;
    plain.store(1, entry(1, 1, 50_000));
    for polls in 0..2 {
        let mut load = tier.load(key(1));
        let mut store = tier.store(key(2), entry(2, 1, 50_000), plain.log.begin());
        let mut tag = tier.invalidate_tag("nothing".into());
        for _ in 0..polls {
            let _ = poll_once(load.as_mut());
            let _ = poll_once(store.as_mut());
            let _ = poll_once(tag.as_mut());
        }
    }
    let bytes = plain.bytes(1).expect("it is there");
    assert_eq!(payload::version_of(1, &bytes), 1);
    // It is stored or not, and whole if it is.
    if let Some(bytes) = plain.bytes(2) {
        payload::version_of(2, &bytes);
    }
    plain.store(2, entry(2, 2, 10));
    assert_eq!(
        payload::version_of(2, &plain.bytes(2).expect("it is there")),
        2
    );
}

fn many_may_ask(make: Make<'_>, time: &Time) {
    let plain = Plain::new(make, time);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let plain = &plain;
            scope.spawn(move || {
                for round in 0..10 {
                    for number in 0..4 {
                        plain.store(number, entry(number, thread * 100 + round, 3000));
                        if let Some(bytes) = plain.bytes_unhinted(number) {
                            payload::version_of(number, &bytes);
                        }
                    }
                }
            });
        }
    });
    for number in 0..4 {
        payload::version_of(number, &plain.bytes(number).expect("it is there"));
    }
}

impl Plain {
    /// While others store, a hint may be true a moment earlier or later.
    fn bytes_unhinted(&self, number: u64) -> Option<Bytes> {
        let loaded = refrain::block_on(self.tier.load(key(number))).expect("all is well")?;
        Some(refrain::block_on(loaded.body.read_all()).expect("the body is whole"))
    }
}

/// A stack of one faulty tier, or of a plain one above it.
struct Protected<'a> {
    tiers: Tiers,
    faults: Faults,
    time: &'a Time,
}

impl<'a> Protected<'a> {
    fn alone(make: Make<'_>, time: &'a Time) -> Self {
        Self::of(make, time, None)
    }

    fn of(make: Make<'_>, time: &'a Time, above: Option<MemoryTier>) -> Self {
        let (tier, faults) = FaultyTier::new(make(&time.clock));
        let mut builder = Tiers::builder().clock(time.clock.clone());
        if let Some(above) = above {
            builder = builder.tier(above);
        }
        Self {
            tiers: builder.tier(tier).build(),
            faults,
            time,
        }
    }

    #[track_caller]
    fn put(&self, number: u64, version: u64) -> Result<Insertion, TierError> {
        let ticket = self.tiers.begin();
        let stored = self
            .tiers
            .store(key(number), entry(number, version, 5000), &ticket);
        let mut stored = self.time.drive(stored);
        // The faulty tier is the lowest, which comes first.
        stored.remove(0).1.map_err(|failure| failure.error)
    }

    #[track_caller]
    fn version(&self, number: u64) -> Option<u64> {
        let ticket = self.tiers.begin();
        let loaded = self
            .time
            .drive(self.tiers.load_whole(key(number), &ticket))?;
        let bytes = loaded.entry.body.whole().expect("it is read whole").clone();
        Some(payload::version_of(number, &bytes))
    }

    fn stats(&self) -> TierStats {
        self.tiers.stats().pop().expect("there is a tier")
    }

    /// Waits for the threads that drive what is overdue.
    fn settle(&self) {
        self.faults.release();
        while self.stats().overdue {
            std::thread::yield_now();
        }
        self.time.hands.advance(Duration::from_secs(10));
    }
}

fn hanging_costs_one_deadline(make: Make<'_>, time: &Time) {
    let stack = Protected::alone(make, time);
    stack.put(1, 1).expect("all is well");
    stack.faults.push(Fault::Late);
    let began = time.clock.elapsed();
    assert_eq!(stack.version(1), None);
    let took = time.clock.elapsed().saturating_sub(began);
    assert!(
        (Duration::from_secs(10)..Duration::from_secs(20)).contains(&took),
        "{took:?}"
    );
    let asked = stack.faults.operations();
    let began = time.clock.elapsed();
    assert_eq!(
        stack.version(1),
        None,
        "it is not asked while it is overdue"
    );
    assert!(matches!(
        stack.put(2, 1),
        Err(TierError::StillOverdue { .. })
    ));
    assert_eq!(stack.faults.operations(), asked);
    assert_eq!(time.clock.elapsed(), began, "and nobody waits");
    let stats = stack.stats();
    assert!(stats.overdue);
    assert_eq!((stats.timeouts, stats.skipped, stats.hits), (1, 2, 0));
    stack.settle();
    assert_eq!(
        stack.version(1),
        Some(1),
        "it has answered, and is asked again"
    );
}

fn failing_is_left_alone(make: Make<'_>, time: &Time) {
    let stack = Protected::alone(make, time);
    stack.put(1, 1).expect("all is well");
    for _ in 0..2 {
        stack.faults.push(Fault::Refuses);
        assert!(stack.put(2, 1).is_err());
    }
    assert!(
        !stack.stats().suspended,
        "a refusal says nothing about the tier"
    );
    stack.faults.always(Fault::Fails);
    for _ in 0..3 {
        assert_eq!(stack.version(1), None);
    }
    let asked = stack.faults.operations();
    assert_eq!(stack.version(1), None);
    assert!(matches!(stack.put(2, 1), Err(TierError::Suspended(_))));
    assert_eq!(stack.faults.operations(), asked, "it is left alone");
    let stats = stack.stats();
    assert!(stats.suspended);
    assert_eq!((stats.errors, stats.skipped), (5, 2));
    time.hands.advance(Duration::from_secs(4));
    assert_eq!(stack.version(1), None);
    assert_eq!(stack.faults.operations(), asked + 1, "one tries");
    stack.settle();
    assert_eq!(stack.version(1), Some(1));
    assert!(!stack.stats().suspended);
}

fn bad_answers_are_misses(make: Make<'_>, time: &Time) {
    let faults = [
        Fault::Panics,
        Fault::PanicsLater,
        Fault::BreaksOff,
        Fault::WrongByte,
        Fault::FailsAfterwards,
    ];
    for fault in faults {
        let stack = Protected::alone(make, time);
        stack.put(1, 1).expect("all is well");
        stack.faults.push(fault);
        assert_eq!(stack.version(1), None, "{fault:?}");
        let stats = stack.stats();
        assert_eq!(
            (stats.hits, stats.misses, stats.errors),
            (0, 0, 1),
            "{fault:?}"
        );
        assert_eq!(
            stack.version(1),
            Some(1),
            "{fault:?}: the next load is right"
        );
    }
}

fn found_is_copied_up(make: Make<'_>, time: &Time) {
    let above = MemoryTier::new(&time.clock).named("above");
    let stack = Protected::of(make, time, Some(above.clone()));
    stack.put(1, 1).expect("all is well");
    let removed = refrain::block_on(above.invalidate_all());
    assert_eq!(removed.expect("all is well"), 1);
    let ticket = stack.tiers.begin();
    let loaded = time
        .drive(stack.tiers.load_whole(key(1), &ticket))
        .expect("it is below");
    assert_ne!(loaded.tier.as_str(), "above");
    let loaded = time
        .drive(stack.tiers.load_whole(key(1), &ticket))
        .expect("it is above");
    assert_eq!(loaded.tier.as_str(), "above");
    assert_eq!(stack.version(1), Some(1));
    assert_eq!(stack.tiers.stats()[0].back_fills, 1);
    assert_eq!(stack.stats().hits, 1);
    // Where the lower one fails, the upper one answers; and the other way round.
    stack.faults.always(Fault::Fails);
    assert_eq!(stack.version(1), Some(1));
}

fn invalidated_is_not_copied_up(make: Make<'_>, time: &Time) {
    let above = MemoryTier::new(&time.clock).named("above");
    let stack = Protected::of(make, time, Some(above.clone()));
    stack.put(1, 1).expect("all is well");
    refrain::block_on(above.invalidate_all()).expect("all is well");
    let ticket = stack.tiers.begin();
    stack.faults.push(Fault::Slow(3));
    let mut load = Box::pin(stack.tiers.load_whole(key(1), &ticket));
    assert!(poll_once(load.as_mut()).is_pending());
    assert!(
        time.drive(stack.tiers.invalidate(key(1)))
            .expect("all is well")
    );
    // Begun before, so it may have what was there; but that goes nowhere else.
    let _ = time.drive(load);
    assert!(above.is_empty());
    assert_eq!(stack.version(1), None);
}

fn failed_invalidations_are_owed(make: Make<'_>, time: &Time) {
    for fault in [Fault::Fails, Fault::Panics, Fault::Refuses, Fault::Late] {
        let stack = Protected::alone(make, time);
        stack.put(1, 1).expect("all is well");
        stack.put(2, 1).expect("all is well");
        stack.faults.push(fault);
        let failed = time.drive(stack.tiers.invalidate(key(1)));
        assert!(failed.is_err(), "{fault:?}");
        assert_eq!(stack.stats().owed, 1, "{fault:?}");
        if fault == Fault::Late {
            assert_eq!(stack.version(1), None);
            stack.settle();
            assert_eq!(stack.version(1), None, "it is done, late");
            assert_eq!(stack.version(2), Some(1), "others stay");
            continue;
        }
        stack.faults.push(Fault::Fails);
        assert_eq!(
            stack.version(1),
            None,
            "{fault:?}: it is tried again, and fails"
        );
        assert_eq!(
            stack.version(1),
            None,
            "{fault:?}: it is tried again, and done"
        );
        assert_eq!(stack.stats().owed, 0, "{fault:?}");
        assert_eq!(stack.version(2), Some(1), "{fault:?}: others stay");
    }
}

fn failed_replacement_is_owed(make: Make<'_>, time: &Time) {
    for fault in [Fault::Fails, Fault::FailsAfterwards, Fault::PanicsLater] {
        let stack = Protected::alone(make, time);
        stack.put(1, 1).expect("all is well");
        stack.faults.push(fault);
        let ticket = stack.tiers.begin();
        let stored = time.drive(stack.tiers.replace(key(1), entry(1, 2, 5000), &ticket));
        assert!(stored[0].1.is_err(), "{fault:?}");
        assert_ne!(
            stack.version(1),
            Some(1),
            "{fault:?}: the older one is not seen again"
        );
        assert!(stack.put(1, 3).is_ok());
        assert_eq!(stack.version(1), Some(3), "{fault:?}");
    }
}
