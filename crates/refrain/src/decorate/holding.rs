//! The two ways in which a cache holds values of a function: as they are, or with their type erased, as [`AnyValue`].

use std::sync::Arc;

use super::shape::Shape;
use crate::global::AnyValue;
use crate::key::Key;
use crate::weigh::Weigh;

/// The cache is of the function's own type.
#[derive(Debug)]
pub struct AsItIs;

/// The cache takes any type.
#[derive(Debug)]
pub struct AsAny;

/// A cache of these can hold a `T`.
#[diagnostic::on_unimplemented(
    message = "a cache of `{Self}` cannot hold the results of this function, which are `{T}`",
    label = "this function's results are `{T}`",
    note = "give a `Cache<Key, {T}>`, or a `Cache<Key, AnyValue>`, which holds values of any type",
    note = "of a function that returns a `Result`, only what is in `Ok` is kept, unless `store_errors` is said"
)]
pub trait Holds<T, M>: Clone + Send + Sync + 'static {
    /// As the cache holds it.
    fn put(value: T) -> Self;

    /// As the function returns it; `None` when it is of another type.
    fn take(&self) -> Option<T>;
}

impl<T: Clone + Send + Sync + 'static> Holds<T, AsItIs> for T {
    fn put(value: T) -> Self {
        value
    }

    fn take(&self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Holds<T, AsAny> for AnyValue {
    fn put(value: T) -> Self {
        Arc::new(value)
    }

    fn take(&self) -> Option<T> {
        self.downcast_ref::<T>().cloned()
    }
}

/// The weigher of a `T` in a cache of `V`.
#[diagnostic::on_unimplemented(
    message = "a cache of `{V}` cannot hold the results of this function, which are `{T}`",
    label = "this function's results are `{T}`",
    note = "give a `Cache<Key, {T}>`, or a `Cache<Key, AnyValue>`, which holds values of any type",
    note = "of a function that returns a `Result`, only what is in `Ok` is kept, unless `store_errors` is said"
)]
pub trait Weight<T, V, M> {
    /// Bytes, or `None` to leave it to the cache's own weigher.
    fn of(&self, value: &T) -> Option<u64>;
}

/// The cache's own weigher where it knows the type, and an estimate where it does not.
#[derive(Debug)]
pub struct Estimated;

/// The weight when nothing is said.
pub const fn estimated() -> Estimated {
    Estimated
}

impl<T: Clone + Send + Sync + 'static> Weight<T, T, AsItIs> for Estimated {
    fn of(&self, _: &T) -> Option<u64> {
        None
    }
}

impl<T: Weigh> Weight<T, AnyValue, AsAny> for Estimated {
    fn of(&self, value: &T) -> Option<u64> {
        Some(value.weight_bytes().saturating_add(size_of::<Key>() as u64))
    }
}

/// The closure of `weight = |…| …`.
#[derive(Debug)]
pub struct Told<F>(F);

/// The weight when it is told by a closure. `shape` is for the compiler: it says what the closure is given.
pub fn told<R, S: Shape<R>, B: Bytes>(
    _: S,
    weigh: impl Fn(&S::Value) -> B,
) -> Told<impl Fn(&S::Value) -> u64> {
    Told(move |value: &S::Value| weigh(value).bytes())
}

impl<T, V, M, F: Fn(&T) -> u64> Weight<T, V, M> for Told<F> {
    fn of(&self, value: &T) -> Option<u64> {
        Some((self.0)(value))
    }
}

/// A number of bytes, in the types in which programs count them.
#[diagnostic::on_unimplemented(
    message = "`weight` gives a number of bytes as `usize` or `u64`, not `{Self}`",
    label = "not a number of bytes"
)]
pub trait Bytes {
    /// The number.
    fn bytes(self) -> u64;
}

impl Bytes for usize {
    fn bytes(self) -> u64 {
        self as u64
    }
}

impl Bytes for u64 {
    fn bytes(self) -> u64 {
        self
    }
}

impl Bytes for u32 {
    fn bytes(self) -> u64 {
        self.into()
    }
}
