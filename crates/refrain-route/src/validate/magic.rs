//! File signatures: formats that tell what they are at the beginning, or at the end, and little in between.

use super::piece::{Fault, Fed, NOT_ITS_BEGINNING};

/// MP3: a tag or the header of a frame first. It carries no length, so its end cannot be judged.
#[derive(Debug, Default)]
pub(super) struct Mp3 {
    head: Vec<u8>,
    length: u64,
}

impl Mp3 {
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        self.length += input.len() as u64;
        let missing = 3_usize.saturating_sub(self.head.len()).min(input.len());
        self.head.extend_from_slice(&input[..missing]);
        match self.head.as_slice() {
            [] | [0xff | b'I'] | [b'I', b'D'] | [b'I', b'D', b'3'] => Ok(()),
            // Eleven bits of one; the layer and the version must not be those that are reserved.
            [0xff, second, ..]
                if second & 0xe0 == 0xe0 && second & 0x06 != 0 && second & 0x18 != 0x08 =>
            {
                Ok(())
            }
            _ => Err(NOT_ITS_BEGINNING),
        }
    }

    pub(super) fn end(&self) -> Fed {
        // The shortest frame there is: 24 bytes.
        if self.length < 24 {
            Err(Fault("it is shorter than one frame"))
        } else {
            Ok(())
        }
    }
}

/// PDF: `%PDF-` first, and `%%EOF` near the end.
#[derive(Debug, Default)]
pub(super) struct Pdf {
    begun: bool,
    head: Vec<u8>,
    /// The last bytes, up to twice as many as are looked at.
    tail: Vec<u8>,
}

/// How far from the end `%%EOF` may stand, as Acrobat allows it.
const TAIL: usize = 1024;

impl Pdf {
    pub(super) fn feed(&mut self, input: &[u8]) -> Fed {
        if !self.begun {
            let missing = 5_usize.saturating_sub(self.head.len()).min(input.len());
            self.head.extend_from_slice(&input[..missing]);
            if !b"%PDF-".starts_with(&self.head) {
                return Err(NOT_ITS_BEGINNING);
            }
            self.begun = self.head.len() == 5;
        }
        self.tail
            .extend_from_slice(&input[input.len().saturating_sub(TAIL)..]);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Fed {
        let tail = &self.tail[self.tail.len().saturating_sub(TAIL)..];
        let is_whole = self.begun && tail.windows(5).any(|window| window == b"%%EOF");
        if is_whole {
            Ok(())
        } else {
            Err(Fault("it ends before `%%EOF`"))
        }
    }
}
