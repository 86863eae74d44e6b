//! `SplitMix64`, a generator of random numbers whose whole state is one word: the same on every machine and for ever.
//!
//! Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.

/// What the state advances by: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Random numbers that a seed repeats.
///
/// ```
/// use refrain_testkit::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.next(), other.next());
/// assert!(one.below(10) < 10);
/// ```
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, each of the 2^64 as likely as another.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// A number below `limit`, which must not be 0. Small limits are met evenly enough for a test.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Whether one of `times` cases is this one.
    pub const fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A bijection that spreads small numbers over all 64 bits: the finalizer of `SplitMix64`.
///
/// ```
/// assert_ne!(refrain_testkit::mixed(1) >> 32, refrain_testkit::mixed(2) >> 32);
/// ```
pub const fn mixed(number: u64) -> u64 {
    let mut bits = number;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // As the reference implementation in C gives them for the seed 1234567.
        let mut random = Random::new(1_234_567);
        let first = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(first, [random.next(), random.next(), random.next()]);
    }

    #[test]
    fn bytes_that_do_not_fill_a_word_are_random_too() {
        let mut bytes = [0; 21];
        Random::new(1).fill(&mut bytes);
        assert!(bytes[16..].iter().any(|byte| *byte != 0));
        assert_eq!(bytes[..8], Random::new(1).next().to_le_bytes());
    }
}
