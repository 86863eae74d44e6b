//! A set-associative cache of keys by their form, so that a hit does not digest the same bytes again.
//!
//! A digest costs more than the rest of a hit. Forms are compared whole, so a key that is found here is the one that the
//! digest would give, and one that is not found costs time only. Forms and keys of all functions share one table, and a
//! form goes to one of the few places that its hash names. The table doubles while it is crowded, up to a limit.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use pyo3::prelude::*;
use pyo3::types::PyString;
use refrain::Key;
use refrain::key::RequestForm;
use spin::Yield;
use spin::mutex::SpinMutex;

/// Sets of places at first, and at most: 64 kB, and with forms of ordinary length (150 bytes) 12 MB when all are taken.
const SETS: (usize, usize) = (256, 8192);
const PLACES: usize = 4;

/// One of so many newcomers gets in where all places are taken, so that calls with ever new arguments neither pay for
/// places nor displace what is asked for again and again.
const TURNS: usize = 8;

/// Bytes of the longest form kept. Looking a longer one up saves less, and it fills memory.
const LONGEST_FORM: usize = 512;

/// The key of the request.
pub(crate) fn key_of(form: &RequestForm) -> Key {
    let Some(short) = short(form) else {
        return form.key();
    };
    if let Some(key) = with_known(|known| known.find(short).map(|found| found.key)) {
        return key;
    }
    let key = form.key();
    keep(short, key, None);
    key
}

/// The key of the request in hexadecimal digits; of a request that is known the same object each time, so that Python
/// has hashed it already and need not compare it.
pub(crate) fn digits_of<'py>(py: Python<'py>, form: &RequestForm) -> Bound<'py, PyString> {
    let Some(short) = short(form) else {
        return digits(py, form.key());
    };
    let text = |found: &Known| Some(found.digits.as_ref()?.clone_ref(py));
    if let Some(known) = with_known(|known| known.find(short).and_then(text)) {
        return known.into_bound(py);
    }
    let key = form.key();
    let text = digits(py, key);
    keep(short, key, Some(text.clone().unbind()));
    text
}

fn short(form: &RequestForm) -> Option<&[u8]> {
    form.short().filter(|form| form.len() <= LONGEST_FORM)
}

fn digits(py: Python<'_>, key: Key) -> Bound<'_, PyString> {
    PyString::new(py, &key.to_string())
}

fn keep(form: &[u8], key: Key, digits: Option<Py<PyString>>) {
    let replaced = with_known(|known| known.put(form, key, digits));
    drop(replaced);
}

/// The lock is held for nanoseconds, and five times for as long as the table takes to grow. With the interpreter's lock no
/// thread finds it taken; without, a thread that does lets others run. Nothing under it runs Python code or waits: the text
/// that is dropped there has another reference in this thread.
fn with_known<T>(take: impl FnOnce(&mut KnownKeys) -> T) -> T {
    static KNOWN: SpinMutex<Option<KnownKeys>, Yield> = SpinMutex::new(None);
    take(KNOWN.lock().get_or_insert_with(KnownKeys::new))
}

struct Known {
    /// Compared first: the form lies elsewhere, and fetching it for nothing would cost as much as a lookup.
    hash: u64,
    form: Box<[u8]>,
    key: Key,
    digits: Option<Py<PyString>>,
}

struct KnownKeys {
    hasher: DefaultHashBuilder,
    sets: Vec<Set>,
    /// Newcomers that found all their places taken since the table grew.
    crowded: usize,
}

type Set = [Option<Known>; PLACES];

impl KnownKeys {
    fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            sets: empty_sets(SETS.0),
            crowded: 0,
        }
    }

    fn find(&self, form: &[u8]) -> Option<&Known> {
        let hash = self.hasher.hash_one(form);
        let mut known = self.sets[self.set_of(hash)].iter().flatten();
        known.find(|known| known.hash == hash && *known.form == *form)
    }

    /// Puts it in, if there is room or it is its turn; hands out what was there.
    fn put(&mut self, form: &[u8], key: Key, digits: Option<Py<PyString>>) -> Option<Known> {
        let hash = self.hasher.hash_one(form);
        let set = self.set_of(hash);
        let fits = |place: &Option<Known>| {
            place
                .as_ref()
                .is_none_or(|known| known.hash == hash && *known.form == *form)
        };
        let place = self.sets[set].iter().position(fits);
        let place = place.unwrap_or_else(|| {
            self.crowded += 1;
            self.crowded % (PLACES * TURNS)
        });
        let known = || Known {
            hash,
            form: form.into(),
            key,
            digits,
        };
        let place = self.sets[set].get_mut(place);
        let replaced = place.and_then(|place| place.replace(known()));
        if self.crowded > self.sets.len() && self.sets.len() < SETS.1 {
            self.grow();
        }
        replaced
    }

    fn grow(&mut self) {
        let larger = empty_sets(self.sets.len() * 2);
        let smaller = std::mem::replace(&mut self.sets, larger);
        self.crowded = 0;
        for known in smaller.into_iter().flatten().flatten() {
            let set = self.set_of(known.hash);
            // There is one: a set is parted in two.
            if let Some(place) = self.sets[set].iter_mut().find(|place| place.is_none()) {
                *place = Some(known);
            }
        }
    }

    fn set_of(&self, hash: u64) -> usize {
        let [.., high, low] = hash.to_be_bytes();
        usize::from(u16::from_be_bytes([high, low])) % self.sets.len()
    }
}

fn empty_sets(count: usize) -> Vec<Set> {
    (0..count).map(|_| Set::default()).collect()
}
