#![expect(clippy::float_cmp, reason = "counts of uses are whole numbers")]

use super::super::word::touch;
use super::*;

fn profile(count: u8, gap: f32) -> Profile {
    let uses = Uses {
        last: 0,
        gap,
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
