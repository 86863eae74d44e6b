//! PNG (ISO 15948): the signature, then chunks, of which `IHDR` is first, `IDAT` is there, and `IEND` is last.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug, Default)]
pub(super) struct Png {
    signature: Block<8>,
    chunk: Block<8>,
    place: Place,
    has_data: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Place {
    #[default]
    Signature,
    FirstChunk,
    Chunk,
    /// Bytes that are left of a chunk, its checksum included, and whether it is the last one.
    Inside(u64, bool),
    Ended,
}

impl Png {
    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while !input.is_empty() {
            match &mut self.place {
                Place::Signature => {
                    if let Some(signature) = self.signature.take(&mut input) {
                        if signature != *b"\x89PNG\r\n\x1a\n" {
                            return Err(NOT_ITS_BEGINNING);
                        }
                        self.place = Place::FirstChunk;
                    } else if !b"\x89PNG\r\n\x1a\n".starts_with(self.signature.so_far()) {
                        return Err(NOT_ITS_BEGINNING);
                    }
                }
                Place::FirstChunk | Place::Chunk => {
                    let Some(head) = self.chunk.take(&mut input) else {
                        return Ok(());
                    };
                    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
                    let name = &head[4..];
                    if length > i32::MAX as u32 || !name.iter().all(u8::is_ascii_alphabetic) {
                        return Err(Fault("a chunk has an impossible length or name"));
                    }
                    if (self.place == Place::FirstChunk) != (name == b"IHDR") {
                        return Err(Fault("`IHDR` is not its first chunk, or comes twice"));
                    }
                    self.has_data |= name == b"IDAT" && length > 0;
                    if name == b"IEND" && !self.has_data {
                        return Err(Fault("it has no pixels"));
                    }
                    self.place = Place::Inside(u64::from(length) + 4, name == b"IEND");
                }
                Place::Inside(left, is_last) => {
                    pass(left, &mut input);
                    if *left == 0 {
                        self.place = if *is_last { Place::Ended } else { Place::Chunk };
                    }
                }
                Place::Ended => return Err(Fault("something follows its last chunk")),
            }
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        if self.place == Place::Ended {
            return Ok(());
        }
        Err(Fault("it ends before its last chunk"))
    }
}
