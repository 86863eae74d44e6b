//! How likely a key is to be used at the next request, given how often, how far apart and how long ago it was used.
//!
//! A rough prior times factors learned online, each the ratio of observed to expected uses in its cell:
//! by age, by age over mean gap, by size and by cost. The prior is Gamma–Poisson: a key used k times at a mean gap m
//! has the rate (k + ½) / (k·m + age + 1).
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "estimates: rounding is far below what they can know, and buckets are small numbers"
)]

use super::word::{Uses, exp2, log2};

/// Classes of counts: 1, 2, 3–4, 5–8, 9–16, 17 and more uses.
pub(super) const CLASSES: usize = 6;
/// Half-octaves of age.
pub(super) const AGES: usize = 50;
/// Third-octaves of age over mean gap, around 1.
pub(super) const RATIOS: usize = 26;
/// Octaves of weight, and of cost.
pub(super) const OCTAVES: usize = 24;

/// A key used once is used again as if after this many ticks on average it were half as likely.
const ONCE_TICKS: f32 = 150.0;
/// Uses a cell of `age` or `ratio` must have seen to outweigh the one of the class below.
const PRIOR_USES: f64 = 3.0;
/// The same for `size` and `cost`, against no effect at all.
const PRIOR_USES_OF_OCTAVE: f64 = 10.0;
/// What is kept of the counts at each refresh.
const DECAY: f64 = 0.98;

/// One factor and the counts that it is learned from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) factor: f32,
    pub(super) observed: f64,
    pub(super) expected: f64,
}

impl Cell {
    const NEW: Self = Self {
        factor: 1.0,
        observed: 0.0,
        expected: 0.0,
    };

    /// Moves the factor half the way, in octaves, to what was observed over what was expected,
    /// as if `weight` uses more had been expected and `prior` times as many observed.
    fn correct(&mut self, prior: f64, weight: f64) {
        let target = (self.observed + weight * prior) / (self.expected + weight);
        self.factor = (f64::from(self.factor) * target).sqrt() as f32;
    }

    fn decay(&mut self) {
        self.observed *= DECAY;
        self.expected *= DECAY;
    }
}

/// What the hazard of a key depends on, beside its age.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) class: usize,
    /// Gaps the mean is over: 0 after the first use.
    pub(super) gaps: f32,
    pub(super) gap: f32,
    pub(super) gap_log2: f32,
    pub(super) size: usize,
    pub(super) cost: usize,
}

impl Profile {
    pub(super) fn of(uses: Uses, size: u8, cost: u8) -> Self {
        Self {
            class: class_of(uses.count),
            gaps: f32::from(uses.count.clamp(1, 9) - 1),
            gap: exp2(uses.gap_log2),
            gap_log2: uses.gap_log2,
            size: usize::from(size),
            cost: usize::from(cost),
        }
    }

    /// The hazard before anything is learned.
    pub(super) fn prior(&self, age: f32) -> f32 {
        if self.gaps == 0.0 {
            0.5 / (age + ONCE_TICKS)
        } else {
            (self.gaps + 0.5) / (self.gaps * self.gap + age + 1.0)
        }
    }

    pub(super) fn ratio_of(&self, age_log2: f32) -> usize {
        if self.class == 0 {
            return 0;
        }
        let ratio = (3.0 * (age_log2 - self.gap_log2) + 13.5) as i32;
        ratio.clamp(0, RATIOS as i32 - 1) as usize
    }
}

pub(super) fn class_of(count: u8) -> usize {
    match count {
        0..=1 => 0,
        count => (8 - (count - 1).leading_zeros() as usize).min(CLASSES - 1),
    }
}

/// The half-octave of an age.
pub(super) fn age_bucket(age: f32) -> usize {
    let bits = age.max(1.0).to_bits();
    let octave = (bits >> 23) as usize - 127;
    let upper_half = bits & 0x007f_ffff >= std::f32::consts::SQRT_2.to_bits() & 0x007f_ffff;
    (octave * 2 + usize::from(upper_half)).min(AGES - 1)
}

