//! RIFF: a header with the length of the file, then chunks; WAV needs `fmt ` and `data`, WebP a picture.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug)]
pub(super) struct Riff {
    form: [u8; 4],
    /// A chunk that has to be there, by any of these names.
    content: &'static [&'static [u8; 4]],
    header: Block<12>,
    chunk: Block<8>,
    /// Bytes behind what was read, or none if the writer did not know.
    left: Option<Left>,
    chunk_left: u64,
    /// Whether the last byte of the chunk only makes its length even; many writers leave it out at the end.
    is_padded: bool,
    has_format: bool,
    has_content: bool,
}

#[derive(Debug, Clone, Copy)]
enum Left {
    Bytes(u64),
    /// Written to a pipe: the writer did not know, and the end is where the body ends.
    Unknown,
}

impl Riff {
    pub(super) fn wave() -> Self {
        Self::new(*b"WAVE", &[b"data"])
    }

    pub(super) fn webp() -> Self {
        Self::new(*b"WEBP", &[b"VP8 ", b"VP8L", b"VP8X"])
    }

    fn new(form: [u8; 4], content: &'static [&'static [u8; 4]]) -> Self {
        Self {
            form,
            content,
            header: Block::default(),
            chunk: Block::default(),
            left: None,
            chunk_left: 0,
            is_padded: false,
            has_format: form != *b"WAVE",
            has_content: false,
        }
    }

    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while !input.is_empty() {
            let Some(left) = self.left else {
                let Some(header) = self.header.take(&mut input) else {
                    let so_far = self.header.so_far();
                    let magic = &so_far[..so_far.len().min(4)];
                    return if b"RIFF".starts_with(magic) {
                        Ok(())
                    } else {
                        Err(NOT_ITS_BEGINNING)
                    };
                };
                if header[..4] != *b"RIFF" || header[8..] != self.form {
                    return Err(NOT_ITS_BEGINNING);
                }
                let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
                self.left = Some(match length {
                    length if self.is_streamed(length) => Left::Unknown,
                    length => {
                        let behind = u64::from(length).checked_sub(4);
                        Left::Bytes(behind.ok_or(Fault("its length is impossible"))?)
                    }
                });
                continue;
            };
            if let Left::Bytes(0) = left {
                return Err(Fault("something follows its end"));
            }
            let before = input.len();
            if self.chunk_left > 0 {
                pass(&mut self.chunk_left, &mut input);
            } else if let Some(head) = self.chunk.take(&mut input) {
                self.begin_chunk(head)?;
            }
            if let Left::Bytes(bytes) = left {
                let taken = (before - input.len()) as u64;
                let bytes = bytes.checked_sub(taken);
                self.left = Some(Left::Bytes(
                    bytes.ok_or(Fault("something follows its end"))?,
                ));
            }
        }
        Ok(())
    }

    fn begin_chunk(&mut self, head: [u8; 8]) -> Fed {
        let name = [head[0], head[1], head[2], head[3]];
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        self.has_format |= name == *b"fmt ";
        if self.content.contains(&&name) {
            if !self.has_format {
                return Err(Fault("its sound has no format"));
            }
            if length == 0 {
                return Err(Fault("it is empty"));
            }
            self.has_content = true;
        }
        self.is_padded = length % 2 == 1;
        self.chunk_left = match length {
            length if name == *b"data" && self.is_streamed(length) => u64::MAX,
            // Chunks begin at even places.
            length => u64::from(length) + u64::from(length % 2),
        };
        Ok(())
    }

    /// Lengths that programs write into a WAV on a pipe: all ones, or the largest that fits 31 bits, nearly.
    fn is_streamed(&self, length: u32) -> bool {
        self.form == *b"WAVE"
            && (length >= 0xffff_ff00 || (0x7fff_0000..=0x7fff_ffff).contains(&length))
    }

    pub(super) fn end(&self) -> Fed {
        if !self.has_content {
            return Err(Fault("it ends before its content"));
        }
        let spare = u64::from(self.is_padded);
        let is_whole = match self.left {
            Some(Left::Bytes(left)) => left <= spare && self.chunk_left <= spare,
            Some(Left::Unknown) => {
                self.chunk_left <= spare || self.chunk_left > u64::from(u32::MAX) + 1
            }
            None => false,
        };
        if is_whole && self.chunk.is_empty() {
            return Ok(());
        }
        Err(Fault("it is shorter than its header says"))
    }
}
