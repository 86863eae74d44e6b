//! A log of invalidations, with tickets: a result that was invalidated since its computation began is not stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use refrain::Key;

/// Counts invalidations, and remembers those that a running computation could have missed.
#[derive(Debug, Default)]
pub(crate) struct Invalidations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many there were.
    now: u64,
    /// How many tickets of each moment there are.
    tickets: BTreeMap<u64, usize>,
    keys: HashMap<Key, u64>,
    tags: HashMap<Box<str>, u64>,
    all: u64,
}

/// A moment at which a computation began. Taken before it begins, and shown when its result is to be stored: what has been
/// invalidated in between is not stored.
///
/// ```
/// use refrain::{Insertion, Key};
/// use refrain_disk::{DiskTier, NewEntry};
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
/// let ticket = tier.begin();
/// tier.invalidate(&key)?;
/// assert_eq!(tier.store(&ticket, &key, &NewEntry::new(b"old"))?, Insertion::Invalidated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Ticket {
    moment: u64,
    invalidations: Arc<Invalidations>,
}

impl Invalidations {
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        let mut state = self.lock();
        let moment = state.now;
        *state.tickets.entry(moment).or_default() += 1;
        Ticket {
            moment,
            invalidations: Arc::clone(self),
        }
    }

    pub(crate) fn key(&self, key: &Key) {
        let mut state = self.lock();
        let moment = state.next();
        if !state.tickets.is_empty() {
            state.keys.insert(*key, moment);
        }
    }

    pub(crate) fn tag(&self, tag: &str) {
        let mut state = self.lock();
        let moment = state.next();
        if !state.tickets.is_empty() {
            state.tags.insert(Box::from(tag), moment);
        }
    }

    pub(crate) fn all(&self) {
        let mut state = self.lock();
        state.all = state.next();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

impl Ticket {
    /// Whether an entry with these tags has been invalidated since.
    pub(crate) fn is_overtaken(&self, key: &Key, tags: &[String]) -> bool {
        let state = self.invalidations.lock();
        let since = |moment: Option<&u64>| moment.is_some_and(|moment| *moment > self.moment);
        state.all > self.moment
            || since(state.keys.get(key))
            || tags.iter().any(|tag| since(state.tags.get(tag.as_str())))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.invalidations.lock();
        if let Some(tickets) = state.tickets.get_mut(&self.moment) {
            *tickets -= 1;
            if *tickets == 0 {
                state.tickets.remove(&self.moment);
            }
        }
        // Records before the oldest of them concern no computation.
        let oldest = state.tickets.keys().next().copied();
        let State { keys, tags, .. } = &mut *state;
        match oldest {
            None => {
                keys.clear();
                tags.clear();
            }
            Some(oldest) if oldest > self.moment => {
                keys.retain(|_, moment| *moment > oldest);
                tags.retain(|_, moment| *moment > oldest);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 32])
    }

    #[test]
    fn a_ticket_is_overtaken_by_what_came_after_it_and_concerns_it() {
        let invalidations = Arc::new(Invalidations::default());
        let tags = ["red".to_owned()];
        let early = invalidations.begin();
        assert!(!early.is_overtaken(&key(1), &tags));
        invalidations.key(&key(1));
        let late = invalidations.begin();
        assert!(early.is_overtaken(&key(1), &tags));
        assert!(!early.is_overtaken(&key(2), &tags));
        assert!(!late.is_overtaken(&key(1), &tags));
        invalidations.tag("red");
        assert!(late.is_overtaken(&key(2), &tags));
        assert!(!late.is_overtaken(&key(2), &[]));
        invalidations.all();
        assert!(late.is_overtaken(&key(2), &[]));
    }

    #[test]
    fn nothing_is_remembered_that_concerns_nobody() {
        let invalidations = Arc::new(Invalidations::default());
        invalidations.key(&key(1));
        assert!(invalidations.lock().keys.is_empty());
        let early = invalidations.begin();
        invalidations.key(&key(2));
        let late = invalidations.begin();
        invalidations.key(&key(3));
        drop(early);
        assert_eq!(invalidations.lock().keys.len(), 1);
        assert!(late.is_overtaken(&key(3), &[]));
        drop(late);
        assert!(invalidations.lock().keys.is_empty());
    }
}
