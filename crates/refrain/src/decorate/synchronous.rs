//! A call of a function: the computation runs on the caller's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ending::Own;
use super::function::Site;
use super::holding::{Holds, Weight};
use super::lookup::{Found, MaybeCache, lookup};
use super::options::Options;
use super::shape::Shape;
use crate::key::Key;

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
    let mut own = Own::nothing();
    let mut request = cache.entry(key);
    if matches!(found, Found::Other) {
        request = request.refresh();
    }
    let answered = request.get_or_try_compute(|| {
        let compute = compute.take().expect("it is taken here, and only once");
        counters.miss();
        let result = catch_unwind(AssertUnwindSafe(compute));
        let (ended, told) = Own::of::<R, S, V, M>(counters, result, &weight, options);
        own = ended;
        told.pass_on()
    });
    own.ended::<R, S, V, M>(counters, answered)
        .unwrap_or_else(|| {
            counters.uncached();
            compute.expect("a computation that ran has a value or an error")()
        })
}
