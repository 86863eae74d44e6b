//! What was learned, as bytes: a cache that starts with them is as good as it was when it stopped.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `rfhazard` |
//! | 4 | version |
//! | 8 | tick at which it was saved |
//! | 4 | number of ghosts |
//! | 12 each | factor, observed, expected of the cells: by age, by ratio, by size, by cost |
//! | 16 each | word, fingerprint, classes and booked age of the ghosts |
//! | 16 | the first half of the BLAKE3 digest of all before |
//!
//! Numbers are little-endian. What does not read as exactly this is refused.

#![expect(
    clippy::cast_possible_truncation,
    reason = "counts decay, so half the digits do"
)]

use crate::policy::StateError;

use super::history::{History, PackedGhost};
use super::learner::Learner;
use super::lookahead::Lookahead;
use super::model::Model;
use super::word::shift;

const MAGIC: &[u8; 8] = b"rfhazard";
const VERSION: u32 = 1;
const DIGEST_BYTES: usize = 16;
/// No cell learns a factor outside this range in practice; one that says so is damaged.
const FACTORS: std::ops::RangeInclusive<f32> = 1e-9..=1e9;

/// The state of `learner` as of `tick`.
pub(super) fn save(learner: &Learner, tick: u64) -> Vec<u8> {
    let ghosts: Vec<_> = learner.history.packed().collect();
    let count = u32::try_from(ghosts.len()).expect("a history has fewer than 2^32 places");
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&tick.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    for cell in learner.model.cells() {
        for number in [cell.factor, cell.observed as f32, cell.expected as f32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    for ghost in ghosts {
        bytes.extend_from_slice(&ghost.word.to_le_bytes());
        bytes.extend_from_slice(&ghost.print.to_le_bytes());
        bytes.extend_from_slice(&ghost.rest.to_le_bytes());
    }
    let digest = digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Makes `learner` know what was saved, its ticks moved so that the moment of saving is `tick`.
pub(super) fn load(learner: &mut Learner, bytes: &[u8], tick: u64) -> Result<(), StateError> {
    let mut reader = Reader(bytes);
    if reader.take::<8>()? != *MAGIC {
        return Err(StateError::NotAState);
    }
    let version = u32::from_le_bytes(reader.take()?);
    if version != VERSION {
        return Err(StateError::Version {
            found: version,
            readable: VERSION,
        });
    }
    let whole = bytes
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or(StateError::Damaged)?;
    if digest(&bytes[..whole]) != bytes[whole..] {
        return Err(StateError::Damaged);
    }
    let saved_at = u64::from_le_bytes(reader.take()?);
    let count = u32::from_le_bytes(reader.take()?);

    let mut model = Model::new();
    for cell in model.cells_mut() {
        cell.factor = f32::from_le_bytes(reader.take()?);
        cell.observed = f64::from(f32::from_le_bytes(reader.take()?));
        cell.expected = f64::from(f32::from_le_bytes(reader.take()?));
        let counts = 0.0..f64::INFINITY;
        let is_sound = FACTORS.contains(&cell.factor)
            && counts.contains(&cell.observed)
            && counts.contains(&cell.expected);
        if !is_sound {
            return Err(StateError::Damaged);
        }
    }
    let mut history = History::with_room_for(count as usize);
    for _ in 0..count {
        let mut ghost = PackedGhost {
            word: u64::from_le_bytes(reader.take()?),
            print: u32::from_le_bytes(reader.take()?),
            rest: u32::from_le_bytes(reader.take()?),
        };
        ghost.word = shift(ghost.word, tick.wrapping_sub(saved_at));
        if !ghost.is_sound() {
            return Err(StateError::Damaged);
        }
        history.restore(ghost, tick);
    }
    if reader.0.len() != DIGEST_BYTES {
        return Err(StateError::Damaged);
    }
    learner.lookahead = Lookahead::new(&model);
    learner.model = model;
    learner.history = history;
    learner.restart_refreshes(tick);
    Ok(())
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut half = [0; DIGEST_BYTES];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..DIGEST_BYTES]);
    half
}

/// The bytes still to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(StateError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Simulated;
    use super::super::super::{Eviction, Moment, Policy};
    use super::*;

    fn trained() -> Simulated {
        let mut cache = Simulated::new(Policy::Hazard, 50);
        for tick in 0..5000_u64 {
            cache.request(tick % 120, 1, 1.0);
            cache.request(tick * tick % 300 + 1000, 1, 2.0);
        }
        cache
    }

    fn save(cache: &Simulated) -> Vec<u8> {
        cache.eviction.save(cache.now).expect("hazard learns")
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let cache = trained();
        let bytes = save(&cache);
        let mut other = Eviction::new(Policy::Hazard);
        other.load(&bytes, cache.now).expect("it was just saved");
        other.validate(&cache.table);
        assert!(other.save(cache.now).expect("hazard learns") == bytes);
    }

    #[test]
    fn a_cache_that_starts_with_what_was_learned_saves_more_at_once() {
        let bytes = save(&trained());
        let saved = |state: Option<&[u8]>| {
            let mut cache = Simulated::new(Policy::Hazard, 50);
            if let Some(state) = state {
                cache
                    .eviction
                    .load(state, cache.now)
                    .expect("it was just saved");
            }
            (0..600)
                .filter(|tick| cache.request(tick % 120, 1, 1.0))
                .count()
        };
        let (cold, warm) = (saved(None), saved(Some(&bytes)));
        assert!(warm > cold + 10, "{warm} hits, and {cold} without");
    }

    #[test]
    fn ages_go_on_from_where_they_were() {
        let cache = trained();
        let later = Moment {
            tick: 1 << 50,
            ..cache.now
        };
        let mut other = Eviction::new(Policy::Hazard);
        other.load(&save(&cache), later).expect("it was just saved");
        let mut back = Eviction::new(Policy::Hazard);
        back.load(&other.save(later).expect("hazard learns"), cache.now)
            .expect("it was just saved");
        assert!(back.save(cache.now) == cache.eviction.save(cache.now));
    }

    #[test]
    fn a_damaged_state_is_refused_and_changes_nothing() {
        let bytes = save(&trained());
        let mut cache = trained();
        cache.request(1, 1, 1.0);
        let before = save(&cache);
        for at in (0..bytes.len()).step_by(97).chain([8, 20, bytes.len() - 1]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(
                cache.eviction.load(&damaged, cache.now).is_err(),
                "byte {at}"
            );
        }
        for len in (0..bytes.len()).step_by(101).chain([bytes.len() - 1]) {
            assert!(
                cache.eviction.load(&bytes[..len], cache.now).is_err(),
                "cut to {len} bytes"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(cache.eviction.load(&longer, cache.now).is_err());
        assert!(save(&cache) == before);
    }

    #[test]
    fn sound_bytes_with_impossible_numbers_are_refused() {
        let cache = trained();
        let mut bytes = save(&cache);
        bytes.truncate(bytes.len() - DIGEST_BYTES);
        for (at, number) in [(24, f32::NAN), (24, 0.0), (28, f32::INFINITY), (32, -1.0)] {
            let mut forged = bytes.clone();
            forged[at..at + 4].copy_from_slice(&number.to_le_bytes());
            let digest = digest(&forged);
            forged.extend_from_slice(&digest);
            let refused = Eviction::new(Policy::Hazard).load(&forged, cache.now);
            assert!(
                matches!(refused, Err(StateError::Damaged)),
                "{number} at {at}"
            );
        }
    }

    #[test]
    fn the_reason_for_refusing_is_told() {
        let cache = trained();
        let refused = |bytes: &[u8], policy| {
            Eviction::new(policy)
                .load(bytes, cache.now)
                .expect_err("refused")
                .to_string()
        };
        let mut newer = save(&cache);
        newer[8] = 2;
        assert_eq!(
            refused(&newer, Policy::Hazard),
            "saved policy state has version 2; this build reads version 1"
        );
        assert_eq!(
            refused(b"something else", Policy::Hazard),
            "these bytes are no saved policy state"
        );
        assert_eq!(
            refused(&save(&cache), Policy::Lru),
            "policy `lru` has no state to load"
        );
    }
}