/// Where each half-octave begins; the first at 0, the last never ends.
pub(super) const BUCKET_STARTS: [f32; AGES + 1] = {
    let mut starts = [0.0; AGES + 1];
    let mut bucket = 1;
    while bucket < AGES {
        let octave = (1_u32 << (bucket / 2)) as f32;
        let within = if bucket % 2 == 0 {
            1.0
        } else {
            std::f32::consts::SQRT_2
        };
        starts[bucket] = octave * within;
        bucket += 1;
    }
    starts[AGES] = f32::INFINITY;
    starts
};

/// The octave of a weight in bytes, from 256.
pub(super) fn size_class(weight_bytes: u64) -> u8 {
    (weight_bytes.max(1).ilog2())
        .saturating_sub(8)
        .min(OCTAVES as u32 - 1) as u8
}

/// The octave of a cost, from 1/256 of a second.
pub(super) fn cost_class(cost_seconds: f32) -> u8 {
    let exponent = (cost_seconds.to_bits() >> 23) as i32 - 127;
    (exponent + 8).clamp(0, OCTAVES as i32 - 1) as u8
}

/// The learned factors and the counts behind them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    pub(super) age: [[Cell; AGES]; CLASSES],
    pub(super) ratio: [[Cell; RATIOS]; CLASSES],
    pub(super) size: [Cell; OCTAVES],
    pub(super) cost: [Cell; OCTAVES],
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            age: [[Cell::NEW; AGES]; CLASSES],
            ratio: [[Cell::NEW; RATIOS]; CLASSES],
            size: [Cell::NEW; OCTAVES],
            cost: [Cell::NEW; OCTAVES],
        }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        let by_class = self.age.iter().flatten().chain(self.ratio.iter().flatten());
        by_class.chain(&self.size).chain(&self.cost)
    }

    /// The same cells in the same order.
    pub(super) fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        let by_class = self
            .age
            .iter_mut()
            .flatten()
            .chain(self.ratio.iter_mut().flatten());
        by_class.chain(&mut self.size).chain(&mut self.cost)
    }

    /// The factors of weight and cost, which do not depend on age.
    pub(super) fn worth(&self, size: u8, cost: u8) -> f32 {
        self.size[usize::from(size)].factor * self.cost[usize::from(cost)].factor
    }

    /// The learned factor on the prior, at an age in this half-octave with this logarithm.
    pub(super) fn reuse(&self, who: &Profile, bucket: usize, age_log2: f32) -> f32 {
        self.age[who.class][bucket].factor * self.ratio[who.class][who.ratio_of(age_log2)].factor
    }

    /// A key of this profile was used at this age.
    pub(super) fn observe(&mut self, who: &Profile, age: u64) {
        let age = (age as f32).max(1.0);
        self.age[who.class][age_bucket(age)].observed += 1.0;
        self.ratio[who.class][who.ratio_of(log2(age))].observed += 1.0;
        self.size[who.size].observed += 1.0;
        self.cost[who.cost].observed += 1.0;
    }

    /// A key of this profile was not used while its age went from `from` to `until`.
    pub(super) fn expose(&mut self, who: &Profile, from: u64, until: u64) {
        let (mut from, until) = (from as f32, until as f32);
        let mut bucket = age_bucket(from);
        while from < until {
            let end = BUCKET_STARTS[bucket + 1].min(until);
            self.book(who, bucket, from, end);
            from = end;
            bucket += 1;
        }
    }

    /// Books the uses to be expected while the age is within one half-octave.
    fn book(&mut self, who: &Profile, bucket: usize, from: f32, until: f32) {
        let middle = (from.max(0.5) * until).sqrt();
        let ratio = who.ratio_of(log2(middle));
        let age = &mut self.age[who.class][bucket];
        let ratio = &mut self.ratio[who.class][ratio];
        let size = &mut self.size[who.size];
        let cost = &mut self.cost[who.cost];
        let uses = who.prior(middle) * (until - from);
        let by_reuse = age.factor * ratio.factor;
        let by_worth = size.factor * cost.factor;
        age.expected += f64::from(uses * ratio.factor * by_worth);
        ratio.expected += f64::from(uses * age.factor * by_worth);
        size.expected += f64::from(uses * by_reuse * cost.factor);
        cost.expected += f64::from(uses * by_reuse * size.factor);
    }

    /// Corrects the factors by what was observed, and forgets a little.
    pub(super) fn refresh(&mut self) {
        refresh_by_class(&mut self.age);
        refresh_by_class(&mut self.ratio);
        refresh_octaves(&mut self.size);
        refresh_octaves(&mut self.cost);
    }
}

