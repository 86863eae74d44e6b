//! The hazard of reuse by a Gamma–Poisson prior and learned factors: how likely a key is used at the next request, given
//! how often, how far apart and how long ago it was used.
//!
//! A key used k times at a mean gap m has the prior rate (k + ½) / (k·m + age + 1). It is multiplied by factors learned
//! online, each the ratio of observed to expected uses in its cell: by age, by age over mean gap, by size and by cost.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "estimates: rounding is far below what they can know, and buckets are small numbers"
)]

use super::word::{Uses, log2};

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

/// The profile of a key: all that its hazard depends on, beside its age.
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
    #[inline]
    pub(super) fn of(uses: Uses, size: u8, cost: u8) -> Self {
        Self {
            class: class_of(uses.count),
            gaps: f32::from(uses.count.clamp(1, 9) - 1),
            gap: uses.gap,
            gap_log2: log2(uses.gap).max(0.0),
            size: usize::from(size),
            cost: usize::from(cost),
        }
    }

    /// The hazard before anything is learned.
    #[inline]
    pub(super) fn prior(&self, age: f32) -> f32 {
        if self.gaps == 0.0 {
            0.5 / (age + ONCE_TICKS)
        } else {
            (self.gaps + 0.5) / (self.gaps * self.gap + age + 1.0)
        }
    }

    #[inline]
    pub(super) fn ratio_of(&self, age_log2: f32) -> usize {
        if self.class == 0 {
            return 0;
        }
        let ratio = (3.0 * (age_log2 - self.gap_log2) + 13.5) as i32;
        ratio.clamp(0, RATIOS as i32 - 1) as usize
    }
}

#[inline]
pub(super) fn class_of(count: u8) -> usize {
    match count {
        0..=1 => 0,
        count => (8 - (count - 1).leading_zeros() as usize).min(CLASSES - 1),
    }
}

/// The half-octave of an age.
#[inline]
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

/// The middle of each half-octave of age, on a logarithmic scale.
pub(super) const MIDDLES: [f32; AGES] = {
    let mut middles = [0.0; AGES];
    let mut age = 0;
    while age < AGES {
        // The fourth root of 2.
        let start = if age == 0 {
            std::f32::consts::FRAC_1_SQRT_2
        } else {
            BUCKET_STARTS[age]
        };
        middles[age] = start * 1.189_207_1;
        age += 1;
    }
    middles
};

pub(super) const MIDDLES_LOG2: [f32; AGES] = {
    let mut middles = [-0.25; AGES];
    let mut age = 1;
    while age < AGES {
        middles[age] = age as f32 / 2.0 + 0.25;
        age += 1;
    }
    middles
};

/// The octave of a weight in bytes, from 256.
#[inline]
pub(super) fn size_class(weight_bytes: u64) -> u8 {
    (weight_bytes.max(1).ilog2())
        .saturating_sub(8)
        .min(OCTAVES as u32 - 1) as u8
}

/// The octave of a cost, from 1/256 of a second.
#[inline]
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
    #[inline]
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
        // Most of the way goes through whole half-octaves.
        let is_whole = from <= BUCKET_STARTS[bucket] && until >= BUCKET_STARTS[bucket + 1];
        let (middle, middle_log2) = if is_whole && bucket > 0 {
            (MIDDLES[bucket], MIDDLES_LOG2[bucket])
        } else {
            let middle = (from.max(0.5) * until).sqrt();
            (middle, log2(middle))
        };
        let ratio = who.ratio_of(middle_log2);
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
mod tests;
