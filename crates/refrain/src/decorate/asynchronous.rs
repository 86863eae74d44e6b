//! A call of an `async` function: the computation belongs to the cache, and goes on when its caller leaves.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ending::Own;
use super::function::Site;
use super::holding::{Holds, Weight};
use super::lookup::{Failure, Found, MaybeCache, lookup};
use super::options::Options;
use super::panics::catch;
use super::shape::Shape;
use crate::key::Key;

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
    /// Put here when it has ended.
    own: Mutex<Own<E>>,
}

impl<R, E> Handed<R, E> {
    fn take_body(&self) -> Option<Body<R>> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.take()
    }

    fn own(&self) -> MutexGuard<'_, Own<E>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        own: Mutex::new(Own::nothing()),
    });
    let mut request = cache.entry(key);
    if refresh {
        request = request.refresh();
    }
    let computation = compute::<R, S, V, M, W>(site, Arc::clone(&handed), weight, options);
    let answered = request.get_or_try_compute_async(computation).await;
    let own = std::mem::replace(&mut *handed.own(), Own::nothing());
    if let Some(result) = own.ended::<R, S, V, M>(counters, answered) {
        return result;
    }
    counters.uncached();
    let body = handed.take_body();
    body.expect("a computation that ran has a value or an error")
        .await
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
    let result = catch(body).await;
    let (own, told) = Own::of::<R, S, V, M>(counters, result, &weight, options);
    *handed.own() = own;
    told.pass_on()
}
