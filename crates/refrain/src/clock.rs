//! The seam for time: no other file of the library asks for it.
//!
//! A [`Clock`] counts from the moment it was made, so a cache never sees a wall clock jump.
//! Tests take [`Clock::fake`] and move the time by hand.

mod alarm;
mod coarse;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

pub(crate) use alarm::Alarm;
use alarm::AlarmQueue;
use coarse::Coarse;

/// Where a cache gets its time from: the machine's monotonic clock, or a fake one moved by a test.
///
/// ```
/// use refrain::Clock;
/// use std::time::Duration;
///
/// let (clock, hands) = Clock::fake();
/// assert_eq!(clock.elapsed(), Duration::ZERO);
/// hands.advance(Duration::from_secs(60));
/// assert_eq!(clock.elapsed(), Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    Monotonic {
        start: Instant,
        wall: SystemTime,
        coarse: Coarse,
    },
    Fake(Arc<FakeTime>),
}

struct FakeTime {
    elapsed: Mutex<Duration>,
    wall: SystemTime,
    alarms: AlarmQueue,
}

/// The hands of a fake [`Clock`]: the only way its time moves.
///
/// ```
/// use refrain::Clock;
/// use std::time::Duration;
///
/// let (clock, hands) = Clock::fake();
/// hands.advance(Duration::MAX);
/// hands.advance(Duration::from_secs(1));
/// assert_eq!(clock.elapsed(), Duration::MAX, "time saturates");
/// ```
#[derive(Clone)]
pub struct FakeClock(Arc<FakeTime>);

impl Clock {
    /// The machine's monotonic clock, starting now. This is the default.
    ///
    /// ```
    /// let clock = refrain::Clock::monotonic();
    /// assert!(clock.elapsed() <= clock.elapsed());
    /// ```
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that everybody else asks"
    )]
    pub fn monotonic() -> Self {
        Self(Source::Monotonic {
            start: Instant::now(),
            wall: SystemTime::now(),
            coarse: Coarse::starting_now(),
        })
    }

    /// A clock that stands still until its [`FakeClock`] is moved. Its wall clock starts at the Unix epoch.
    ///
    /// ```
    /// let (clock, hands) = refrain::Clock::fake();
    /// hands.advance(std::time::Duration::from_millis(5));
    /// assert_eq!(clock.elapsed().as_millis(), 5);
    /// ```
    pub fn fake() -> (Self, FakeClock) {
        Self::fake_at(SystemTime::UNIX_EPOCH)
    }

    /// The same, with a wall clock that starts at `wall`: to try what a jump of it does.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// let later = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    /// let (clock, _hands) = refrain::Clock::fake_at(later);
    /// assert_eq!((clock.elapsed(), clock.wall()), (Duration::ZERO, later));
    /// ```
    pub fn fake_at(wall: SystemTime) -> (Self, FakeClock) {
        let time = Arc::new(FakeTime {
            elapsed: Mutex::new(Duration::ZERO),
            wall,
            alarms: AlarmQueue::new(),
        });
        (Self(Source::Fake(Arc::clone(&time))), FakeClock(time))
    }

    /// Time since this clock was made. Never goes backwards.
    ///
    /// ```
    /// let (clock, _hands) = refrain::Clock::fake();
    /// assert_eq!(clock.elapsed(), std::time::Duration::ZERO);
    /// ```
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::Monotonic { start, .. } => start.elapsed(),
            Source::Fake(time) => *time.elapsed.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// [`elapsed`](Self::elapsed), or up to ten milliseconds less, which costs less: for what is not decided by the time.
    pub(crate) fn lately(&self) -> Duration {
        match &self.0 {
            Source::Monotonic { coarse, .. } => coarse.elapsed().unwrap_or_else(|| self.elapsed()),
            Source::Fake(_) => self.elapsed(),
        }
    }

    pub(crate) fn is_fake(&self) -> bool {
        matches!(self.0, Source::Fake(_))
    }

    /// The wall clock, as seen from the moment this clock was made: a later jump of the machine's wall clock does not
    /// move it. For what is to be understood after a restart, or elsewhere.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// let (clock, hands) = refrain::Clock::fake();
    /// hands.advance(Duration::from_secs(5));
    /// assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
    /// ```
    pub fn wall(&self) -> SystemTime {
        self.wall_at(self.elapsed())
    }

    /// The wall clock at `elapsed`, as seen from the moment this clock was made: a later jump of the machine's
    /// wall clock does not move it.
    pub(crate) fn wall_at(&self, elapsed: Duration) -> SystemTime {
        let wall = match &self.0 {
            Source::Monotonic { wall, .. } => *wall,
            Source::Fake(time) => time.wall,
        };
        wall.checked_add(elapsed).unwrap_or(wall)
    }

    /// Wakes `waker` once this clock shows `due`; dropping the alarm calls it off.
    pub(crate) fn alarm(&self, due: Duration, waker: Waker) -> Alarm {
        match &self.0 {
            Source::Monotonic { start, .. } => alarm::at_instant(start.checked_add(due), waker),
            Source::Fake(time) => time.alarms.add(due, waker),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::monotonic()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Source::Monotonic { .. } => "monotonic",
            Source::Fake(_) => "fake",
        };
        write!(f, "Clock({kind}, {:?})", self.elapsed())
    }
}

impl FakeClock {
    /// Moves the time forward and wakes the tasks and threads whose moment has now come. Saturates at [`Duration::MAX`].
    ///
    /// ```
    /// let (clock, hands) = refrain::Clock::fake();
    /// hands.advance(std::time::Duration::from_secs(1));
    /// hands.advance(std::time::Duration::from_secs(2));
    /// assert_eq!(clock.elapsed().as_secs(), 3);
    /// ```
    pub fn advance(&self, by: Duration) {
        let now = {
            let mut elapsed = self
                .0
                .elapsed
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *elapsed = elapsed.saturating_add(by);
            *elapsed
        };
        for waker in self.0.alarms.take_due(now) {
            waker.wake();
        }
    }
}

/// Saturates.
pub(crate) fn whole_millis(span: Duration) -> u64 {
    let millis = span.as_secs().saturating_mul(1000);
    millis.saturating_add(u64::from(span.subsec_millis()))
}

impl fmt::Debug for FakeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeClock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lately_is_never_ahead_and_never_far_behind() {
        let clock = Clock::monotonic();
        let mut before = Duration::ZERO;
        for _ in 0..100_000 {
            let lately = clock.lately();
            let now = clock.elapsed();
            assert!(lately <= now, "{lately:?} is ahead of {now:?}");
            assert!(lately >= before, "{lately:?} comes after {before:?}");
            before = lately;
        }
        let (clock, hands) = Clock::fake();
        hands.advance(Duration::from_nanos(1));
        assert_eq!(
            clock.lately(),
            Duration::from_nanos(1),
            "a fake clock is exact"
        );
    }
}
