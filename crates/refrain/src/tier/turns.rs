//! A semaphore without a runtime: so many callers may load at once, and the others wait in the order in which they came.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<(u64, Waker)>,
    /// Those whose turn it is and that have yet to be polled.
    called: Vec<u64>,
    next: u64,
}

/// The right to load, until dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

/// A caller that waits for its turn.
struct Waiting {
    turns: Arc<Turns>,
    number: Option<u64>,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: at_once.max(1),
            waiting: VecDeque::new(),
            called: Vec::new(),
            next: 0,
        })))
    }

    pub(super) fn turn(turns: &Arc<Self>) -> impl Future<Output = Turn> + Send + use<> {
        Waiting {
            turns: Arc::clone(turns),
            number: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a turn to the caller that has waited longest.
    fn pass_on(&self) {
        let waker = {
            let mut state = self.lock();
            let next = state.waiting.pop_front();
            match &next {
                Some((number, _)) => state.called.push(*number),
                None => state.free += 1,
            }
            next.map(|(_, waker)| waker)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Waiting {
    type Output = Turn;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Turn> {
        let turns = Arc::clone(&self.turns);
        let mut state = turns.lock();
        let mut replaced = None;
        match self.number {
            None if state.free > 0 => state.free -= 1,
            None => {
                let number = state.next;
                state.next += 1;
                self.number = Some(number);
                state.waiting.push_back((number, context.waker().clone()));
                return Poll::Pending;
            }
            Some(number) => {
                if let Some(at) = state.called.iter().position(|called| *called == number) {
                    state.called.swap_remove(at);
                    self.number = None;
                } else {
                    let own = state.waiting.iter_mut().find(|(own, _)| *own == number);
                    if let Some((_, waker)) = own {
                        replaced = Some(std::mem::replace(waker, context.waker().clone()));
                    }
                    // A waker's drop is foreign code: not under the lock.
                    drop(state);
                    drop(replaced);
                    return Poll::Pending;
                }
            }
        }
        drop(state);
        Poll::Ready(Turn(turns))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.turns.lock();
        if let Some(at) = state.called.iter().position(|called| *called == number) {
            // Its turn had come.
            state.called.swap_remove(at);
            drop(state);
            self.turns.pass_on();
            return;
        }
        let at = state.waiting.iter().position(|(own, _)| *own == number);
        let left = at.and_then(|at| state.waiting.remove(at));
        drop(state);
        drop(left);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn turns_come_in_order_and_callers_that_leave_are_passed_over() {
        let turns = Turns::new(1);
        let first = poll(pin!(Turns::turn(&turns))).expect("it is free");
        let mut second = Box::pin(Turns::turn(&turns));
        let mut third = Box::pin(Turns::turn(&turns));
        let mut fourth = Box::pin(Turns::turn(&turns));
        assert!(poll(second.as_mut()).is_none());
        assert!(poll(third.as_mut()).is_none());
        assert!(poll(fourth.as_mut()).is_none());
        drop(second);
        drop(first);
        assert!(poll(fourth.as_mut()).is_none(), "the third came before it");
        assert!(
            poll(pin!(Turns::turn(&turns))).is_none(),
            "and so did those that wait"
        );
        // Called, and gone before it was polled.
        drop(third);
        let turn = poll(fourth.as_mut()).expect("it is its turn");
        drop(turn);
        assert!(poll(pin!(Turns::turn(&turns))).is_some());
    }
}
