//! A call of a function: the computation runs on the caller's thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::function::Site;
use super::holding::{Holds, Weight};
use super::lookup::{Failure, Found, Instead, MaybeCache, instead, lookup};
use super::options::Options;
use super::panics::panic_message;
use super::shape::Shape;
use crate::key::Key;
use crate::outcome::Outcome;

/// Calls a function, or gives what an earlier call gave.
///
/// `prepare` gives the function to be computed, and the options of its entry if they are wanted.
///
/// # Panics
///
/// As the function does, or as it did where this call waited for it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "as `call_async` takes it, which keeps it"
)]
pub fn call<R, S, V, M, W, F>(
    site: &'static Site,
    cache: MaybeCache<'_, V>,
    key: Option<Key>,
    _: S,
    weight: W,
    prepare: impl FnOnce(bool) -> (Options, F),
) -> R
where
    S: Shape<R>,
    V: Holds<S::Value, M>,
    W: Weight<S::Value, V, M>,
    F: FnOnce() -> R,
{
    let counters = &site.function().counters;
    let Some((cache, key)) = cache.zip(key) else {
        counters.uncached();
        return prepare(false).1();
    };
    let found = lookup(&cache, &key);
    if let Found::Value(value) = found {
        counters.hit();
        return S::join(Ok(value));
    }
    let (options, compute) = prepare(true);
    let mut compute = Some(compute);
    let mut own_error = None;
    let mut own_panic = None;
    let mut request = cache.entry(key);
    if matches!(found, Found::Other) {
        request = request.refresh();
    }
    let result = request.get_or_try_compute(|| {
        let compute = compute.take().expect("it is taken here, and only once");
        counters.miss();
        let result = catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|payload| {
            let message = panic_message(payload.as_ref());
            own_panic = Some(payload);
            resume_unwind(Box::new(message))
        });
        match S::split(result) {
            Ok(value) => Ok(options.apply(value, |value| weight.of(value), V::put)),
            Err(error) => {
                counters.failure();
                let shared = S::share(&error);
                own_error = Some(error);
                Err(Failure(shared))
            }
        }
    });
    if let Some(payload) = own_panic {
        resume_unwind(payload);
    }
    if let Some(error) = own_error {
        return S::join(Err(error));
    }
    let instead = match result {
        Ok(answer) => match answer.value.take() {
            Some(value) => {
                match answer.outcome {
                    Outcome::Hit => counters.hit(),
                    Outcome::Collapsed { .. }
                    | Outcome::Loaded {
                        collapsed: true, ..
                    } => {
                        counters.collapsed();
                    }
                    Outcome::Computed { .. }
                    | Outcome::Loaded { .. }
                    | Outcome::Bypassed { .. } => {}
                }
                return S::join(Ok(value));
            }
            None => Instead::Call,
        },
        Err(error) => instead(error, S::unshare),
    };
    match (instead, compute) {
        (Instead::Fail(error), _) => {
            counters.collapsed();
            S::join(Err(error))
        }
        (Instead::Panic(message), _) => {
            counters.collapsed();
            panic!("{message}")
        }
        (Instead::Call, Some(compute)) => {
            counters.uncached();
            compute()
        }
        (Instead::Call, None) => unreachable!("a computation that ran has a value or an error"),
    }
}
