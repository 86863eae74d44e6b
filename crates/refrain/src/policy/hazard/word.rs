//! The history of use of one key in 64 bits: when it was last used, how far apart, how often.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "fields of a word are masked, and a gap is only known to a part in a thousand"
)]

/// Ticks wrap here: at a million requests a second, after 100 days.
const TICK_BITS: u32 = 43;
const TICK_MASK: u64 = (1 << TICK_BITS) - 1;
const GAP_BITS: u32 = 16;
const GAP_MASK: u64 = (1 << GAP_BITS) - 1;
const COUNT_BITS: u32 = 5;
const TICK_SHIFT: u32 = GAP_BITS + COUNT_BITS;
/// Uses are counted to here.
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
/// The mean gap moves towards each new gap by at least one part in so many.
const GAPS_MAX: u64 = 8;
/// A gap is kept as the leading bits of an `f32` that is at least 1: six of exponent, ten of mantissa.
const GAP_SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - 10;
const GAP_LEAST: u32 = 1.0_f32.to_bits();

/// By how much of the difference the mean gap moves towards a new one, by the number of uses before.
const MOVES: [f32; 1 << COUNT_BITS] = {
    let mut moves = [0.0; 1 << COUNT_BITS];
    let mut count = 1;
    while count <= COUNT_MAX {
        let gaps = if count < GAPS_MAX { count } else { GAPS_MAX };
        moves[count as usize] = 1.0 / gaps as f32;
        count += 1;
    }
    moves
};

/// The history in a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Uses {
    /// Tick of the last use, modulo 2^43.
    pub(super) last: u64,
    /// Mean gap in ticks; 1 before the second use.
    pub(super) gap: f32,
    /// How often it was used, up to 31.
    pub(super) count: u8,
}

impl Uses {
    #[inline]
    pub(super) fn of(word: u64) -> Self {
        Self {
            last: word >> TICK_SHIFT,
            gap: gap(word),
            count: (word & COUNT_MAX) as u8,
        }
    }

    /// Ticks since the last use; 0 if it lies ahead, which threads that race can bring about.
    pub(super) fn age(self, tick: u64) -> u64 {
        age(tick, self.last)
    }
}

/// Ticks from `last` to `tick`, both modulo 2^43.
fn age(tick: u64, last: u64) -> u64 {
    let age = tick.wrapping_sub(last) & TICK_MASK;
    if age >> (TICK_BITS - 1) == 0 { age } else { 0 }
}

fn gap(word: u64) -> f32 {
    f32::from_bits(GAP_LEAST + (((word >> COUNT_BITS) & GAP_MASK) << GAP_SHIFT) as u32)
}

fn pack_gap(gap: f32) -> u64 {
    let half = 1 << (GAP_SHIFT - 1);
    let above = gap.max(1.0).to_bits() - GAP_LEAST + half;
    u64::from(above >> GAP_SHIFT).min(GAP_MASK)
}

/// One more use at `tick`; 0 is a key never used. Every hit comes through here: no division, no logarithm, no branch.
pub(in super::super) fn touch(word: u64, tick: u64) -> u64 {
    let count = word & COUNT_MAX;
    let newest = age(tick, word >> TICK_SHIFT).max(1) as f32;
    let mean = gap(word);
    let mean = mean + (newest - mean) * MOVES[count as usize];
    (tick & TICK_MASK) << TICK_SHIFT | pack_gap(mean) << COUNT_BITS | (count + 1).min(COUNT_MAX)
}

/// The word as it would be had all its uses been `by` ticks later, modulo 2^43.
pub(super) fn shift(word: u64, by: u64) -> u64 {
    word.wrapping_add(by << TICK_SHIFT)
}

/// Logarithm to base 2 of a positive number, to 0.0002: the same on every machine.
#[inline]
pub(super) fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as f32 - 127.0;
    let m = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    let of_m =
        -2.512_875 + m * (4.070_13 + m * (-2.120_696_3 + m * (0.645_142_55 - m * 0.081_614_48)));
    exponent + of_m
}

/// 2 to the power of `x`, for 0 ≤ x < 127, to 0.0002 of the result; likewise.
pub(super) fn exp2(x: f32) -> f32 {
    let whole = x as u32;
    let f = x - whole as f32;
    let of_f = 1.0
        + f * (std::f32::consts::LN_2
            + f * (0.240_226_5 + f * (0.055_504_1 + f * (0.009_618_1 + f * 0.001_504_1))));
    f32::from_bits((whole + 127) << 23) * of_f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_to_31() {
        let mut word = 0;
        for count in 1..40 {
            word = touch(word, u64::from(count) * 10);
            assert_eq!(Uses::of(word).count, count.min(31));
            assert_eq!(Uses::of(word).last, u64::from(count) * 10);
        }
    }

    #[test]
    fn the_mean_gap_is_that_of_the_first_gaps() {
        let mut word = 0;
        for tick in [100, 110, 130, 190] {
            word = touch(word, tick);
        }
        let mean = Uses::of(word).gap;
        assert!((mean - 30.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn the_mean_gap_follows_a_change() {
        let mut word = 0;
        let mut tick = 0;
        for gap in [vec![10; 40], vec![1000; 40]].concat() {
            tick += gap;
            word = touch(word, tick);
        }
        let mean = Uses::of(word).gap;
        assert!((950.0..=1001.0).contains(&mean), "{mean}");
    }

    #[test]
    fn ticks_may_wrap_and_may_lie_ahead() {
        let word = touch(0, (1 << 43) - 5);
        assert_eq!(Uses::of(word).age(1 << 43), 5);
        assert_eq!(Uses::of(word).age(7), 12);
        assert_eq!(
            Uses::of(word).age((1 << 43) - 9),
            0,
            "a use that lies ahead is a use now"
        );
        assert_eq!(Uses::of(shift(word, 6)).last, 1);
        assert_eq!(Uses::of(shift(word, 6)).count, 1);
    }

    #[test]
    fn the_longest_gap_fits() {
        let word = touch(touch(0, 1), 1 << 42);
        assert!((Uses::of(word).gap.log2() - 42.0).abs() < 0.01);
        assert_eq!(Uses::of(word).count, 2);
    }

    #[test]
    fn logarithms_and_powers_are_close() {
        for step in 0..4000 {
            let x = step as f32 / 100.0;
            assert!(
                (exp2(x) / x.exp2() - 1.0).abs() < 3e-4,
                "2 to the power of {x}"
            );
            assert!(
                (log2(x.exp2()) - x).abs() < 3e-4,
                "logarithm of 2 to the power of {x}"
            );
        }
    }
}
