//! Lists, sets and mappings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::key::{Encoded, KeyEncoder, Keyable, Unkeyable};

/// Bytes if `T` is `u8`, a list otherwise.
impl<T: Keyable> Keyable for [T] {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        T::encode_slice(self, encoder)
    }
}

/// Bytes if `T` is `u8`, a list otherwise.
impl<T: Keyable, const N: usize> Keyable for [T; N] {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        T::encode_slice(self, encoder)
    }
}

/// Bytes if `T` is `u8`, a list otherwise.
impl<T: Keyable> Keyable for Vec<T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        T::encode_slice(self, encoder)
    }
}

/// A list.
impl<T: Keyable> Keyable for VecDeque<T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.list(self)
    }
}

impl<T: Keyable, S> Keyable for HashSet<T, S> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.set(self)
    }
}

impl<T: Keyable> Keyable for BTreeSet<T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.set(self)
    }
}

impl<K: Keyable, V: Keyable, S> Keyable for HashMap<K, V, S> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.mapping(self)
    }
}

impl<K: Keyable, V: Keyable> Keyable for BTreeMap<K, V> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.mapping(self)
    }
}
