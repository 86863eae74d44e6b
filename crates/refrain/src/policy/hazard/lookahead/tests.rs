use super::super::word::Uses;
use super::*;

fn profile(count: u8, gap_log2: f32) -> Profile {
    let uses = Uses {
        last: 0,
        gap: gap_log2.exp2(),
        count,
    };
    Profile::of(uses, 0, 0)
}

/// A model in which hazards rise and fall without reason.
fn rugged() -> Model {
    let mut model = Model::new();
    let mut seed = 7_u32;
    for cell in model
        .age
        .iter_mut()
        .flatten()
        .chain(model.ratio.iter_mut().flatten())
    {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        cell.factor = (((seed >> 16) % 200) as f32 / 100.0 - 1.0).exp2();
    }
    model
}

/// The best ratio over every horizon, one after another.
fn by_trying_all(path: &Path, age: usize) -> f32 {
    let (mut alive, mut uses, mut held, mut best) = (1.0, 0.0, 0.0, 0.0_f32);
    for (next, (hazard, width)) in path.hazard.iter().zip(WIDTHS).enumerate().skip(age) {
        let width = if next == age { width / 2.0 } else { width };
        let expected = hazard * width;
        uses += alive * expected / (1.0 + expected);
        held += alive * width / (1.0 + expected);
        alive /= 1.0 + expected;
        best = best.max(uses / held);
    }
    best / path.prior[age]
}

#[test]
fn every_multiple_is_the_best_over_all_horizons() {
    let model = rugged();
    let mut lookahead = Lookahead::new();
    for class in 0..CLASSES {
        for octave in 0..if class == 0 { 1 } else { GAPS } {
            let path = Path::of(&model, class, octave);
            lookahead.compute(&model, class, octave);
            for age in 0..AGES {
                let multiple = lookahead.multiples[class][octave][age];
                let expected = by_trying_all(&path, age);
                let error = multiple / expected - 1.0;
                assert!(
                    error.abs() < 1e-3,
                    "{multiple}, not {expected}: {class} {octave} {age}"
                );
            }
        }
    }
}

#[test]
fn with_hazards_that_fall_it_is_best_not_to_look_ahead() {
    let (model, mut lookahead) = (Model::new(), Lookahead::new());
    for age in [0.5, 30.0, 1e5] {
        let multiple = lookahead.multiple(&model, &profile(1, 0.0), age);
        assert!((0.7..1.3).contains(&multiple), "{multiple} at {age}");
    }
}

#[test]
fn a_key_that_comes_back_regularly_is_worth_waiting_for() {
    let mut model = Model::new();
    let who = profile(20, 10.0);
    // Never used before its mean gap is nearly over.
    for ratio in 0..12 {
        model.ratio[who.class][ratio].factor = 0.01;
    }
    model.ratio[who.class][13].factor = 20.0;
    let multiple = Lookahead::new().multiple(&model, &who, 300.0);
    let now = model.reuse(&who, age_bucket(300.0), log2(300.0));
    assert!(
        multiple > 30.0 * now,
        "the hazard of this moment says nothing"
    );
}

#[test]
fn a_life_that_ends_before_the_next_use_is_worth_little() {
    let mut model = Model::new();
    let who = profile(20, 10.0);
    for ratio in 0..12 {
        model.ratio[who.class][ratio].factor = 0.01;
    }
    let short = multiple_within(&model, &who, 300.0, 200.0);
    let long = multiple_within(&model, &who, 300.0, 3000.0);
    assert!(long > 20.0 * short, "{long} and {short}");
}

#[test]
fn a_long_life_is_like_an_endless_one() {
    let model = rugged();
    let mut lookahead = Lookahead::new();
    let who = profile(2, 8.5);
    for age in [2.0_f32, 30.0, 700.0] {
        let middle = MIDDLES[age_bucket(age)];
        let endless = lookahead.multiple(&model, &who, middle);
        let long = multiple_within(&model, &who, middle, 1e6);
        assert!(
            (0.8..1.25).contains(&(long / endless)),
            "{long} and {endless} at {age}"
        );
    }
}

#[test]
fn what_lies_ahead_follows_the_model_after_a_refresh() {
    let (mut model, mut lookahead) = (Model::new(), Lookahead::new());
    let who = profile(2, 8.5);
    let before = lookahead.multiple(&model, &who, 300.0);
    model.age[who.class][age_bucket(300.0)].factor = 100.0;
    assert!((lookahead.multiple(&model, &who, 300.0) - before).abs() < 1e-6);
    lookahead.refresh();
    assert!(lookahead.multiple(&model, &who, 300.0) > 2.0 * before);
}
