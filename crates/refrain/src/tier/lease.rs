//! Leases: the right to compute what belongs under a key, among all that use a tier.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::catch::catch;
use crate::clock::{Alarm, Clock};
use crate::flight::BoxFuture;

/// The right to compute what belongs under a key. Others that want it wait until this is dropped.
///
/// ```
/// use refrain::tier::Lease;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let is_stored = Arc::new(AtomicBool::new(false));
/// let lease = Lease::new(Arc::clone(&is_stored), "what ends with it");
/// lease.stored();
/// assert!(is_stored.load(Ordering::Acquire));
/// ```
pub struct Lease {
    is_stored: Arc<AtomicBool>,
    looks_again: bool,
    #[expect(dead_code, reason = "dropping it gives the lease back")]
    held: Box<dyn Any + Send + Sync>,
}

impl Lease {
    /// `held` gives the lease back when it is dropped, and learns from `is_stored` whether others find a result.
    pub fn new(is_stored: Arc<AtomicBool>, held: impl Any + Send + Sync) -> Self {
        Self {
            is_stored,
            looks_again: false,
            held: Box::new(held),
        }
    }

    /// Others have stored a result meanwhile: it is to be looked for once more before anything is computed.
    ///
    /// ```
    /// let lease = refrain::tier::Lease::new(std::sync::Arc::default(), ()).look_again();
    /// assert!(lease.looks_again());
    /// ```
    #[must_use]
    pub fn look_again(mut self) -> Self {
        self.looks_again = true;
        self
    }

    /// Whether a result is to be looked for once more.
    ///
    /// ```
    /// assert!(!refrain::tier::Lease::new(std::sync::Arc::default(), ()).looks_again());
    /// ```
    pub fn looks_again(&self) -> bool {
        self.looks_again
    }

    /// The result is in the tier.
    ///
    /// ```
    /// refrain::tier::Lease::new(std::sync::Arc::default(), ()).stored();
    /// ```
    pub fn stored(&self) {
        self.is_stored.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// A future that is waited for until a moment of the cache's clock, and then dropped.
pub(super) struct Patience<T> {
    operation: Option<BoxFuture<T>>,
    due: Duration,
    clock: Clock,
    alarm: Option<Alarm>,
}

impl<T> Patience<T> {
    pub(super) fn new(operation: BoxFuture<T>, patience: Duration, clock: &Clock) -> Self {
        Self {
            operation: Some(operation),
            due: clock.elapsed().saturating_add(patience),
            clock: clock.clone(),
            alarm: None,
        }
    }
}

impl<T> Future for Patience<T> {
    type Output = Option<T>;

    /// Nothing, if it takes too long or panics.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let Some(operation) = &mut this.operation else {
            return Poll::Ready(None);
        };
        let ended = match catch(|| operation.as_mut().poll(context)) {
            Ok(Poll::Ready(given)) => Some(given),
            Err(_) => None,
            Ok(Poll::Pending) => {
                let waker = context.waker().clone();
                this.alarm = Some(this.clock.alarm(this.due, waker));
                // Asked after the alarm is set: the moment may have come in between.
                if this.clock.elapsed() < this.due {
                    return Poll::Pending;
                }
                None
            }
        };
        this.alarm = None;
        let operation = this.operation.take();
        let _ = catch(|| drop(operation));
        Poll::Ready(ended)
    }
}
