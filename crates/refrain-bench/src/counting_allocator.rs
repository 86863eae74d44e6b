//! Counts the bytes that live on the heap.
//!
//! Kept crates count what was asked for, all the time, with shared counters that would slow down the speed
//! measurements, and none counts what `malloc` makes of it. Here counting is off until a measurement of memory
//! switches it on, for the whole process and for good.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The system's allocator, counting once it is told to.
struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTERS: Counters = Counters::new();

/// Starts to count; what lives already is not in the figures.
pub(crate) fn start() {
    // Relaxed: a thread that sees it late counts a little less, before anything is measured.
    COUNTING.store(true, Ordering::Relaxed);
}

/// What lives now of what was allocated since [`start`].
pub(crate) fn usage() -> Usage {
    COUNTERS.usage()
}

/// The most requested bytes that lived at once.
pub(crate) fn peak_requested_bytes() -> i64 {
    COUNTERS.peak.load(Ordering::Relaxed)
}

/// Heap memory at one moment. Negative when something older than [`start`] was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes that were asked for.
    pub(crate) requested: i64,
    /// Bytes that glibc's `malloc` takes for them.
    pub(crate) rounded: i64,
    pub(crate) blocks: i64,
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            requested: self.requested - before.requested,
            rounded: self.rounded - before.rounded,
            blocks: self.blocks - before.blocks,
        }
    }
}

/// All of them relaxed: sums that nothing else depends on.
struct Counters {
    requested: AtomicI64,
    rounded: AtomicI64,
    blocks: AtomicI64,
    peak: AtomicI64,
}

impl Counters {
    const fn new() -> Self {
        Self {
            requested: AtomicI64::new(0),
            rounded: AtomicI64::new(0),
            blocks: AtomicI64::new(0),
            peak: AtomicI64::new(0),
        }
    }

    fn add(&self, bytes: usize) {
        let before = self.requested.fetch_add(signed(bytes), Ordering::Relaxed);
        self.peak
            .fetch_max(before + signed(bytes), Ordering::Relaxed);
        self.rounded
            .fetch_add(signed(malloc_bytes(bytes)), Ordering::Relaxed);
        self.blocks.fetch_add(1, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.requested.fetch_sub(signed(bytes), Ordering::Relaxed);
        self.rounded
            .fetch_sub(signed(malloc_bytes(bytes)), Ordering::Relaxed);
        self.blocks.fetch_sub(1, Ordering::Relaxed);
    }

    fn usage(&self) -> Usage {
        Usage {
            requested: self.requested.load(Ordering::Relaxed),
            rounded: self.rounded.load(Ordering::Relaxed),
            blocks: self.blocks.load(Ordering::Relaxed),
        }
    }
}

/// Bytes of the chunk that 64-bit glibc hands out: 8 for its header, a multiple of 16, at least 32; whole pages and
/// a header of 16 from 128 KiB on.
const fn malloc_bytes(requested: usize) -> usize {
    if requested >= 128 << 10 {
        return (requested + 16).next_multiple_of(4096);
    }
    let chunk = (requested + 8).next_multiple_of(16);
    if chunk < 32 { 32 } else { chunk }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[expect(unsafe_code, reason = "an allocator cannot be written without it")]
// SAFETY: every call goes to `System` with the arguments it came with, and its answer is returned as it is; counting
// neither allocates nor touches the blocks.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING.load(Ordering::Relaxed) {
            COUNTERS.add(layout.size());
        }
        // SAFETY: the caller's promise about `layout` is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if COUNTING.load(Ordering::Relaxed) {
            COUNTERS.subtract(layout.size());
        }
        // SAFETY: `block` came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if COUNTING.load(Ordering::Relaxed) {
            COUNTERS.add(layout.size());
        }
        // SAFETY: the caller's promise about `layout` is the one that is asked for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if COUNTING.load(Ordering::Relaxed) {
            // Both live while the bytes are copied.
            COUNTERS.add(new_size);
            COUNTERS.subtract(layout.size());
        }
        // SAFETY: `block` came from `System` with this layout, and the caller vouches for `new_size`.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_freed_is_not_live_but_stays_in_the_peak() {
        let counters = Counters::new();
        counters.add(1000);
        counters.add(24);
        counters.subtract(1000);
        assert_eq!(
            counters.usage(),
            Usage {
                requested: 24,
                rounded: 32,
                blocks: 1
            }
        );
        assert_eq!(counters.peak.load(Ordering::Relaxed), 1024);
    }

    #[test]
    fn chunks_are_rounded_as_glibc_rounds_them() {
        let chunks = [0, 24, 25, 40, 41, 1024].map(malloc_bytes);
        assert_eq!(chunks, [32, 32, 48, 48, 64, 1040]);
        assert_eq!(malloc_bytes(1 << 20), (1 << 20) + 4096);
    }

    #[test]
    fn the_allocator_of_this_process_counts() {
        start();
        let before = usage();
        let large: Vec<u8> = Vec::with_capacity(1 << 30);
        // Other tests allocate at the same time, but not that much.
        assert!((usage() - before).requested > 1 << 29);
        assert!(peak_requested_bytes() >= large.capacity().try_into().unwrap());
        drop(large);
        assert!((usage() - before).requested < 1 << 29);
    }
}
