//! The least profit rate, a Gittins index: how much the future of an entry is worth, as a multiple of its hazard by the
//! prior now.
//!
//! An evicted result comes back only through a computation. So the hazard of this moment does not decide, but the best
//! ratio, over all times for which the entry may be kept from now on, of the probability of a use to the time it is held
//! (Bilardi and Versaci, "Optimal Eviction Policies for Stochastic Address Traces", TCS 2013).
#![expect(clippy::cast_precision_loss, reason = "octaves are small numbers")]

use super::model::{
    AGES, BUCKET_STARTS, CLASSES, MIDDLES, MIDDLES_LOG2, Model, Profile, age_bucket,
};
use super::word::{exp2, log2};

/// Octaves of mean gap.
const GAPS: usize = 26;
/// Looking further ahead stops when fewer than this share of the entries would still be held.
const HELD_MIN: f32 = 0.02;
/// A mean number of gaps for each class of counts.
const CLASS_GAPS: [f32; CLASSES] = [0.0, 1.0, 2.5, 5.5, 8.0, 8.0];

/// The multiple by class of count, octave of mean gap and half-octave of age: 31 KB.
///
/// A row is computed when it is first asked for after a refresh.
#[derive(Debug)]
pub(super) struct Lookahead {
    multiples: Box<[[[f32; AGES]; GAPS]]>,
    /// One bit for each row of a class that is computed.
    computed: [u32; CLASSES],
}

impl Lookahead {
    pub(super) fn new() -> Self {
        Self {
            multiples: vec![[[1.0; AGES]; GAPS]; CLASSES].into_boxed_slice(),
            computed: [0; CLASSES],
        }
    }

    /// The model has changed.
    pub(super) fn refresh(&mut self) {
        self.computed = [0; CLASSES];
    }

    /// The multiple for an entry of this profile at this age.
    #[inline]
    pub(super) fn multiple(&mut self, model: &Model, who: &Profile, age: f32) -> f32 {
        // There is no gap before the second use.
        let octave = match who.class {
            0 => 0,
            _ => octave_of(who.gap).min(GAPS - 1),
        };
        if self.computed[who.class] >> octave & 1 == 0 {
            self.compute(model, who.class, octave);
        }
        self.multiples[who.class][octave][age_bucket(age)]
    }

    #[cold]
    fn compute(&mut self, model: &Model, class: usize, octave: usize) {
        self.multiples[class][octave] = Path::of(model, class, octave).multiples();
        self.computed[class] |= 1 << octave;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.multiples)
    }
}

/// The octave of a gap, which is at least 1.
fn octave_of(gap: f32) -> usize {
    (gap.to_bits() >> 23) as usize - 127
}

/// The same for an entry that will be gone after `life` more ticks.
pub(super) fn multiple_within(model: &Model, who: &Profile, age: f32, life: f32) -> f32 {
    let mut path = Stretch::default();
    let mut best = Stretch::default();
    let (mut from, end) = (age, age + life);
    let mut bucket = age_bucket(age);
    while from < end && path.alive >= HELD_MIN {
        let until = BUCKET_STARTS[bucket + 1].min(end);
        let middle = (from.max(0.5) * until).sqrt();
        let hazard = who.prior(middle) * model.reuse(who, bucket, log2(middle));
        path = path.then(Stretch::of(hazard, until - from));
        if path.pays_more_than(best) {
            best = path;
        }
        from = until;
        bucket += 1;
    }
    best.uses / best.held / who.prior(age)
}

/// The hazards ahead of a key of one class of counts and octave of mean gap.
struct Path {
    prior: [f32; AGES],
    hazard: [f32; AGES],
}

impl Path {
    fn of(model: &Model, class: usize, octave: usize) -> Self {
        let gap_log2 = octave as f32 + 0.5;
        let who = Profile {
            class,
            gaps: CLASS_GAPS[class],
            gap: exp2(gap_log2),
            gap_log2,
            size: 0,
            cost: 0,
        };
        let mut path = Self {
            prior: [0.0; AGES],
            hazard: [0.0; AGES],
        };
        for age in 0..AGES {
            path.prior[age] = who.prior(MIDDLES[age]);
            path.hazard[age] = path.prior[age] * model.reuse(&who, age, MIDDLES_LOG2[age]);
        }
        path
    }

    /// The best ratio from the middle of each half-octave of age on, over the prior there.
    ///
    /// The time ahead is kept as stretches, each the best that begins where it does, so each pays less than the one
    /// before. A stretch is merged with the next one as long as that pays more.
    fn multiples(&self) -> [f32; AGES] {
        let mut multiples = [0.0; AGES];
        let mut ahead = [Stretch::default(); AGES];
        let mut count = 0;
        for age in (0..AGES).rev() {
            let best = ahead[..count].iter().rev().try_fold(
                Stretch::of(self.hazard[age], WIDTHS[age] / 2.0),
                |best, next| {
                    if next.pays_more_than(best) {
                        Ok(best.then(*next))
                    } else {
                        Err(best)
                    }
                },
            );
            let (Ok(best) | Err(best)) = best;
            multiples[age] = best.uses / best.held / self.prior[age];

            let mut whole = Stretch::of(self.hazard[age], WIDTHS[age]);
            while count > 0 && ahead[count - 1].pays_more_than(whole) {
                count -= 1;
                whole = whole.then(ahead[count]);
            }
            ahead[count] = whole;
            count += 1;
        }
        multiples
    }
}

/// A stretch of time ahead of an entry that is held until it is used, or the stretch is over.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// The probability of a use.
    uses: f32,
    /// Ticks it is held on average.
    held: f32,
    /// The probability that it is still held at the end.
    alive: f32,
}

impl Default for Stretch {
    /// No time at all.
    fn default() -> Self {
        Self {
            uses: 0.0,
            held: 0.0,
            alive: 1.0,
        }
    }
}

impl Stretch {
    fn of(hazard: f32, width: f32) -> Self {
        let alive = 1.0 / (1.0 + hazard * width);
        Self {
            uses: hazard * width * alive,
            held: width * alive,
            alive,
        }
    }

    fn then(self, next: Self) -> Self {
        Self {
            uses: self.uses + self.alive * next.uses,
            held: self.held + self.alive * next.held,
            alive: self.alive * next.alive,
        }
    }

    /// Whether its ratio of uses to time held is greater; any ratio is greater than none.
    fn pays_more_than(self, other: Self) -> bool {
        self.uses * other.held > other.uses * self.held || other.held == 0.0
    }
}

/// How wide each half-octave of age is.
const WIDTHS: [f32; AGES] = {
    let mut widths = [0.0; AGES];
    let mut age = 0;
    while age + 1 < AGES {
        widths[age] = BUCKET_STARTS[age + 1] - BUCKET_STARTS[age];
        age += 1;
    }
    widths[AGES - 1] = widths[AGES - 2] * std::f32::consts::SQRT_2;
    widths
};

#[cfg(test)]
mod tests;
