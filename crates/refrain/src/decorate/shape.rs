//! The shape of a returned value, by autoref specialization: a value that is stored, and perhaps an error that is not.
//!
//! The shape is found by type and not by spelling, so that an alias of `Result` is one. [`Returns`] has one method
//! `shape` in three traits; the compiler tries the one with most references first and takes the first that applies.

use std::any::Any;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;

/// An error that others may have, too.
pub(super) type SharedError = Arc<dyn Any + Send + Sync>;

/// A way to split a function's result `R` and to join it again.
#[diagnostic::on_unimplemented(
    message = "`store_errors` is for functions that return a `Result`, and this one returns `{R}`",
    label = "not a `Result`",
    note = "leave `store_errors` out: a plain value is always stored"
)]
pub trait Shape<R> {
    /// The part that is stored.
    type Value;
    /// The part that is not.
    type Error;

    /// Splits a result.
    ///
    /// # Errors
    ///
    /// The part that is not to be stored.
    fn split(result: R) -> Result<Self::Value, Self::Error>;

    /// Joins a result.
    fn join(result: Result<Self::Value, Self::Error>) -> R;

    /// A copy of the error for the waiters, if it has one.
    fn share(_: &Self::Error) -> Option<SharedError> {
        None
    }

    /// The error that [`share`](Self::share) gave, if it was of this type.
    fn unshare(_: &SharedError) -> Option<Self::Error> {
        None
    }
}

/// The type a function returns.
#[derive(Debug)]
pub struct Returns<R>(PhantomData<fn() -> R>);

impl<R> Returns<R> {
    /// The type alone.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "named by expansions only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// A value, kept as it is.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// A `Result`; a waiter that gets an `Err` calls the function.
#[derive(Debug, Clone, Copy)]
pub struct Fallible;

/// A `Result` whose `Err` is shared with the waiters.
#[derive(Debug, Clone, Copy)]
pub struct FallibleShared;

/// A `Result` that is kept whatever it is.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

/// Third choice.
pub trait ReturnsOther {
    /// How the result is taken apart.
    fn shape(&self) -> Plain {
        Plain
    }
}

/// Second choice.
pub trait ReturnsResult {
    /// How the result is taken apart.
    fn shape(&self) -> Fallible {
        Fallible
    }
}

/// First choice.
pub trait ReturnsSharedResult {
    /// How the result is taken apart.
    fn shape(&self) -> FallibleShared {
        FallibleShared
    }
}

impl<R> ReturnsOther for Returns<R> {}
impl<T, E> ReturnsResult for &Returns<Result<T, E>> {}
impl<T, E: Clone + Send + Sync + 'static> ReturnsSharedResult for &&Returns<Result<T, E>> {}

/// The shape for `store_errors`.
pub const fn whole_result<R>() -> Whole
where
    Whole: Shape<R>,
{
    Whole
}

impl<R> Shape<R> for Plain {
    type Value = R;
    type Error = Infallible;

    fn split(result: R) -> Result<R, Infallible> {
        Ok(result)
    }

    fn join(result: Result<R, Infallible>) -> R {
        let Ok(value) = result;
        value
    }
}

impl<T, E> Shape<Result<T, E>> for Whole {
    type Value = Result<T, E>;
    type Error = Infallible;

    fn split(result: Result<T, E>) -> Result<Result<T, E>, Infallible> {
        Ok(result)
    }

    fn join(result: Result<Result<T, E>, Infallible>) -> Result<T, E> {
        let Ok(value) = result;
        value
    }
}

impl<T, E> Shape<Result<T, E>> for Fallible {
    type Value = T;
    type Error = E;

    fn split(result: Result<T, E>) -> Result<T, E> {
        result
    }

    fn join(result: Result<T, E>) -> Result<T, E> {
        result
    }
}

impl<T, E: Clone + Send + Sync + 'static> Shape<Result<T, E>> for FallibleShared {
    type Value = T;
    type Error = E;

    fn split(result: Result<T, E>) -> Result<T, E> {
        result
    }

    fn join(result: Result<T, E>) -> Result<T, E> {
        result
    }

    fn share(error: &E) -> Option<SharedError> {
        Some(Arc::new(error.clone()))
    }

    fn unshare(error: &SharedError) -> Option<E> {
        error.downcast_ref::<E>().cloned()
    }
}
