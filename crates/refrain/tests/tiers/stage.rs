//! A memory above one or two faulty tiers, on a fake clock.

use std::time::Duration;

use bytes::Bytes;
use refrain::tier::{TierStats, Tiers};
use refrain::{
    Answer, BytesCodec, Cache, Codec, CodecError, Insertion, Key, Outcome, Stored, TierName,
    TieredCache,
};
use refrain_testkit::tier::{Faults, FaultyTier, MemoryTier, Time};

pub(crate) struct Stage {
    pub(crate) time: Time,
    pub(crate) cache: TieredCache<Bytes>,
    /// Of the upper and the lower tier.
    pub(crate) faults: [Faults; 2],
    pub(crate) kept: [MemoryTier; 2],
}

pub(crate) const KEY: Key = Key::from_bytes([7; 32]);

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with_codec(BytesCodec)
    }

    pub(crate) fn with_codec(codec: impl Codec<Bytes>) -> Self {
        Self::with(codec, |tier| tier)
    }

    pub(crate) fn with(
        codec: impl Codec<Bytes>,
        change: impl Fn(MemoryTier) -> MemoryTier,
    ) -> Self {
        let time = Time::new(Duration::ZERO);
        let kept = ["above", "below"].map(|name| change(MemoryTier::new(&time.clock).named(name)));
        let [above, below] = kept.clone().map(|tier| FaultyTier::new(Box::new(tier)));
        let faults = [above.1, below.1];
        let tiers = Tiers::builder()
            .clock(time.clock.clone())
            .tier(above.0)
            .tier(below.0)
            .build();
        let memory = Cache::builder()
            .clock(time.clock.clone())
            .weigher(|_, value: &Bytes| value.len() as u64)
            .build()
            .expect("the settings are in range");
        Self {
            cache: TieredCache::new(memory, tiers, codec),
            time,
            faults,
            kept,
        }
    }

    /// Asks for the key; computes this value if it has to.
    #[track_caller]
    pub(crate) fn ask(&self, value: &'static str) -> Answer<Bytes> {
        let request = self.cache.entry(KEY).cost(Duration::from_secs(90));
        let computation = async move { Bytes::from(value) };
        self.time
            .drive(request.get_or_compute_async(computation))
            .expect("there is a value")
    }

    /// As if the memory had needed the room.
    pub(crate) fn evict(&self) {
        self.cache.memory().remove(&KEY);
    }

    pub(crate) fn stats(&self, tier: usize) -> TierStats {
        self.cache.tiers().stats()[tier].clone()
    }

    /// What is late answers, and the pause of a breaker passes.
    pub(crate) fn settle(&self) {
        self.faults.iter().for_each(Faults::release);
        while self.cache.tiers().stats().iter().any(|stats| stats.overdue) {
            std::thread::yield_now();
        }
        self.time.hands.advance(Duration::from_secs(10));
    }
}

/// Computed because nothing was there, and now in memory and in these tiers.
pub(crate) fn computed(below: &[&'static str]) -> Outcome {
    outcome_of(false, below)
}

/// The same in place of what the caller did not accept.
pub(crate) fn refreshed(below: &[&'static str]) -> Outcome {
    outcome_of(true, below)
}

/// The tiers of the stage, the topmost first.
pub(crate) const BOTH: &[&str] = &["above", "below"];

fn outcome_of(refreshed: bool, below: &[&'static str]) -> Outcome {
    let names = below.iter().map(|name| TierName::new(name));
    let stored = Stored::in_memory(Insertion::Stored).and_in(names);
    Outcome::Computed { stored, refreshed }
}

/// The name of the tier that an answer was loaded from.
#[track_caller]
pub(crate) fn loaded_from(answer: &Answer<Bytes>) -> &'static str {
    match &answer.outcome {
        Outcome::Loaded { tier, .. } => tier.as_str(),
        outcome => panic!("it was not loaded: {outcome:?}"),
    }
}

/// What a codec has to say of a value.
pub(crate) type Judge = fn(&Bytes) -> Result<(), CodecError>;

/// A codec that fails as its test says.
pub(crate) struct Failing {
    pub(crate) encode: Judge,
    pub(crate) decode: Judge,
}

impl Codec<Bytes> for Failing {
    fn encode(&self, value: &Bytes) -> Result<Option<refrain::tier::TierEntry>, CodecError> {
        (self.encode)(value)?;
        BytesCodec.encode(value)
    }

    fn decode(&self, entry: &refrain::tier::TierEntry) -> Result<Bytes, CodecError> {
        let bytes = BytesCodec.decode(entry)?;
        (self.decode)(&bytes)?;
        Ok(bytes)
    }
}
