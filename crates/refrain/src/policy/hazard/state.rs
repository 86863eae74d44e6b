//! The saved state of the policy, as bytes: a cache that starts with them is as good as it was when it stopped.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `rfhazard` |
//! | 4 | version |
//! | 8 | tick at which it was saved |
//! | 12 each | factor, observed, expected of the cells: by age, by ratio, by size, by cost |
//! | 4 | number of ghosts |
//! | 16 each | word, fingerprint, classes and booked age of the ghosts |
//! | 16 | the first half of the BLAKE3 digest of all before |
//!
//! Numbers are little-endian. What does not read as exactly this is refused. Equal states are equal bytes, as ghosts are
//! written in order of their fingerprints; they may be read in any order.

#![expect(
    clippy::cast_possible_truncation,
    reason = "counts decay, so half the digits do"
)]

use crate::policy::StateError;

use super::history::{History, PackedGhost};
use super::learned::Learned;
use super::model::Model;
use super::word::shift;

const MAGIC: &[u8; 8] = b"rfhazard";
const VERSION: u32 = 3;
const DIGEST_BYTES: usize = 16;
/// No cell learns a factor outside this range in practice; one that says so is damaged.
const FACTORS: std::ops::RangeInclusive<f32> = 1e-9..=1e9;

/// What was learned, and the history, as of `tick`.
pub(super) fn save(model: &Model, history: &History, tick: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&tick.to_le_bytes());
    for cell in model.cells() {
        for number in [cell.factor, cell.observed as f32, cell.expected as f32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    let mut ghosts: Vec<_> = history.packed().collect();
    ghosts.sort_unstable_by_key(|ghost| (ghost.print, ghost.word));
    bytes.extend_from_slice(&(ghosts.len() as u32).to_le_bytes());
    for ghost in ghosts {
        bytes.extend_from_slice(&ghost.word.to_le_bytes());
        bytes.extend_from_slice(&ghost.print.to_le_bytes());
        bytes.extend_from_slice(&ghost.rest.to_le_bytes());
    }
    let digest = digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// What was saved, its ticks moved so that the moment of saving is `tick`.
pub(super) fn load(bytes: &[u8], tick: u64) -> Result<(Learned, History), StateError> {
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
    let count = u32::from_le_bytes(reader.take()?);
    let mut ghosts = Vec::new();
    for _ in 0..count {
        ghosts.push(reader.ghost(tick.wrapping_sub(saved_at))?);
    }
    if reader.0.len() != DIGEST_BYTES {
        return Err(StateError::Damaged);
    }
    let history = History::restored(&ghosts, tick);
    Ok((Learned::loaded(model, tick), history))
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

    fn ghost(&mut self, by: u64) -> Result<PackedGhost, StateError> {
        let ghost = PackedGhost {
            word: shift(u64::from_le_bytes(self.take()?), by),
            print: u32::from_le_bytes(self.take()?),
            rest: u32::from_le_bytes(self.take()?),
        };
        if ghost.is_sound() {
            Ok(ghost)
        } else {
            Err(StateError::Damaged)
        }
    }
}

#[cfg(test)]
mod tests;
