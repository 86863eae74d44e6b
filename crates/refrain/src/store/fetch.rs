//! Prefetching: tells the processor which memory will be read soon, on architectures that have an instruction for it.

/// Has the cache lines of `what`, two at most, fetched meanwhile. Nothing is read, and nothing changes.
#[inline]
pub(super) fn fetch<T>(what: &T) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    for line in 0..size_of::<T>().div_ceil(64).min(2) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let address = std::ptr::from_ref(what)
            .cast::<i8>()
            .wrapping_add(64 * line);
        // SAFETY: the instruction changes no register and no memory, and faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    let _ = what;
}
