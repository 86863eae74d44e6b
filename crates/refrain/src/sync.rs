//! The seam for the primitives of the cache's own protocols: locks, atomics and threads of the standard library, or of a
//! tool that tries schedules (`--cfg loom`, `--cfg shuttle`: CONTRIBUTING.md).
//!
//! Counters that decide nothing, and locks under which no other primitive is used, are the standard library's in any
//! case. A tool that could interrupt them would try more schedules and find no more.

pub(crate) use chosen::*;

/// Whether schedules are tried: tables are small then and patience is short, so that what is rare is frequent.
pub(crate) const SCHEDULES: bool = cfg!(any(loom, shuttle));

#[cfg(not(any(loom, shuttle)))]
mod chosen {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic};
    pub(crate) use std::{thread, thread_local};

    pub(crate) use hashbrown::DefaultHashBuilder as HashBuilder;

    /// Statics that are there anew in every schedule.
    macro_rules! statics {
        ($(static $name:ident: $type:ty = $value:expr;)*) => {
            $(static $name: $type = $value;)*
        };
    }
    pub(crate) use statics;
}

#[cfg(shuttle)]
mod chosen {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};
    pub(crate) use shuttle::{lazy_static, thread, thread_local};

    /// The same on every run, as a schedule is repeated by its seed.
    pub(crate) type HashBuilder = BuildHasherDefault<DefaultHasher>;

    /// The loops around it look at atomics, which is where another thread may go on.
    pub(crate) fn spin_loop() {}

    macro_rules! statics {
        ($(static $name:ident: $type:ty = $value:expr;)*) => {
            $crate::sync::lazy_static! { $(static ref $name: $type = $value;)* }
        };
    }
    pub(crate) use statics;
}

#[cfg(loom)]
mod chosen {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    pub(crate) use loom::sync::{Mutex, MutexGuard, RwLock};
    pub(crate) use loom::{lazy_static, thread};

    pub(crate) type HashBuilder = BuildHasherDefault<DefaultHasher>;

    pub(crate) fn spin_loop() {}

    macro_rules! statics {
        ($(static $name:ident: $type:ty = $value:expr;)*) => {
            $crate::sync::lazy_static! { $(static ref $name: $type = $value;)* }
        };
    }
    pub(crate) use statics;

    /// Takes `const { … }` too.
    macro_rules! of_each_thread {
        ($($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
            loom::thread_local! { $($(#[$attribute])* static $name: $type = $value;)* }
        };
    }
    pub(crate) use of_each_thread as thread_local;

    pub(crate) mod atomic {
        pub(crate) use loom::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence,
        };

        /// Loom knows no sequentially consistent accesses, only such fences. A fence before each access is how
        /// processors without such accesses are told (Batty et al., "Clarifying and Compiling C/C++ Concurrency",
        /// POPL 2012).
        #[derive(Debug, Default)]
        pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

        fn lead(order: Ordering) {
            if order == Ordering::SeqCst {
                fence(Ordering::SeqCst);
            }
        }

        impl AtomicU64 {
            pub(crate) fn new(value: u64) -> Self {
                Self(loom::sync::atomic::AtomicU64::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> u64 {
                lead(order);
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: u64, order: Ordering) {
                lead(order);
                self.0.store(value, order);
            }

            pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
                lead(order);
                self.0.swap(value, order)
            }

            pub(crate) fn fetch_add(&self, by: u64, order: Ordering) -> u64 {
                lead(order);
                self.0.fetch_add(by, order)
            }

            pub(crate) fn fetch_sub(&self, by: u64, order: Ordering) -> u64 {
                lead(order);
                self.0.fetch_sub(by, order)
            }

            pub(crate) fn compare_exchange(
                &self,
                old: u64,
                new: u64,
                success: Ordering,
                failure: Ordering,
            ) -> Result<u64, u64> {
                lead(success);
                self.0.compare_exchange(old, new, success, failure)
            }
        }
    }
}
