//! Invalidations that a tier has not confirmed: entries that they mean are not loaded from it until they are repeated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::Key;

/// What an invalidation means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Key(Key),
    Tag(Arc<str>),
    All,
}

/// Owed at most. With more, everything in the tier counts as invalidated.
const MOST: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Owed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// With the number of the last invalidation that is owed.
    scopes: HashMap<Scope, u64>,
    next: u64,
}

impl Owed {
    /// Notes an invalidation. Its number, by which it is taken back when the tier has confirmed it.
    pub(super) fn add(&self, scope: Scope) -> u64 {
        let mut owed = self.lock();
        owed.next += 1;
        let number = owed.next;
        if owed.scopes.len() >= MOST && !owed.scopes.contains_key(&scope) {
            owed.scopes.clear();
            owed.scopes.insert(Scope::All, number);
        } else {
            owed.scopes.insert(scope, number);
        }
        number
    }

    /// Takes back what is confirmed, but not what has been added since `number`.
    pub(super) fn remove(&self, scope: &Scope, number: u64) {
        let mut owed = self.lock();
        if *scope == Scope::All {
            owed.scopes.retain(|_, added| *added > number);
        } else if owed.scopes.get(scope).is_some_and(|added| *added <= number) {
            owed.scopes.remove(scope);
        }
    }

    /// What has to be repeated before an entry for `key`, with these tags, can be told from an invalidated one.
    pub(super) fn concerning(&self, key: &Key, tags: &[Arc<str>]) -> Option<(Scope, u64)> {
        let owed = self.lock();
        if owed.scopes.is_empty() {
            return None;
        }
        let tags = tags.iter().cloned().map(Scope::Tag);
        [Scope::All, Scope::Key(*key)]
            .into_iter()
            .chain(tags)
            .find_map(|scope| owed.scopes.get_key_value(&scope))
            .map(|(scope, number)| (scope.clone(), *number))
    }

    pub(super) fn len(&self) -> usize {
        self.lock().scopes.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> Key {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        Key::from_bytes(bytes)
    }

    fn owes(owed: &Owed, n: u32, tags: &[Arc<str>]) -> Option<Scope> {
        owed.concerning(&key(n), tags).map(|(scope, _)| scope)
    }

    #[test]
    fn what_is_owed_concerns_its_key_its_tag_or_everything() {
        let owed = Owed::default();
        let red = [Arc::from("red")];
        assert_eq!(owes(&owed, 1, &red), None);
        let number = owed.add(Scope::Key(key(1)));
        owed.add(Scope::Tag(Arc::from("red")));
        assert_eq!(owes(&owed, 1, &[]), Some(Scope::Key(key(1))));
        assert_eq!(owes(&owed, 2, &[]), None);
        assert_eq!(owes(&owed, 2, &red), Some(Scope::Tag(Arc::from("red"))));
        owed.remove(&Scope::Key(key(1)), number);
        assert_eq!(owes(&owed, 1, &[]), None);
        let number = owed.add(Scope::All);
        assert_eq!(owes(&owed, 9, &[]), Some(Scope::All));
        owed.remove(&Scope::All, number);
        assert_eq!(owed.len(), 0);
    }

    #[test]
    fn what_was_added_since_is_not_taken_back() {
        let owed = Owed::default();
        let first = owed.add(Scope::Key(key(1)));
        let all = owed.add(Scope::All);
        owed.add(Scope::Key(key(1)));
        owed.remove(&Scope::Key(key(1)), first);
        owed.remove(&Scope::All, all);
        assert_eq!(owes(&owed, 1, &[]), Some(Scope::Key(key(1))));
    }

    #[test]
    fn more_than_can_be_remembered_is_everything() {
        let owed = Owed::default();
        for n in 0..=u32::try_from(MOST).unwrap() {
            owed.add(Scope::Key(key(n)));
        }
        assert_eq!(owes(&owed, u32::MAX, &[]), Some(Scope::All));
    }
}
