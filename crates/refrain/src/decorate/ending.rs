//! What a call has in common however its function runs: what its own computation gave, and what the caller gets of the answer.

use std::panic::resume_unwind;

use super::function::Counters;
use super::holding::{Holds, Weight};
use super::lookup::{Failure, Instead, instead};
use super::options::Options;
use super::panics::{Payload, panic_message};
use super::shape::Shape;
use crate::computed::Computed;
use crate::entry::Answer;
use crate::error::ComputeError;
use crate::outcome::Outcome;

/// What the computation of this caller ended with, but for a value: others get a copy at best, and this caller the original.
pub(super) struct Own<E> {
    error: Option<E>,
    panic: Option<Payload>,
}

/// The same, as far as others may have it.
pub(super) enum Told<V> {
    Value(Computed<V>),
    Failed(Failure),
    Panicked(String),
}

impl<V> Told<V> {
    /// Ends the computation with it.
    pub(super) fn pass_on(self) -> Result<Computed<V>, Failure> {
        match self {
            Self::Value(computed) => Ok(computed),
            Self::Failed(failure) => Err(failure),
            Self::Panicked(message) => resume_unwind(Box::new(message)),
        }
    }
}

impl<E> Own<E> {
    pub(super) fn nothing() -> Self {
        Self {
            error: None,
            panic: None,
        }
    }

    /// What the function gave: what is this caller's own of it, and what the cache is told.
    pub(super) fn of<R, S, V, M>(
        counters: &Counters,
        result: Result<R, Payload>,
        weight: &impl Weight<S::Value, V, M>,
        options: Options,
    ) -> (Self, Told<V>)
    where
        S: Shape<R, Error = E>,
        V: Holds<S::Value, M>,
    {
        let mut own = Self::nothing();
        let told = match result.map(S::split) {
            Ok(Ok(value)) => Told::Value(options.apply(value, |value| weight.of(value), V::put)),
            Ok(Err(error)) => {
                counters.failure();
                let shared = S::share(&error);
                own.error = Some(error);
                Told::Failed(Failure(shared))
            }
            Err(payload) => {
                let message = panic_message(payload.as_ref());
                own.panic = Some(payload);
                Told::Panicked(message)
            }
        };
        (own, told)
    }

    /// What the caller gets of the answer of the cache; nothing, if it is to call the function itself.
    pub(super) fn ended<R, S, V, M>(
        self,
        counters: &Counters,
        answered: Result<Answer<V>, ComputeError<Failure>>,
    ) -> Option<R>
    where
        S: Shape<R, Error = E>,
        V: Holds<S::Value, M>,
    {
        if let Some(payload) = self.panic {
            resume_unwind(payload);
        }
        if let Some(error) = self.error {
            return Some(S::join(Err(error)));
        }
        let instead = match answered {
            Ok(answer) => {
                let value = answer.value.take()?;
                counters.answered(&answer.outcome);
                return Some(S::join(Ok(value)));
            }
            Err(error) => instead(error, S::unshare),
        };
        match instead {
            Instead::Fail(error) => {
                counters.collapsed();
                Some(S::join(Err(error)))
            }
            Instead::Panic(message) => {
                counters.collapsed();
                panic!("{message}")
            }
            Instead::Call => None,
        }
    }
}

impl Counters {
    fn answered(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Hit => self.hit(),
            Outcome::Collapsed { .. }
            | Outcome::Loaded {
                collapsed: true, ..
            } => self.collapsed(),
            // Counted by the computation, if there was one.
            Outcome::Computed { .. } | Outcome::Loaded { .. } | Outcome::Bypassed { .. } => {}
        }
    }
}
