//! A bit set of the 256 folders of entries.

/// A set of folders, by the first byte of their keys.
#[derive(Debug, Default)]
pub(super) struct Firsts([u128; 2]);

impl Firsts {
    pub(super) fn all() -> Self {
        Self([u128::MAX; 2])
    }

    pub(super) fn insert(&mut self, first: u8) {
        self.0[usize::from(first >> 7)] |= 1 << (first & 127);
    }

    pub(super) fn remove(&mut self, first: u8) {
        self.0[usize::from(first >> 7)] &= !(1 << (first & 127));
    }

    pub(super) fn contains(&self, first: u8) -> bool {
        self.0[usize::from(first >> 7)] >> (first & 127) & 1 == 1
    }

    /// Those in the set: `only` that one, or all.
    pub(super) fn among(&self, only: Option<u8>) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|first| only.is_none_or(|only| only == *first) && self.contains(*first))
            .collect()
    }
}
