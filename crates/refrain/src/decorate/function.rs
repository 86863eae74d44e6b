//! The registry of decorated functions of the process: their names, their counters, and that no two share an identity.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

/// The place of an attribute in the source; one static for each.
#[derive(Debug)]
pub struct Site {
    place: Place,
    /// The user said `name = …`: functions of that name share entries on purpose.
    pub(super) is_named: bool,
    function: OnceLock<Arc<Function>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    name: &'static str,
    file: &'static str,
    line: u32,
    column: u32,
}

/// One decorated function, all instances of a generic one together.
#[derive(Debug)]
pub(super) struct Function {
    place: Place,
    pub(super) counters: Counters,
    /// The tag that every entry of the function has, ready to be shared by them.
    pub(super) tags: Arc<[Arc<str>]>,
    /// An identity that is known to be this function's: for all but generic functions, the only one.
    identity: OnceLock<&'static str>,
    warned: AtomicBool,
}

// Relaxed throughout: counters order nothing.
#[derive(Debug, Default)]
pub(super) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    collapsed: AtomicU64,
    uncached: AtomicU64,
    failures: AtomicU64,
}

/// Counters of the calls of one cached function. Each call that returns counts once: as a hit, a miss, collapsed, or
/// uncached.
///
/// ```
/// use refrain::{cached_result_sync, function_stats};
///
/// #[cached_result_sync]
/// fn square(number: u64) -> u64 { number * number }
///
/// square(12);
/// square(12);
/// let stats = function_stats();
/// let square = stats.iter().find(|stats| stats.name.ends_with("square")).unwrap();
/// assert_eq!((square.hits, square.misses), (1, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionStats {
    /// Module path and name, or what `name = …` says. Methods are named without their type.
    pub name: &'static str,
    /// Source file of the function.
    pub file: &'static str,
    /// Line of the attribute.
    pub line: u32,
    /// Calls answered from the cache.
    pub hits: u64,
    /// Computations begun, those included whose caller left before the end.
    pub misses: u64,
    /// Calls that got the result of another call that was running.
    pub collapsed: u64,
    /// Calls in which the cache had no part: it was disabled, there was no key, or it refused.
    pub uncached: u64,
    /// Of the computations begun, those that returned `Err` and so were not stored.
    pub failures: u64,
}

/// Statistics of every cached function that has been called in this process, by name.
///
/// ```
/// use refrain::{cached_result_sync, function_stats};
///
/// #[cached_result_sync(name = "stars", enabled = false)]
/// fn stars() -> String { "* * *".to_owned() }
///
/// stars();
/// let stats = function_stats();
/// assert_eq!((stats[0].name, stats[0].uncached), ("stars", 1));
/// ```
pub fn function_stats() -> Vec<FunctionStats> {
    let mut stats: Vec<_> = registry()
        .functions
        .values()
        .map(|function| function.stats())
        .collect();
    stats.sort_by_key(|stats| (stats.name, stats.file, stats.line));
    stats
}

#[derive(Default)]
struct Registry {
    functions: HashMap<Place, Arc<Function>>,
    /// The function that has an identity.
    owners: HashMap<&'static str, Arc<Function>>,
}

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);
    // No user code runs under this lock, so a poisoned one holds a whole registry.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    /// A site that nothing is known of but its place.
    pub const fn new(
        name: &'static str,
        is_named: bool,
        file: &'static str,
        line: u32,
        column: u32,
    ) -> Self {
        Self {
            place: Place {
                name,
                file,
                line,
                column,
            },
            is_named,
            function: OnceLock::new(),
        }
    }

    /// The function that stands here. Sites of one place, as a function and its handle have, share it.
    pub(super) fn function(&self) -> &Arc<Function> {
        self.function.get_or_init(|| {
            let mut registry = registry();
            let function = registry
                .functions
                .entry(self.place)
                .or_insert_with(|| Arc::new(Function::new(self.place)));
            Arc::clone(function)
        })
    }
}

impl Function {
    fn new(place: Place) -> Self {
        Self {
            place,
            counters: Counters::default(),
            tags: Arc::from([Arc::from(format!("function:{}", place.name))]),
            identity: OnceLock::new(),
            warned: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.place.name
    }

    /// Whether results may be filed under `identity`: false when another function goes by it.
    ///
    /// The compiler gives one path to two functions in blocks of one function, and to those of two versions of one
    /// crate. One of them would serve the other's results.
    pub(super) fn owns(self: &Arc<Self>, identity: &'static str) -> bool {
        if self.identity.get().is_some_and(|known| *known == identity) {
            return true;
        }
        let owns = {
            let mut registry = registry();
            let owner = registry
                .owners
                .entry(identity)
                .or_insert_with(|| Arc::clone(self));
            Arc::ptr_eq(owner, self)
        };
        if owns {
            // Another instance of a generic function may have been faster: the registry knows both.
            let _ = self.identity.set(identity);
        }
        owns
    }

    /// Says on standard error, once for each function, why it is not cached. The program goes on, so no other message does.
    #[expect(
        clippy::print_stderr,
        reason = "a function that is silently not cached costs minutes, and there is no error to return"
    )]
    pub(super) fn warn(&self, reason: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            let Place {
                name, file, line, ..
            } = self.place;
            eprintln!("refrain: `{name}` ({file}:{line}) is called without the cache: {reason}");
        }
    }

    pub(super) fn stats(&self) -> FunctionStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FunctionStats {
            name: self.place.name,
            file: self.place.file,
            line: self.place.line,
            hits: read(&self.counters.hits),
            misses: read(&self.counters.misses),
            collapsed: read(&self.counters.collapsed),
            uncached: read(&self.counters.uncached),
            failures: read(&self.counters.failures),
        }
    }
}

impl Counters {
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn collapsed(&self) {
        self.collapsed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn uncached(&self) {
        self.uncached.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}
