//! Values that say which key they belong to.

use std::sync::Arc;

use crate::keys::BenchKey;

/// A small result behind a pointer, as a cache of generated results holds them.
#[derive(Debug)]
pub(crate) struct Payload {
    belongs_to: u64,
}

impl Payload {
    pub(crate) fn of(key: &impl BenchKey) -> Arc<Self> {
        Arc::new(Self {
            belongs_to: key.bits(),
        })
    }

    /// Whether this is the value that was made for `key`.
    pub(crate) fn belongs_to(&self, key: &impl BenchKey) -> bool {
        self.belongs_to == key.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_knows_its_key() {
        let payload = Payload::of(&u64::from_id(7));
        assert!(payload.belongs_to(&u64::from_id(7)));
        assert!(!payload.belongs_to(&u64::from_id(8)));
    }
}
