//! Panics of user code: the caller gets the original payload, and only the message goes through the cache.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// The payload of a panic.
pub(super) type Payload = Box<dyn Any + Send>;

/// The text that `panic!` gives, for waiters, which get no more.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the function panicked without a message")
        .to_owned()
}

/// Runs a future to its end, or to its panic. It is not polled after that.
pub(super) async fn catch<R>(
    mut future: Pin<Box<dyn Future<Output = R> + Send>>,
) -> Result<R, Payload> {
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}
