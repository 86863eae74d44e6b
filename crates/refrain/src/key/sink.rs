//! Where the canonical form goes: into the digest, or into memory.

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
pub(super) struct HashSink {
    hasher: blake3::Hasher,
    stage: [u8; STAGE_BYTES],
    staged: usize,
}

impl HashSink {
    pub(super) fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            stage: [0; STAGE_BYTES],
            staged: 0,
        }
    }

    /// The digest of everything written.
    pub(super) fn finish(mut self) -> Key {
        self.flush();
        Key::from_bytes(*self.hasher.finalize().as_bytes())
    }

    fn flush(&mut self) {
        self.hasher.update(&self.stage[..self.staged]);
        self.staged = 0;
    }
}

impl Sink for HashSink {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > STAGE_BYTES - self.staged {
            self.flush();
        }
        if bytes.len() > STAGE_BYTES {
            self.hasher.update(bytes);
        } else {
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
            assert_eq!(sink.finish().as_bytes(), expected.as_bytes());
        }
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
        assert_eq!(sink.finish().as_bytes(), blake3::hash(&expected).as_bytes());
    }
}
