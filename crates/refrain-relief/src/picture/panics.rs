//! Panics of a decoder, caught: a picture that brings one about is refused like any other that cannot be read.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is in a decoder, whose panic is caught and of no interest to a log.
    static IN_DECODER: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode`; `None` when it panics.
///
/// A panic of [`aside`], which is the caller's, goes on.
pub(super) fn caught<T>(decode: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    // The message and the backtrace are written before a panic can be caught, so the hook has to hold them back.
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_DECODER.get() {
                before(info);
            }
        }));
    });
    let outside = IN_DECODER.replace(true);
    // What a decoder was working on is given up with it.
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    let panicked_in_decoder = IN_DECODER.replace(outside);
    match result {
        Ok(value) => Some(value),
        Err(_) if panicked_in_decoder => None,
        Err(panic) => panic::resume_unwind(panic),
    }
}

/// Runs `work` of the caller in the middle of a decoder.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let inside = IN_DECODER.replace(false);
    let value = work();
    IN_DECODER.set(inside);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_caught() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| assert_eq!(1, 2)), None);
        assert!(!IN_DECODER.get());
    }

    #[test]
    fn a_panic_of_the_caller_in_the_middle_of_a_decoder_goes_on() {
        let result = panic::catch_unwind(|| {
            caught(|| aside(|| panic!("the caller's")));
        });
        let panic = result.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"the caller's"));
        assert!(!IN_DECODER.get());
        assert_eq!(caught(|| aside(|| 7)), Some(7));
    }
}
