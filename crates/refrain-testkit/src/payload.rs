//! Self-describing payloads: bytes that name their entry and version and can be checked to the last one.
//!
//! ```
//! use refrain_testkit::payload;
//!
//! let bytes = payload::of(3, 1, 100);
//! assert_eq!(payload::version_of(3, &bytes), 1);
//! assert_eq!(payload::read(&bytes[1..]), None, "these are not whole");
//! ```

use crate::Random;
use crate::mixed;

/// Bytes of entry and version, before the filler.
const HEAD: usize = 16;

/// What entry `number` holds in version `version`: 16 bytes that say so, and `filler` bytes that follow from them.
pub fn of(number: u64, version: u64, filler: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEAD + filler];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..HEAD].copy_from_slice(&version.to_le_bytes());
    Random::new(mixed(number) ^ version).fill(&mut bytes[HEAD..]);
    bytes
}

/// The entry and version of whole bytes; none if any of them is not as [`of`] made it.
pub fn read(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = u64::from_le_bytes(*bytes.first_chunk()?);
    let version = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    (bytes == of(number, version, bytes.len() - HEAD)).then_some((number, version))
}

/// The version of entry `number` that these bytes are.
///
/// # Panics
///
/// If they are another entry's, or not whole.
#[track_caller]
pub fn version_of(number: u64, bytes: &[u8]) -> u64 {
    let (found, version) = read(bytes).expect("the bytes are whole");
    assert_eq!(found, number, "these bytes are another entry's");
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let whole = of(7, 9, 13);
        assert_eq!(read(&whole), Some((7, 9)));
        for place in 0..whole.len() {
            let mut broken = whole.clone();
            broken[place] ^= 1;
            assert_eq!(read(&broken), None, "byte {place}");
            assert_eq!(read(&whole[..place]).filter(|_| place < HEAD), None);
        }
    }
}
