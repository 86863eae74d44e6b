//! Sinks for the canonical form: the digest, or memory.

use super::Key;

/// Takes the canonical form piece by piece.
pub(super) trait Sink {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// One BLAKE3 chunk: gathering more before hashing gains nothing.
const STAGE_BYTES: usize = 1024;

/// Digests what it takes.
///
/// Most pieces are a few bytes long and are gathered first; a long one is hashed where it lies, without a copy.
/// Most forms fit the stage as a whole, and are digested in one go: setting up a hasher would take a third of the time.
pub(super) struct HashSink {
    /// Has taken what was staged before; none as long as everything is staged.
    hasher: Option<Box<blake3::Hasher>>,
    stage: [u8; STAGE_BYTES],
    staged: usize,
}

impl HashSink {
    pub(super) fn new() -> Self {
        Self {
            hasher: None,
            stage: [0; STAGE_BYTES],
            staged: 0,
        }
    }

    /// Everything written, unless some of it went into the digest already.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        self.hasher.is_none().then_some(&self.stage[..self.staged])
    }

    /// The digest of everything written.
    pub(super) fn digest(&self) -> Key {
        let staged = &self.stage[..self.staged];
        let digest = match &self.hasher {
            None => blake3::hash(staged),
            Some(hasher) => hasher.clone().update(staged).finalize(),
        };
        Key::from_bytes(*digest.as_bytes())
    }

    /// The hasher, with all that was staged.
    fn flushed(&mut self) -> &mut blake3::Hasher {
        let hasher = self.hasher.get_or_insert_default();
        hasher.update(&self.stage[..self.staged]);
        self.staged = 0;
        hasher
    }
}

impl Sink for HashSink {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > STAGE_BYTES {
            self.flushed().update(bytes);
        } else {
            if bytes.len() > STAGE_BYTES - self.staged {
                self.flushed();
            }
            let end = self.staged + bytes.len();
            self.stage[self.staged..end].copy_from_slice(bytes);
            self.staged = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length_give_the_digest_of_the_whole() {
        let whole: Vec<u8> = (0..20_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let expected = blake3::hash(&whole);
        for piece_bytes in [1, 7, 64, 1023, 1024, 1025, 5000, 20_000] {
            let mut sink = HashSink::new();
            for piece in whole.chunks(piece_bytes) {
                sink.write(piece);
            }
            assert_eq!(sink.digest().as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn a_form_is_whole_as_long_as_it_fits_the_stage() {
        let mut sink = HashSink::new();
        sink.write(&[7; STAGE_BYTES - 1]);
        sink.write(&[8]);
        let form = [[7; STAGE_BYTES - 1].as_slice(), &[8]].concat();
        assert_eq!(sink.whole(), Some(form.as_slice()));
        assert_eq!(sink.digest().as_bytes(), blake3::hash(&form).as_bytes());

        sink.write(&[9]);
        assert_eq!(sink.whole(), None);
        let longer = [form.as_slice(), &[9]].concat();
        assert_eq!(sink.digest().as_bytes(), blake3::hash(&longer).as_bytes());
    }

    #[test]
    fn short_and_long_pieces_keep_their_order() {
        let long = vec![9; 3000];
        let mut sink = HashSink::new();
        let mut expected = Vec::new();
        for piece in [&b"ab"[..], &long, b"c", &[1; 1023], b"de", b""] {
            sink.write(piece);
            expected.extend_from_slice(piece);
        }
        assert_eq!(sink.digest().as_bytes(), blake3::hash(&expected).as_bytes());
    }
}
