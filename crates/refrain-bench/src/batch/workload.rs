//! What is asked, and in which order.

use fastrand::Rng;

use super::lossy;

/// Which of the distinct requests is asked, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    /// Numbers of distinct requests, from 0.
    pub(super) order: Vec<usize>,
    pub(super) distinct: usize,
    pub(super) seed: u64,
}

impl Workload {
    /// Each distinct request once, the rest drawn from them evenly, and all of it shuffled.
    /// The same arguments give the same order.
    pub(super) fn new(requests: usize, distinct: usize, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..distinct).collect();
        order.extend((distinct..requests).map(|_| random.usize(..distinct)));
        random.shuffle(&mut order);
        Self {
            order,
            distinct,
            seed,
        }
    }

    pub(super) fn repeats(&self) -> usize {
        self.order.len() - self.distinct
    }

    /// How many times faster the batch is when no repeat takes any time, however many are asked
    /// at once: with and without the cache, as many generations run at once as there are cores.
    pub(super) fn theoretical_speed_up(&self) -> f64 {
        lossy(self.order.len() as u64) / lossy(self.distinct as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_has_100_requests_of_which_70_repeat() {
        let workload = Workload::new(100, 30, 1);
        assert_eq!(workload.order.len(), 100);
        assert_eq!(workload.repeats(), 70);
        let mut seen = workload.order.clone();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..30).collect::<Vec<_>>());
        assert!((workload.theoretical_speed_up() - 100.0 / 30.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_is_the_same_for_the_same_seed_and_another_for_another() {
        assert_eq!(Workload::new(100, 30, 7), Workload::new(100, 30, 7));
        assert_ne!(
            Workload::new(100, 30, 7).order,
            Workload::new(100, 30, 8).order
        );
    }

    #[test]
    fn repeats_stand_among_first_requests() {
        let order = Workload::new(100, 30, 1).order;
        let first_repeat = (1..100).find(|&at| order[..at].contains(&order[at]));
        let last_first = (1..100).rfind(|&at| !order[..at].contains(&order[at]));
        assert!(first_repeat < last_first);
    }
}
