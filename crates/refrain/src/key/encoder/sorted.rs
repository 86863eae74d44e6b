//! Keys and elements that come in no particular order, sorted by their canonical form.

use std::ops::Range;

use super::KeyEncoder;
use crate::key::format::{LENGTH_BYTES, tag};
use crate::key::{Keyable, Unkeyable, UnkeyableReason};

/// The canonical forms of some keys, each with what belongs to it, in ascending order of their bytes.
pub(super) struct Forms<V> {
    /// All forms in one buffer, in the order in which they came.
    bytes: Vec<u8>,
    entries: Vec<(Range<usize>, V)>,
}

impl<V> Forms<V> {
    /// Writes and sorts the keys, in which `levels_left` containers may be nested.
    ///
    /// Two keys of the same form are refused: one of them would hide the other.
    pub(super) fn of<K: Keyable>(
        entries: impl IntoIterator<Item = (K, V)>,
        levels_left: usize,
    ) -> Result<Self, Unkeyable> {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for (key, value) in entries {
            let start = bytes.len();
            key.encode_key(KeyEncoder {
                sink: &mut bytes,
                ignored: None,
                levels_left,
            })?;
            places.push((start..bytes.len(), value));
        }
        places.sort_unstable_by(|(left, _), (right, _)| {
            bytes[left.clone()].cmp(&bytes[right.clone()])
        });
        let same =
            |pair: &[(Range<usize>, V)]| bytes[pair[0].0.clone()] == bytes[pair[1].0.clone()];
        if places.windows(2).any(same) {
            return Err(UnkeyableReason::Repeated.into());
        }
        Ok(Self {
            bytes,
            entries: places,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every form with its value, in order.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&[u8], &V)> {
        let form = |place: &Range<usize>| &self.bytes[place.clone()];
        self.entries
            .iter()
            .map(move |(place, value)| (form(place), value))
    }

    /// Every key as text with its value, in order of the texts; nothing unless all keys are text.
    pub(super) fn named(&self) -> Option<Vec<(&str, &V)>> {
        let named: Option<Vec<_>> = self
            .sorted()
            .map(|(form, value)| Some((text(form)?, value)))
            .collect();
        let mut named = named?;
        // Forms sort by length first.
        named.sort_unstable_by_key(|(name, _)| *name);
        Some(named)
    }
}

/// The text whose canonical form this is.
fn text(form: &[u8]) -> Option<&str> {
    let (head, text) = form.split_at_checked(1 + LENGTH_BYTES)?;
    let text = (head[0] == tag::TEXT).then_some(text)?;
    Some(std::str::from_utf8(text).expect("only text is written under the text tag"))
}
