//! Deadlock detection in a wait-for graph over all caches of the process: a cycle is refused before a caller waits.
//!
//! Edges exist only while a computation waits for another one, which is rare, so one lock serves all.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Names one computation in error messages: its cache and a number.
#[derive(Debug, Clone)]
pub(crate) struct FlightId {
    number: u64,
    cache: Arc<str>,
}

static WAITING: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Graph {
    /// For each computation, those it waits for (a computation may wait for several at once, and for one twice).
    edges: HashMap<u64, Vec<FlightId>>,
}

crate::sync::thread_local! {
    /// The computations that this thread is inside of, innermost last.
    static INSIDE: RefCell<Vec<FlightId>> = const { RefCell::new(Vec::new()) };
}

impl FlightId {
    pub(crate) fn next(cache: &Arc<str>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            // Relaxed: a number orders nothing.
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            cache: Arc::clone(cache),
        }
    }
}

impl fmt::Display for FlightId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.cache, self.number)
    }
}

/// Marks this thread as running the computation `id` until the guard is dropped.
pub(crate) fn enter(id: &FlightId) -> Inside {
    // A thread that is ending has no memory of its own left: it can end in no cycle through itself.
    let _ = INSIDE.try_with(|inside| inside.borrow_mut().push(id.clone()));
    Inside(())
}

/// The same, for a computation that keeps the one outside of it waiting until the guard is dropped.
pub(crate) fn enter_and_block(id: &FlightId) -> (Inside, Option<Edge>) {
    // No thread computes `id` yet, so it waits for no other computation: this closes no cycle.
    let edge = current().and_then(|outer| wait_for(&outer, id).ok());
    (enter(id), edge)
}

/// Proof that the thread is inside a computation.
pub(crate) struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
    }
}

/// Whether this thread is inside of a computation.
pub(crate) fn is_inside() -> bool {
    INSIDE
        .try_with(|inside| !inside.borrow().is_empty())
        .unwrap_or(false)
}

/// The computation this thread is inside of, if any.
pub(super) fn current() -> Option<FlightId> {
    INSIDE
        .try_with(|inside| inside.borrow().last().cloned())
        .ok()
        .flatten()
}

/// The fact that one computation waits for another, until dropped.
pub(crate) struct Edge {
    from: u64,
    to: u64,
}

/// Notes that `from` waits for `to`; refused with the cycle's path when `to` already waits for `from`.
pub(super) fn wait_for(from: &FlightId, to: &FlightId) -> Result<Edge, Arc<str>> {
    let mut graph = lock();
    if let Some(path) = graph.path(to, from.number) {
        return Err(describe(from, &path));
    }
    graph.edges.entry(from.number).or_default().push(to.clone());
    Ok(Edge {
        from: from.number,
        to: to.number,
    })
}

impl Drop for Edge {
    fn drop(&mut self) {
        let mut graph = lock();
        if let Some(targets) = graph.edges.get_mut(&self.from) {
            if let Some(at) = targets.iter().position(|target| target.number == self.to) {
                targets.swap_remove(at);
            }
            if targets.is_empty() {
                graph.edges.remove(&self.from);
            }
        }
    }
}

impl Graph {
    /// The computations from `start` to `goal`, both included, if `start` waits for `goal`.
    fn path(&self, start: &FlightId, goal: u64) -> Option<Vec<FlightId>> {
        let mut seen = HashSet::from([start.number]);
        let mut paths = vec![vec![start.clone()]];
        while let Some(path) = paths.pop() {
            let last = path.last()?;
            if last.number == goal {
                return Some(path);
            }
            for next in self.edges.get(&last.number).into_iter().flatten() {
                if seen.insert(next.number) {
                    let mut longer = path.clone();
                    longer.push(next.clone());
                    paths.push(longer);
                }
            }
        }
        None
    }
}

fn describe(from: &FlightId, path: &[FlightId]) -> Arc<str> {
    let mut text = from.to_string();
    for id in path {
        // Writing into a `String` cannot fail.
        let _ = write!(text, " -> {id}");
    }
    Arc::from(text)
}

fn lock() -> MutexGuard<'static, Graph> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
