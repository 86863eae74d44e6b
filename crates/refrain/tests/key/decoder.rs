//! Reads a canonical form back.
//!
//! That this is possible at all is the proof that no two documents share a form, and that none is the beginning of
//! another: whatever is written can be told from everything else.

use refrain::key::{Document, Float, Media, Set, Tagged};

/// The document with this form.
///
/// # Panics
///
/// When the bytes are no canonical form, or more than one.
pub(crate) fn decode(form: &[u8]) -> Document {
    let mut decoder = Decoder { rest: form };
    let document = decoder.document();
    assert!(decoder.rest.is_empty(), "bytes behind the end");
    document
}

struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn document(&mut self) -> Document {
        match self.take(1)[0] {
            0x01 => Document::Null,
            0x02 => Document::Bool(false),
            0x03 => Document::Bool(true),
            0x04 => Document::Integer(self.text().parse().unwrap()),
            0x05 => Document::Float(Float::new(f64::from_bits(self.count()))),
            // Only JSON makes decimals.
            0x06 => Document::from_json(self.text().as_bytes()).unwrap(),
            0x07 => Document::Text(self.text()),
            0x08 => Document::Bytes(self.framed().to_vec().into()),
            0x09 => Document::Media(Media::from_digest(self.take(32).try_into().unwrap())),
            0x0a => Document::List(self.documents()),
            0x0b => Document::Tuple(self.documents()),
            0x0c => Document::Set(Set::from_iter(self.documents())),
            0x0d => {
                let fields = (0..self.count()).map(|_| (self.text(), self.document()));
                Document::Map(fields.collect())
            }
            0x0e => {
                let entries = (0..self.count()).map(|_| (self.document(), self.document()));
                Document::mapping(entries).unwrap()
            }
            tag @ (0x0f | 0x10) => Document::from(Tagged {
                type_name: self.text(),
                variant: (tag == 0x10).then(|| self.text()),
                content: self.document(),
            }),
            tag => panic!("reserved tag {tag:#04x}"),
        }
    }

    fn documents(&mut self) -> Vec<Document> {
        (0..self.count()).map(|_| self.document()).collect()
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.framed().to_vec()).unwrap()
    }

    fn framed(&mut self) -> &'a [u8] {
        let length = self.count();
        self.take(usize::try_from(length).unwrap())
    }

    fn count(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}
