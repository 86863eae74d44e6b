//! GLB (glTF 2.0, section 4.4): a header with the length of the file, then chunks, of which JSON is the first.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug, Default)]
pub(super) struct Glb {
    header: Block<12>,
    chunk: Block<8>,
    /// Bytes of the file behind what was read, once the header is known.
    left: Option<u64>,
    chunk_left: u64,
    has_json: bool,
}

impl Glb {
    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while !input.is_empty() {
            let Some(left) = &mut self.left else {
                let Some(header) = self.header.take(&mut input) else {
                    let so_far = self.header.so_far();
                    let magic = &so_far[..so_far.len().min(4)];
                    return if b"glTF".starts_with(magic) {
                        Ok(())
                    } else {
                        Err(NOT_ITS_BEGINNING)
                    };
                };
                if header[..4] != *b"glTF" {
                    return Err(NOT_ITS_BEGINNING);
                }
                if header[4..8] != [2, 0, 0, 0] {
                    return Err(Fault("it is of another version than 2"));
                }
                let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
                let behind = u64::from(length).checked_sub(12);
                self.left = Some(behind.ok_or(Fault("its length is impossible"))?);
                continue;
            };
            if *left == 0 {
                return Err(Fault("something follows its end"));
            }
            if self.chunk_left > 0 {
                let before = input.len();
                pass(&mut self.chunk_left, &mut input);
                *left -= (before - input.len()) as u64;
                continue;
            }
            let Some(head) = self.chunk.take(&mut input) else {
                return Ok(());
            };
            let length = u64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
            let is_json = head[4..] == *b"JSON";
            if !self.has_json && !is_json {
                return Err(Fault("its first chunk is not JSON"));
            }
            if is_json && length == 0 {
                return Err(Fault("its JSON is empty"));
            }
            if length + 8 > *left || !length.is_multiple_of(4) {
                return Err(Fault("a chunk reaches past the length in its header"));
            }
            self.has_json = true;
            *left -= 8;
            self.chunk_left = length;
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        if self.has_json && self.left == Some(0) && self.chunk.is_empty() {
            return Ok(());
        }
        Err(Fault("it is shorter than its header says"))
    }
}
