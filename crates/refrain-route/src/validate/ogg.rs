//! OGG (RFC 3533): pages whose tables give their lengths, to a page that says it is the last of its stream.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug, Default)]
pub(super) struct Ogg {
    head: Block<27>,
    /// Lengths of the page that are still to be read.
    segments: u64,
    left: u64,
    pages: u64,
    /// Streams that have begun and not ended.
    open: i64,
}

const FIRST: u8 = 2;
const LAST: u8 = 4;

impl Ogg {
    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while let Some((&byte, rest)) = input.split_first() {
            if self.segments > 0 {
                self.segments -= 1;
                self.left += u64::from(byte);
                input = rest;
            } else if self.left > 0 {
                pass(&mut self.left, &mut input);
            } else {
                let Some(head) = self.head.take(&mut input) else {
                    let so_far = self.head.so_far();
                    let magic = &so_far[..so_far.len().min(4)];
                    return if b"OggS".starts_with(magic) {
                        Ok(())
                    } else {
                        Err(NOT_ITS_BEGINNING)
                    };
                };
                if head[..5] != *b"OggS\0" {
                    return Err(if self.pages == 0 {
                        NOT_ITS_BEGINNING
                    } else {
                        Fault("a page does not begin where the last one ends")
                    });
                }
                self.pages += 1;
                self.open += i64::from(head[5] & FIRST != 0) - i64::from(head[5] & LAST != 0);
                self.segments = u64::from(head[26]);
            }
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        let is_between_pages = self.left == 0 && self.segments == 0 && self.head.is_empty();
        if is_between_pages && self.pages > 0 && self.open <= 0 {
            return Ok(());
        }
        Err(Fault("it ends before its last page"))
    }
}
