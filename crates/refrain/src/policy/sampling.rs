//! Sampling by fingerprint: a share of the keys to learn from.

use super::print_of;

/// Which hits are worth reporting: all those of a share of the keys, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    mask: u32,
}

impl Sampling {
    /// Every hit.
    pub const ALL: Self = Self { mask: 0 };
    /// No hit.
    pub const NONE: Self = Self { mask: 1 };
    /// Never fewer than one in this power of two.
    const POWER_MAX: u32 = 20;
    /// Above the bit of [`Self::NONE`].
    const SHIFT: u32 = 1;

    /// The hits of one key in 2 to the power of `power`. A sample has all keys of those with a greater power.
    pub(super) fn one_in_power_of_two(power: u32) -> Self {
        let mask = ((1 << power.min(Self::POWER_MAX)) - 1) << Self::SHIFT;
        Self { mask }
    }

    pub(super) fn power(self) -> u32 {
        self.mask.count_ones()
    }

    /// Whether the hits of this key are to be reported, by its [fingerprint](super::Residents::fingerprint).
    #[must_use]
    #[inline]
    pub fn takes(self, fingerprint: u64) -> bool {
        self.takes_print(print_of(fingerprint))
    }

    pub(super) fn takes_print(self, print: u32) -> bool {
        (print | 1) & self.mask == 0
    }

    /// Requests in which so many are sampled.
    pub(super) fn requests_per(self, sampled: u64) -> u64 {
        sampled << self.power()
    }

    /// As a number, to be published to readers that hold no lock.
    #[must_use]
    pub fn to_bits(self) -> u32 {
        self.mask
    }

    /// What [`to_bits`](Self::to_bits) was called on.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self { mask: bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_keys_is_taken() {
        for power in 0..10 {
            let sampling = Sampling::one_in_power_of_two(power);
            let taken = (0..100_000_u64).filter(|key| sampling.takes(*key)).count() << power;
            assert!(
                (80_000..120_000).contains(&taken),
                "{taken} at power {power}"
            );
        }
        assert!((0..1000).all(|key| Sampling::ALL.takes(key)));
        assert!(!(0..1000).any(|key| Sampling::NONE.takes(key)));
    }

    #[test]
    fn a_smaller_share_is_part_of_a_larger_one() {
        let (some, few) = (
            Sampling::one_in_power_of_two(3),
            Sampling::one_in_power_of_two(5),
        );
        assert!((0..10_000).all(|key| some.takes(key) || !few.takes(key)));
    }

    #[test]
    fn it_comes_back_from_its_bits() {
        for sampling in [
            Sampling::ALL,
            Sampling::NONE,
            Sampling::one_in_power_of_two(4),
        ] {
            assert_eq!(Sampling::from_bits(sampling.to_bits()), sampling);
        }
    }
}
