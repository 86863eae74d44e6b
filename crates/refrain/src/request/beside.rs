//! The side value of a flight as its callers handle it: the leader makes it, and each waiter is told of it.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::flight::Side;

/// A caller's part in the computation of its answer.
///
/// ```
/// use refrain::{Cache, Role};
/// use std::sync::Arc;
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let answer = cache
///     .entry(1)
///     .side(|| Arc::new(()))
///     .joined(|_, role| assert_eq!(role, Role::Leader))
///     .get_or_compute(|_| 10);
/// assert_eq!(answer.unwrap().value, 10);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Its request began the flight.
    Leader,
    /// It joined a flight that was running.
    Waiter,
    /// It computes for itself, as the value may not be shared.
    Alone,
}

/// The caller's part of a request that may have a side value.
pub(crate) trait Beside {
    /// What the computation is given.
    type Given;

    /// Whether there is anything to do; a constant, so that what is not there costs nothing.
    const HAS_SIDE: bool;

    /// Called once, before the computation begins; `set` lets other callers see the side value.
    fn begin(&mut self, role: Role, set: impl FnOnce(Side)) -> Self::Given;

    /// Called for each flight that is joined and has a side value.
    fn joined(&mut self, side: &Side);
}

impl<B: Beside> Beside for &mut B {
    type Given = B::Given;

    const HAS_SIDE: bool = B::HAS_SIDE;

    fn begin(&mut self, role: Role, set: impl FnOnce(Side)) -> B::Given {
        (**self).begin(role, set)
    }

    fn joined(&mut self, side: &Side) {
        (**self).joined(side);
    }
}

/// A request without a side value.
pub(crate) struct Nothing;

impl Beside for Nothing {
    type Given = ();

    const HAS_SIDE: bool = false;

    fn begin(&mut self, _: Role, _: impl FnOnce(Side)) {}

    fn joined(&mut self, _: &Side) {}
}

/// A request with a side value of type `S`, and what is to be done with it.
pub(crate) struct WithSide<S, M, J> {
    /// Taken by the first computation, which is the only one.
    make: Option<M>,
    joined: J,
    side: PhantomData<fn() -> S>,
}

impl<S, M, J> WithSide<S, M, J> {
    pub(crate) fn new(make: Option<M>, joined: J) -> Self {
        Self {
            make,
            joined,
            side: PhantomData,
        }
    }

    pub(crate) fn with_joined<N>(self, joined: N) -> WithSide<S, M, N> {
        WithSide::new(self.make, joined)
    }
}

impl<S, M, J> Beside for WithSide<S, M, J>
where
    S: Any + Send + Sync,
    M: FnOnce() -> Arc<S>,
    J: FnMut(&Arc<S>, Role),
{
    type Given = Arc<S>;

    const HAS_SIDE: bool = true;

    fn begin(&mut self, role: Role, set: impl FnOnce(Side)) -> Arc<S> {
        let make = self.make.take().expect("a request computes once at most");
        let side = make();
        set(Arc::clone(&side) as Side);
        (self.joined)(&side, role);
        side
    }

    fn joined(&mut self, side: &Side) {
        // Another type: the leader's request was of another kind, and its side value means nothing here.
        if let Ok(side) = Arc::clone(side).downcast::<S>() {
            (self.joined)(&side, Role::Waiter);
        }
    }
}