/// A cell that has seen little follows the one of the class with fewer uses; the first two classes have none to follow.
fn refresh_by_class<const N: usize>(table: &mut [[Cell; N]; CLASSES]) {
    let mut priors = [1.0; N];
    for (class, cells) in table.iter_mut().enumerate() {
        for (cell, prior) in cells.iter_mut().zip(&mut priors) {
            cell.correct(*prior, PRIOR_USES);
            *prior = if class == 0 {
                1.0
            } else {
                f64::from(cell.factor)
            };
            cell.decay();
        }
    }
}

/// Octaves shift weight between themselves, and leave the mean as it is.
fn refresh_octaves(cells: &mut [Cell; OCTAVES]) {
    let (mut expected, mut weighted) = (0.0, 0.0);
    for cell in cells.iter_mut() {
        cell.correct(1.0, PRIOR_USES_OF_OCTAVE);
        expected += cell.expected;
        weighted += cell.expected * f64::from(cell.factor);
    }
    let scale = if weighted > 0.0 {
        expected / weighted
    } else {
        1.0
    };
    for cell in cells.iter_mut() {
        cell.factor *= scale as f32;
        cell.decay();
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "counts of uses are whole numbers")]
mod tests {
    use super::super::word::touch;
    use super::*;

    fn profile(count: u8, gap: f32) -> Profile {
        let uses = Uses {
            last: 0,
            gap_log2: log2(gap),
            count,
        };
        Profile::of(uses, 5, 7)
    }

    /// Of all four tables: what was observed, and what was expected.
    fn sums(model: &Model) -> [(f64, f64); 4] {
        fn sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> (f64, f64) {
            cells.fold((0.0, 0.0), |(o, e), cell| {
                (o + cell.observed, e + cell.expected)
            })
        }
        [
            sum(model.age.iter().flatten()),
            sum(model.ratio.iter().flatten()),
            sum(model.size.iter()),
            sum(model.cost.iter()),
        ]
    }

