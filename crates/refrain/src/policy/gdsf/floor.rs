//! How high the floor was when.

/// The floor by tick: exact for the last thousand rises, before that to a part in 64 of the age.
#[derive(Debug)]
pub(super) struct Floor {
    /// Since this tick, this floor; both ascending.
    steps: Vec<(u64, f64)>,
}

impl Floor {
    /// So many steps are remembered until they are thinned out.
    const STEPS: usize = 4096;
    /// The latest are kept.
    const EXACT: usize = 1024;
    /// Of those before, one for each such part of the age.
    const PART: u64 = 64;

    pub(super) fn new() -> Self {
        Self {
            steps: vec![(0, 0.0)],
        }
    }

    pub(super) fn now(&self) -> f64 {
        self.steps[self.steps.len() - 1].1
    }

    /// The floor that held when the request of `tick` was served.
    pub(super) fn at(&self, tick: u64) -> f64 {
        let after = self.steps.partition_point(|step| step.0 < tick);
        self.steps[after.saturating_sub(1)].1
    }

    /// From the next tick on.
    pub(super) fn rise(&mut self, tick: u64, floor: f64) {
        if floor > self.now() {
            if self.steps.len() == Self::STEPS {
                self.thin_out(tick);
            }
            self.steps.push((tick, floor));
        }
    }

    fn thin_out(&mut self, now: u64) {
        let before = self.steps.len() - Self::EXACT;
        let (mut at, mut kept) = (0, None);
        self.steps.retain(|&(tick, _)| {
            at += 1;
            let apart = now.saturating_sub(tick) / Self::PART;
            let keep = at > before || kept.is_none_or(|kept| tick - kept >= apart);
            if keep {
                kept = Some(tick);
            }
            keep
        });
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.steps.capacity() * size_of::<(u64, f64)>()
    }

    pub(super) fn validate(&self) {
        let ascending = |one: &(u64, f64), next: &(u64, f64)| one.0 <= next.0 && one.1 < next.1;
        assert!(self.steps.is_sorted_by(ascending), "it only rises");
        assert!(self.steps.len() <= Self::STEPS, "old steps are thinned out");
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_that_of_the_tick_and_coarser_the_longer_ago() {
        let mut floor = Floor::new();
        for tick in 1..=20_000_u32 {
            floor.rise(u64::from(tick), f64::from(tick));
        }
        assert!(floor.steps.len() <= Floor::STEPS);
        for tick in 19_100..=20_000_u32 {
            assert_eq!(
                floor.at(u64::from(tick)),
                f64::from(tick - 1),
                "it rises after its tick"
            );
        }
        for tick in 1..19_000_u32 {
            let error = f64::from(tick) - floor.at(u64::from(tick));
            let age = f64::from(20_000 - tick);
            assert!(
                (0.0..=2.0 + age / 24.0).contains(&error),
                "{error} at an age of {age}"
            );
        }
    }

    #[test]
    fn however_long_it_rises_few_steps_are_remembered() {
        let mut floor = Floor::new();
        for rise in 1..=60_000_u32 {
            floor.rise(u64::from(rise) << (rise / 2000), f64::from(rise));
            assert!(floor.steps.len() <= Floor::STEPS);
        }
    }
}
