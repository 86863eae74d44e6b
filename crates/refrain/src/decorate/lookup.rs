//! The lookup that synchronous and asynchronous calls have in common, and their choice where it gives no value.

use std::borrow::Cow;

use super::holding::Holds;
use crate::cache::Cache;
use crate::error::ComputeError;
use crate::global::{self, AnyValue};
use crate::key::Key;

use super::function::Site;
use super::shape::SharedError;

/// The cache of a function, or `None` when there is none and it is simply called.
pub(super) type MaybeCache<'a, V> = Option<Cow<'a, Cache<Key, V>>>;

/// The global cache; `None` when it is disabled, or the environment makes no sense.
pub fn global_cache(site: &'static Site) -> MaybeCache<'static, AnyValue> {
    match global::state() {
        Ok(global) => global.enabled.then_some(Cow::Borrowed(&global.cache)),
        Err(error) => {
            site.function().warn(&error.to_string());
            None
        }
    }
}

/// The cache that `cache = …` says, when it does not depend on the call.
pub fn fixed_cache<V>(cache: &Cache<Key, V>) -> MaybeCache<'_, V> {
    Some(Cow::Borrowed(cache))
}

/// The cache that `cache = …` says, when it is found through an argument: the computation may take that along.
pub fn found_cache<V>(cache: &Cache<Key, V>) -> MaybeCache<'static, V> {
    Some(Cow::Owned(cache.clone()))
}

/// The content of a cache under a key.
pub(super) enum Found<T> {
    Value(T),
    /// A value of another type: to be computed and replaced.
    Other,
    Nothing,
}

/// Looks a key up and counts a hit, but not a miss: the request that follows counts it.
///
/// Asked before anything is prepared, so that a hit costs neither the user's expressions nor a copy of an argument.
pub(super) fn lookup<T, V: Holds<T, M>, M>(cache: &Cache<Key, V>, key: &Key) -> Found<T> {
    let inner = &cache.inner;
    match inner.lookup(key, inner.hash(key)) {
        None => Found::Nothing,
        Some(entry) => entry.value.take().map_or(Found::Other, Found::Value),
    }
}

/// An `Err` on its way through the cache. The caller whose computation returned it has the original.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Option<SharedError>);

/// The choice of a caller to which the cache gave no value.
pub(super) enum Instead<E> {
    /// Return this error of another caller's computation.
    Fail(E),
    /// Panic as that computation did.
    Panic(std::sync::Arc<str>),
    /// Call the function: the cache refused, or has nothing of this type.
    Call,
}

pub(super) fn instead<E>(
    error: ComputeError<Failure>,
    unshare: impl FnOnce(&SharedError) -> Option<E>,
) -> Instead<E> {
    match error {
        ComputeError::Failed(failure) => failure
            .0
            .as_ref()
            .and_then(unshare)
            .map_or(Instead::Call, Instead::Fail),
        ComputeError::Panicked { message } => Instead::Panic(message),
        ComputeError::Recursive { .. }
        | ComputeError::TimedOut { .. }
        | ComputeError::Cancelled
        | ComputeError::TooManyWaiters { .. } => Instead::Call,
    }
}
