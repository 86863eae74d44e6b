//! The order in which keys are asked for, made before anything is timed.

use rand::SeedableRng;
use rand::distr::Distribution;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand_distr::Zipf;

/// How unevenly keys are asked for: the exponent that the literature of caches uses most.
const EXPONENT: f64 = 0.99;

/// `length` numbers below `universe`; the number `n` comes with a probability proportional to `1 / (n + 1)^0.99`.
pub(crate) fn zipf(universe: u32, length: usize, seed: u64) -> Vec<u64> {
    let distribution = Zipf::new(f64::from(universe), EXPONENT).expect("the universe is not empty");
    let random = SmallRng::seed_from_u64(seed);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks are whole numbers from 1 to `universe`"
    )]
    distribution
        .sample_iter(random)
        .take(length)
        .map(|rank| rank as u64 - 1)
        .collect()
}

/// The numbers below `count`, in random order, so that popular entries do not lie side by side in memory.
pub(crate) fn shuffled(count: u32, seed: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..u64::from(count)).collect();
    numbers.shuffle(&mut SmallRng::seed_from_u64(seed));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_as_often_as_the_law_of_zipf_says() {
        let universe = 1000;
        let draws = 400_000;
        let mut seen = vec![0_u32; universe as usize];
        for number in zipf(universe, draws, 1) {
            seen[usize::try_from(number).unwrap()] += 1;
        }
        let weight = |rank: u32| f64::from(rank).powf(-EXPONENT);
        let total: f64 = (1..=universe).map(weight).sum();
        for rank in [1, 2, 3, 10, 100] {
            let expected = 400_000.0 * weight(rank) / total;
            let found = f64::from(seen[rank as usize - 1]);
            // Five standard deviations of a count.
            assert!(
                (found - expected).abs() < 5.0 * expected.sqrt(),
                "rank {rank}: {found} instead of {expected:.0}"
            );
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        assert_eq!(zipf(500, 100, 9), zipf(500, 100, 9));
        assert_ne!(zipf(500, 100, 9), zipf(500, 100, 10));
    }

    #[test]
    fn every_number_comes_once_when_shuffled() {
        let mut numbers = shuffled(1000, 3);
        assert!(!numbers.is_sorted());
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..1000));
    }
}
