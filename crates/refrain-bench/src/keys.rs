//! The two kinds of key that are measured.

use std::hash::Hash;

use refrain_testkit::Random;

/// 32 bytes, like the key of a generated result.
pub(crate) type Digest = [u8; 32];

/// A key that is made from a number, so that the same number is the same key for every cache.
pub(crate) trait BenchKey: Copy + Eq + Hash + Send + Sync + 'static {
    /// Different numbers make different keys that look random.
    fn from_id(id: u64) -> Self;

    /// 64 evenly spread bits of the key: picks a stripe, and says which value belongs to the key.
    fn bits(&self) -> u64;
}

impl BenchKey for u64 {
    fn from_id(id: u64) -> Self {
        mixed(id)
    }

    fn bits(&self) -> u64 {
        *self
    }
}

impl BenchKey for Digest {
    fn from_id(id: u64) -> Self {
        let mut key = [0; 32];
        for (part, lane) in key.chunks_exact_mut(8).zip(1..) {
            part.copy_from_slice(&mixed(id ^ (lane << 60)).to_le_bytes());
        }
        key
    }

    fn bits(&self) -> u64 {
        let first = self.first_chunk().expect("32 bytes begin with 8");
        u64::from_le_bytes(*first)
    }
}

/// A bijection that spreads small numbers over all 64 bits.
fn mixed(id: u64) -> u64 {
    Random::new(id).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_numbers_make_different_keys() {
        let digests: HashSet<Digest> = (0..100_000).map(Digest::from_id).collect();
        let numbers: HashSet<u64> = (0..100_000).map(u64::from_id).collect();
        assert_eq!((digests.len(), numbers.len()), (100_000, 100_000));
    }

    #[test]
    fn the_top_bits_of_a_key_pick_stripes_evenly() {
        let mut stripes = [0_u32; 16];
        for id in 0..160_000 {
            stripes[usize::try_from(Digest::from_id(id).bits() >> 60).unwrap()] += 1;
        }
        assert!(
            stripes.iter().all(|keys| (9_500..10_500).contains(keys)),
            "{stripes:?}"
        );
    }
}
