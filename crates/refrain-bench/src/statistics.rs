//! Medians, spreads and means of what was measured.

/// The middle of `samples`; between the two middle ones when their number is even. `NaN` of none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The distance between the first and third quartile, as a share of the median: how far half of the rounds lie apart.
pub(crate) fn spread(samples: &[f64]) -> f64 {
    (quantile(samples, 0.75) - quantile(samples, 0.25)) / median(samples)
}

/// The median over rounds of `ours / theirs`.
///
/// The slices of a round lie within a second, so that a slow minute of the machine slows both and cancels out.
pub(crate) fn paired_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    median(&ratios)
}

/// The mean of ratios: twice as fast here and half as fast there is 1.
pub(crate) fn geometric_mean(ratios: &[f64]) -> f64 {
    let count = u32::try_from(ratios.len()).expect("a few hundred cells at most");
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / f64::from(count)).exp()
}

/// The value below which a `share` of the samples lie, interpolated linearly.
fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    #[expect(clippy::cast_precision_loss, reason = "a handful of rounds")]
    let position = last as f64 * share;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and `last`"
    )]
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_median_ignores_an_outlier() {
        assert!(close(median(&[3.0, 1.0, 1000.0]), 3.0));
        assert!(close(median(&[1.0, 2.0, 3.0, 1000.0]), 2.5));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn equal_rounds_have_no_spread() {
        assert!(close(spread(&[5.0; 7]), 0.0));
        assert!(close(spread(&[8.0, 9.0, 10.0, 11.0, 12.0]), 0.2));
    }

    #[test]
    fn a_slow_round_of_the_machine_cancels_out_of_a_paired_ratio() {
        let ours = [20.0, 2.0, 20.0];
        let theirs = [10.0, 1.0, 10.0];
        assert!(close(paired_ratio(&ours, &theirs), 2.0));
    }

    #[test]
    fn twice_as_fast_and_half_as_fast_is_as_fast() {
        assert!(close(geometric_mean(&[2.0, 0.5]), 1.0));
        assert!(close(geometric_mean(&[1.2; 36]), 1.2));
    }
}
