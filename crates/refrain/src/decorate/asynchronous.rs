//! A call of an `async` function: the computation belongs to the cache, and goes on when its caller leaves.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::function::Site;
use super::holding::{Holds, Weight};
use super::lookup::{Failure, Found, Instead, MaybeCache, instead, lookup};
use super::options::Options;
use super::panics::{Payload, catch, panic_message};
use super::shape::Shape;
use crate::key::Key;
use crate::outcome::Outcome;

/// The body of an `async` function.
pub(super) type Body<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// Puts a body where it can be handed over. Without its type, so that a function may await itself.
pub fn boxed<R>(body: impl Future<Output = R> + Send + 'static) -> Body<R> {
    Box::pin(body)
}

/// The state that a caller shares with the computation it handed to the cache.
struct Handed<R, E> {
    /// Taken when it begins to run. While it is here, the caller may have it back.
    body: Mutex<Option<Body<R>>>,
    /// The original of an error, of which the cache has at most a copy.
    error: Mutex<Option<E>>,
    /// The payload of its panic, of which the cache has only the message.
    panic: Mutex<Option<Payload>>,
}

impl<R, E> Handed<R, E> {
    fn take_body(&self) -> Option<Body<R>> {
        take(&self.body)
    }
}

fn give<T>(place: &Mutex<Option<T>>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Calls an `async` function, or gives what an earlier call gave.
///
/// `prepare` gives the body to be computed, and the options of its entry if they are wanted.
///
/// # Panics
///
/// As the function does, or as it did where this call waited for it.
pub async fn call_async<R, S, V, M, W>(
    site: &'static Site,
    cache: MaybeCache<'_, V>,
    key: Option<Key>,
    _: S,
    weight: W,
    prepare: impl FnOnce(bool) -> (Options, Body<R>),
) -> R
where
    R: 'static,
    S: Shape<R, Error: Send + 'static> + 'static,
    V: Holds<S::Value, M>,
    M: 'static,
    W: Weight<S::Value, V, M> + Send + 'static,
{
    let counters = &site.function().counters;
    let Some((cache, key)) = cache.zip(key) else {
        counters.uncached();
        return prepare(false).1.await;
    };
    let refresh = match lookup(&cache, &key) {
        Found::Value(value) => {
            counters.hit();
            return S::join(Ok(value));
        }
        Found::Other => true,
        Found::Nothing => false,
    };
    let (options, body) = prepare(true);
    let handed = Arc::new(Handed {
        body: Mutex::new(Some(body)),
        error: Mutex::new(None),
        panic: Mutex::new(None),
    });
    let mut request = cache.entry(key);
    if refresh {
        request = request.refresh();
    }
    let computation = compute::<R, S, V, M, W>(site, Arc::clone(&handed), weight, options);
    let result = request.get_or_try_compute_async(computation).await;
    if let Some(payload) = take(&handed.panic) {
        resume_unwind(payload);
    }
    if let Some(error) = take(&handed.error) {
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
    match (instead, handed.take_body()) {
        (Instead::Fail(error), _) => {
            counters.collapsed();
            S::join(Err(error))
        }
        (Instead::Panic(message), _) => {
            counters.collapsed();
            panic!("{message}")
        }
        (Instead::Call, Some(body)) => {
            counters.uncached();
            body.await
        }
        (Instead::Call, None) => unreachable!("a computation that ran has a value or an error"),
    }
}

async fn compute<R, S, V, M, W>(
    site: &'static Site,
    handed: Arc<Handed<R, S::Error>>,
    weight: W,
    options: Options,
) -> Result<crate::Computed<V>, Failure>
where
    S: Shape<R>,
    V: Holds<S::Value, M>,
    W: Weight<S::Value, V, M>,
{
    let counters = &site.function().counters;
    let body = handed.take_body().expect("it is taken here, and only once");
    counters.miss();
    let result = catch(body).await.unwrap_or_else(|payload| {
        let message = panic_message(payload.as_ref());
        give(&handed.panic, payload);
        resume_unwind(Box::new(message))
    });
    match S::split(result) {
        Ok(value) => Ok(options.apply(value, |value| weight.of(value), V::put)),
        Err(error) => {
            counters.failure();
            let shared = S::share(&error);
            give(&handed.error, error);
            Err(Failure(shared))
        }
    }
}
