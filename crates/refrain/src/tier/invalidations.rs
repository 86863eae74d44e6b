//! A log of invalidations, with tickets: a value that was invalidated since its computation began is not stored.
//!
//! This is the proof of "invalidated is gone" below the memory. A computation takes a [`Ticket`] before it looks at
//! anything. An invalidation is noted in the log before it removes the entry from a tier. A tier asks the ticket at the
//! moment at which an entry could first be loaded. So either the tier sees the note, or the entry was there before the
//! invalidation came to remove it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::Key;

/// Counts invalidations, and remembers those that a running computation could have missed. Clones share one log.
///
/// ```
/// use refrain::Key;
/// use refrain::tier::Invalidations;
///
/// let log = Invalidations::default();
/// let key = Key::from_bytes([7; 32]);
/// let before = log.begin();
/// log.key(&key);
/// let after = log.begin();
/// assert!(before.is_overtaken(&key, &[]) && !after.is_overtaken(&key, &[]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Invalidations(Arc<Mutex<State>>);

/// What an invalidation meant.
///
/// ```
/// use refrain::tier::{Invalidated, Invalidations};
///
/// let log = Invalidations::default();
/// let ticket = log.begin();
/// log.note(&Invalidated::All);
/// assert!(ticket.is_overtaken(&refrain::Key::from_bytes([7; 32]), &[]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalidated {
    /// One entry.
    Key(Key),
    /// All entries with a tag.
    Tag(Arc<str>),
    /// Every entry.
    All,
}

/// Called with what others have invalidated, with nothing locked; false, if it is not to be called again.
pub type Hear = Arc<dyn Fn(&Invalidated) -> bool + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    /// How many there were.
    now: u64,
    /// How many tickets of each moment there are.
    tickets: BTreeMap<u64, usize>,
    keys: HashMap<Key, u64>,
    tags: HashMap<Arc<str>, u64>,
    all: u64,
}

/// A moment at which a computation began. Taken before it begins, and shown when its result is to be stored: what has
/// been invalidated in between is not stored.
///
/// ```
/// use refrain::Key;
/// use refrain::tier::Invalidations;
///
/// let log = Invalidations::default();
/// let ticket = log.begin();
/// log.tag("model:v1");
/// let key = Key::from_bytes([7; 32]);
/// assert!(ticket.is_overtaken(&key, &["model:v1".into()]));
/// assert!(!ticket.is_overtaken(&key, &["model:v2".into()]));
/// ```
#[derive(Debug)]
pub struct Ticket {
    moment: u64,
    invalidations: Invalidations,
    /// What overtakes the other one overtakes this one.
    other: Option<Box<Ticket>>,
}

impl Invalidations {
    /// A ticket for what begins now.
    ///
    /// ```
    /// let log = refrain::tier::Invalidations::default();
    /// let ticket = log.begin();
    /// log.all();
    /// assert!(ticket.is_overtaken(&refrain::Key::from_bytes([7; 32]), &[]));
    /// ```
    pub fn begin(&self) -> Ticket {
        let mut state = self.lock();
        let moment = state.now;
        *state.tickets.entry(moment).or_default() += 1;
        drop(state);
        Ticket {
            moment,
            invalidations: self.clone(),
            other: None,
        }
    }

    /// Notes an invalidation, before what it means is removed.
    pub fn note(&self, invalidated: &Invalidated) {
        match invalidated {
            Invalidated::Key(key) => self.key(key),
            Invalidated::Tag(tag) => self.tag(tag),
            Invalidated::All => self.all(),
        }
    }

    /// Notes that `key` is invalidated, before it is removed.
    pub fn key(&self, key: &Key) {
        let mut state = self.lock();
        let moment = state.next();
        if !state.tickets.is_empty() {
            state.keys.insert(*key, moment);
        }
    }

    /// Notes that all entries with this tag are invalidated, before they are removed.
    pub fn tag(&self, tag: &str) {
        let mut state = self.lock();
        let moment = state.next();
        if !state.tickets.is_empty() {
            state.tags.insert(Arc::from(tag), moment);
        }
    }

    /// Notes that all entries are invalidated, before they are removed.
    pub fn all(&self) {
        let mut state = self.lock();
        state.all = state.next();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
    ///
    /// ```
    /// let log = refrain::tier::Invalidations::default();
    /// assert!(!log.begin().is_overtaken(&refrain::Key::from_bytes([7; 32]), &[]));
    /// ```
    pub fn is_overtaken(&self, key: &Key, tags: &[Arc<str>]) -> bool {
        let state = self.invalidations.lock();
        let since = |moment: Option<&u64>| moment.is_some_and(|moment| *moment > self.moment);
        let is_overtaken = state.all > self.moment
            || since(state.keys.get(key))
            || tags.iter().any(|tag| since(state.tags.get(tag)));
        drop(state);
        let other = self.other.as_ref();
        is_overtaken || other.is_some_and(|other| other.is_overtaken(key, tags))
    }

    /// A ticket that is overtaken by what overtakes either of the two.
    pub(super) fn and(&self, other: Self) -> Self {
        let mut both = self.clone();
        both.other = Some(Box::new(other));
        both
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        let mut state = self.invalidations.lock();
        *state.tickets.entry(self.moment).or_default() += 1;
        drop(state);
        Self {
            moment: self.moment,
            invalidations: self.invalidations.clone(),
            other: self.other.clone(),
        }
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
        let invalidations = Invalidations::default();
        let tags = [Arc::from("red")];
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
        let invalidations = Invalidations::default();
        invalidations.key(&key(1));
        assert!(invalidations.lock().keys.is_empty());
        let early = invalidations.begin();
        invalidations.key(&key(2));
        let late = invalidations.begin();
        invalidations.key(&key(3));
        drop(early);
        assert_eq!(invalidations.lock().keys.len(), 1);
        assert!(late.is_overtaken(&key(3), &[]));
        let copy = late.clone();
        drop(late);
        assert!(copy.is_overtaken(&key(3), &[]));
        drop(copy);
        assert!(invalidations.lock().keys.is_empty());
    }
}