    #[test]
    fn classes_of_counts_double() {
        let classes: Vec<_> = [1, 2, 3, 4, 5, 8, 9, 16, 17, 31].map(class_of).into();
        assert_eq!(classes, [0, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    }

    #[test]
    fn ages_fall_into_half_octaves() {
        for (bucket, start) in BUCKET_STARTS.iter().enumerate().take(AGES).skip(1) {
            assert_eq!(age_bucket(*start), bucket);
            assert_eq!(age_bucket(start * 0.999), bucket - 1);
        }
        assert_eq!(age_bucket(0.0), 0);
        assert_eq!(age_bucket(f32::MAX), AGES - 1);
    }

    #[test]
    fn weights_and_costs_fall_into_octaves() {
        assert_eq!(
            [0, 1, 511, 512, 1 << 20, u64::MAX].map(size_class),
            [0, 0, 0, 1, 12, 23]
        );
        assert_eq!(
            [0.0, 0.005, 1.0, 1.99, 600.0, 1e9].map(cost_class),
            [0, 0, 8, 8, 17, 23]
        );
    }

    #[test]
    fn the_prior_falls_with_age_and_a_regular_key_is_expected_after_its_gap() {
        let once = Profile::of(Uses::of(touch(0, 1)), 0, 0);
        assert!((once.prior(0.0) - 0.5 / 150.0).abs() < 1e-6);
        let often = profile(9, 100.0);
        assert!((often.prior(100.0) - 8.5 / 901.0).abs() < 1e-5);
        assert!(often.prior(10_000.0) < often.prior(100.0) / 5.0);
    }

    #[test]
    fn exposure_adds_up_however_it_is_cut() {
        let who = profile(4, 30.0);
        let (mut whole, mut cut) = (Model::new(), Model::new());
        whole.expose(&who, 0, 4096);
        for (from, until) in [(0, 2), (2, 64), (64, 1024), (1024, 4096)] {
            cut.expose(&who, from, until);
        }
        cut.expose(&who, 4096, 4096);
        cut.expose(&who, 5000, 4096);
        for ((_, whole), (_, cut)) in sums(&whole).into_iter().zip(sums(&cut)) {
            assert!((whole - cut).abs() < 1e-3 * whole, "{whole} and {cut}");
        }
    }

    #[test]
    fn every_use_is_observed_once_in_each_table() {
        let mut model = Model::new();
        for age in 0..1000 {
            model.observe(&profile((age % 40) as u8, 50.0), age * age * age);
        }
        assert_eq!(sums(&model).map(|(observed, _)| observed), [1000.0; 4]);
    }

    #[test]
    fn a_hazard_twice_the_prior_is_learned() {
        let who = profile(2, 1000.0);
        let mut model = Model::new();
        for _ in 0..300 {
            // At ages of 64 to 90 the prior is 1.5 / 1078.
            for _ in 0..100 {
                model.expose(&who, 64, 90);
            }
            let uses = 100.0 * 2.0 * 26.0 * 1.5 / 1078.0;
            model.age[who.class][age_bucket(70.0)].observed += uses;
            model.ratio[who.class][who.ratio_of(log2(76.0))].observed += uses;
            model.refresh();
        }
        let learned = model.reuse(&who, age_bucket(70.0), log2(76.0));
        assert!((1.9..2.1).contains(&learned), "{learned}");
    }

    #[test]
    fn a_class_that_has_seen_nothing_follows_the_one_below() {
        let mut model = Model::new();
        for _ in 0..200 {
            model.age[1][20].observed += 30.0;
            model.age[1][20].expected += 10.0;
            model.refresh();
        }
        let factors: Vec<_> = model.age.iter().map(|cells| cells[20].factor).collect();
        assert!(
            (factors[0] - 1.0).abs() < 1e-6,
            "the first class has no say in it"
        );
        assert!(factors[1] > 2.5);
        assert!(
            factors[2..]
                .iter()
                .all(|factor| (factor / factors[1] - 1.0).abs() < 0.05),
            "{factors:?}"
        );
    }

    #[test]
    fn octaves_of_cost_leave_the_mean_hazard_as_it_is() {
        let mut model = Model::new();
        for _ in 0..100 {
            for (octave, observed) in [(4, 40.0), (9, 10.0)] {
                model.cost[octave].observed += observed;
                model.cost[octave].expected += 25.0;
            }
            let [.., (_, before)] = sums(&model);
            model.refresh();
            let weighted: f64 = model
                .cost
                .iter()
                .map(|cell| cell.expected * f64::from(cell.factor))
                .sum();
            assert!((weighted / before / DECAY - 1.0).abs() < 1e-3);
        }
        assert!(model.cost[4].factor > 1.2 && model.cost[9].factor < 0.8);
    }

    #[test]
    fn factors_stay_finite_whatever_is_booked() {
        let mut model = Model::new();
        for round in 0..2000_u64 {
            let who = profile((round % 33) as u8, 1.0 + (round * 37 % 5000) as f32);
            model.observe(&who, round * round);
            model.expose(&who, 0, 1 << (round % 43));
            model.refresh();
        }
        for cell in model.cells() {
            assert!(cell.factor.is_finite() && cell.factor > 0.0, "{cell:?}");
        }
    }
}
