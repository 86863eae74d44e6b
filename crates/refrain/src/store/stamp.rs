//! Numbers that order events across threads without a shared counter, where the processor has a clock for that.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where stamps come from.
#[derive(Debug)]
pub(super) enum Stamps {
    /// The processor's time-stamp counter: nine nanoseconds, and no cache line moves between cores.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Processor,
    /// One counter for all: always right, and slower with every core that uses it.
    Counter(AtomicU64),
}

/// The counter runs at 2 to 5 GHz: two hits by one thread are at least 2^5 cycles apart, and two events of which one
/// thread told the other are further.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const CYCLES_BITS: u32 = 5;

impl Stamps {
    /// The processor's clock if it is one that all cores share and that never stops.
    pub(super) fn fastest() -> Self {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if processor::is_invariant() {
            return Self::Processor;
        }
        Self::counter()
    }

    /// The same stamps on every run.
    pub(super) fn counter() -> Self {
        Self::Counter(AtomicU64::new(0))
    }

    /// A number not below any that was given before this call began.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        match self {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Self::Processor => processor::cycles() >> CYCLES_BITS,
            // Relaxed: the order of the numbers is the counter's own.
            Self::Counter(last) => last.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[expect(
    unsafe_code,
    reason = "a hit may not cost 30 ns for the system's clock: docs/decisions.md, \"Stamps\""
)]
mod processor {
    use std::arch::x86_64::_rdtsc;

    #[inline]
    pub(super) fn cycles() -> u64 {
        // SAFETY: the instruction has been there since the Pentium, reads no memory and changes only its result.
        unsafe { _rdtsc() }
    }

    /// Whether the counter runs at one speed and in step on all cores ("invariant TSC", AMD64 Architecture
    /// Programmer's Manual volume 3, CPUID function `8000_0007`, EDX bit 8).
    pub(super) fn is_invariant() -> bool {
        use std::arch::x86_64::__cpuid;

        __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_taken_after_another_is_not_smaller_on_any_thread() {
        let stamps = Stamps::fastest();
        let turn = AtomicU64::new(0);
        let last = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (stamps, turn, last) = (&stamps, &turn, &last);
                scope.spawn(move || {
                    for round in 0..200 {
                        while turn.load(Ordering::Acquire) != 2 * round + thread {
                            std::thread::yield_now();
                        }
                        let stamp = stamps.next();
                        assert!(stamp >= last.load(Ordering::Relaxed));
                        last.store(stamp, Ordering::Relaxed);
                        turn.fetch_add(1, Ordering::Release);
                    }
                });
            }
        });
    }
}
