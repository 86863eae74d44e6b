//! MP4 (ISO 14496-12): boxes one after the other, of which `ftyp` is the first and `moov` or a fragment is there.

use super::piece::{Block, Fault, Fed, NOT_ITS_BEGINNING, pass};

#[derive(Debug, Default)]
pub(super) struct Mp4 {
    head: Block<8>,
    /// The length of 64 bits that follows a head, while it is read.
    long: Option<Block<8>>,
    left: u64,
    has_type: bool,
    has_content: bool,
}

impl Mp4 {
    pub(super) fn feed(&mut self, mut input: &[u8]) -> Fed {
        while !input.is_empty() {
            if self.left > 0 {
                pass(&mut self.left, &mut input);
                continue;
            }
            if let Some(long) = &mut self.long {
                if let Some(length) = long.take(&mut input) {
                    self.long = None;
                    let left = u64::from_be_bytes(length).checked_sub(16);
                    self.left = left.ok_or(Fault("a box has an impossible length"))?;
                }
                continue;
            }
            let Some(head) = self.head.take(&mut input) else {
                return Ok(());
            };
            let name = &head[4..];
            if !self.has_type && name != b"ftyp" {
                return Err(NOT_ITS_BEGINNING);
            }
            self.has_type = true;
            self.has_content |= name == b"moov" || name == b"moof";
            match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
                // To the end of the file, wherever that is.
                0 => self.left = u64::MAX,
                1 => self.long = Some(Block::default()),
                length => {
                    let left = u64::from(length).checked_sub(8);
                    self.left = left.ok_or(Fault("a box has an impossible length"))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        let is_between_boxes = self.left == 0 || self.left > u64::MAX / 2;
        let is_whole = is_between_boxes && self.head.is_empty() && self.long.is_none();
        if is_whole && self.has_type && self.has_content {
            return Ok(());
        }
        Err(Fault("it ends within a box, or has no `moov`"))
    }
}
