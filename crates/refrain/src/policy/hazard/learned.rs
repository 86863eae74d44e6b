//! The learned state: how keys are used, and the rates that follow from it.

use super::lookahead::{Lookahead, multiple_within};
use super::model::{Model, Profile, cost_class, size_class};
use super::word::Uses;
use crate::policy::{LEAST_COST_SECONDS, Sampling};

/// The factors are corrected after so many requests; at the beginning, when they have doubled.
const REFRESH_REQUESTS: u64 = 512;
const FIRST_REFRESH: u64 = 64;
/// A life longer than this many ages or mean gaps, whichever is greater, is as good as endless.
const LONG_LIFE: f32 = 8.0;

/// Every tracked key counts, resident or not, so what the cache decides does not bend what it learns, and a cache of ten
/// entries learns as fast as one of a million.
#[derive(Debug)]
pub(super) struct Learned {
    /// Observes all the time; what it comes to is in `rates`.
    pub(super) model: Model,
    pub(super) rates: Rates,
    next_refresh: u64,
}

/// The factors as of the last refresh, and what lies ahead of each kind of key by them: what indices are computed from.
#[derive(Debug)]
pub(super) struct Rates {
    model: Model,
    lookahead: Lookahead,
}

impl Learned {
    pub(super) fn new() -> Self {
        Self::from_model(Model::new(), FIRST_REFRESH)
    }

    fn from_model(model: Model, next_refresh: u64) -> Self {
        Self {
            rates: Rates::of(&model),
            model,
            next_refresh,
        }
    }

    /// The factors have just been loaded.
    pub(super) fn loaded(model: Model, tick: u64) -> Self {
        Self::from_model(model, tick + REFRESH_REQUESTS)
    }

    /// Corrects the factors when it is time.
    pub(super) fn refresh(&mut self, tick: u64, sampling: Sampling) {
        if tick >= self.next_refresh {
            self.model.refresh();
            self.rates.refresh(&self.model);
            let step = sampling.requests_per(REFRESH_REQUESTS);
            self.next_refresh = tick + (tick / 2).min(step);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.rates.lookahead.memory_bytes()
    }
}

impl Rates {
    fn of(model: &Model) -> Self {
        Self {
            lookahead: Lookahead::new(),
            model: model.clone(),
        }
    }

    fn refresh(&mut self, model: &Model) {
        self.model.clone_from(model);
        self.lookahead.refresh();
    }

    /// Computation time to be saved for each byte and tick an entry is held, looking ahead as far as is best
    /// and at most `life` ticks.
    #[inline]
    pub(super) fn index(
        &mut self,
        word: u64,
        weight_bytes: u64,
        cost_seconds: f32,
        tick: u64,
        life: Option<f32>,
    ) -> f32 {
        let uses = Uses::of(word);
        let (size, cost) = (size_class(weight_bytes), cost_class(cost_seconds));
        let who = Profile::of(uses, size, cost);
        #[expect(
            clippy::cast_precision_loss,
            reason = "an age of 2^24 and one more are the same"
        )]
        let age = uses.age(tick) as f32 + 0.5;
        let multiple = match life {
            Some(life) if life <= 0.0 => return -1.0,
            Some(life) if life < LONG_LIFE * age.max(who.gap) => {
                multiple_within(&self.model, &who, age, life)
            }
            _ => self.lookahead.multiple(&self.model, &who, age),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a weight of 2^24 bytes and one more are worth the same"
        )]
        let density = cost_seconds.max(LEAST_COST_SECONDS) / weight_bytes.max(1) as f32;
        who.prior(age) * multiple * self.model.worth(size, cost) * density
    }
}
