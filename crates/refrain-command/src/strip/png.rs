//! PNG (ISO/IEC 15948): a filter of chunks. Each has a length, a kind, its bytes and a checksum of its own.

/// Length of the signature before the first chunk.
const SIGNATURE: usize = 8;

/// Leaves chunks of some kinds out.
#[derive(Debug, Default)]
pub(super) struct PngFilter {
    dropped: Vec<[u8; 4]>,
    /// Bytes of the signature that have passed.
    begun: usize,
    /// Length and kind of the next chunk, as far as they have come.
    head: Vec<u8>,
    /// Bytes of this chunk that are still to come, its checksum included.
    left: u64,
    is_dropping: bool,
}

impl PngFilter {
    pub(super) fn drop_kind(&mut self, kind: [u8; 4]) {
        self.dropped.push(kind);
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut kept = Vec::with_capacity(bytes.len());
        let signature = bytes.len().min(SIGNATURE - self.begun);
        kept.extend_from_slice(&bytes[..signature]);
        self.begun += signature;
        bytes = &bytes[signature..];
        while !bytes.is_empty() {
            if self.left == 0 {
                let missing = bytes.len().min(8 - self.head.len());
                self.head.extend_from_slice(&bytes[..missing]);
                bytes = &bytes[missing..];
                if let Some((length, kind)) = self
                    .head
                    .split_first_chunk::<4>()
                    .filter(|(_, kind)| kind.len() == 4)
                {
                    self.is_dropping = self.dropped.iter().any(|dropped| dropped == kind);
                    self.left = u64::from(u32::from_be_bytes(*length)) + 4;
                    if !self.is_dropping {
                        kept.extend_from_slice(&self.head);
                    }
                    self.head.clear();
                }
                continue;
            }
            let here = usize::try_from(self.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            if !self.is_dropping {
                kept.extend_from_slice(&bytes[..here]);
            }
            self.left -= here as u64;
            bytes = &bytes[here..];
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length, kind, data, b"CRC4"].concat()
    }

    #[test]
    fn chunks_of_the_kinds_are_left_out_wherever_the_pieces_end() {
        let signature = b"\x89PNG\r\n\x1a\n".to_vec();
        let all: Vec<u8> = [
            signature.clone(),
            chunk(b"IHDR", b"13 bytes long"),
            chunk(b"tIME", b"2026-01"),
            chunk(b"tEXt", b"date:create"),
            chunk(b"IDAT", b"pixels tIME tEXt"),
            chunk(b"tIME", b""),
            chunk(b"IEND", b""),
        ]
        .concat();
        let expected = [
            signature,
            chunk(b"IHDR", b"13 bytes long"),
            chunk(b"tEXt", b"date:create"),
            chunk(b"IDAT", b"pixels tIME tEXt"),
            chunk(b"IEND", b""),
        ]
        .concat();
        for size in 1..=all.len() {
            let mut filter = PngFilter::default();
            filter.drop_kind(*b"tIME");
            let kept: Vec<u8> = all
                .chunks(size)
                .flat_map(|piece| filter.push(piece))
                .collect();
            assert_eq!(kept, expected, "in pieces of {size}");
        }
    }
}
