//! The timer beside one direction of a connection: it goes off when the client is late.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep_until};

use super::TooSlow;
use super::meter::{Direction, Meter};

/// Watches one direction. The timer is made at the first wait, so a quick client costs none.
#[derive(Debug)]
pub(super) struct Watch {
    meter: Meter,
    direction: Direction,
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Watch {
    pub(super) fn new(meter: Meter, direction: Direction) -> Self {
        Self {
            meter,
            direction,
            timer: None,
            is_waiting: false,
        }
    }

    /// The client keeps this waiting: ready once that is for too long.
    pub(super) fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        self.is_waiting = true;
        let late = self.meter.wait(self.direction, context.waker());
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(late)));
        if timer.deadline() != late {
            timer.as_mut().reset(late);
        }
        timer.as_mut().poll(context).map(|()| TooSlow)
    }

    /// The client has moved `bytes`.
    pub(super) fn moved(&mut self, bytes: usize) {
        // Bytes of a client that was never waited for make up for nothing.
        if self.is_waiting {
            self.is_waiting = false;
            self.meter.moved(self.direction, bytes);
        }
    }
}
