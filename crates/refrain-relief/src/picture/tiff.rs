//! The tags of a TIFF that the decoder passes over although they change what its pixels mean.
//!
//! TIFF, Revision 6.0 (Adobe, 1992). Only the first directory is read, as by the decoder: that of the first picture.

use image::metadata::Orientation;

use crate::error::ReliefError;
use crate::picture::opacity::Opacity;

const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC_INTERPRETATION: u16 = 262;
const FILL_ORDER: u16 = 266;
const ORIENTATION: u16 = 274;
const SAMPLES_PER_PIXEL: u16 = 277;
const PLANAR_CONFIGURATION: u16 = 284;
const TILE_WIDTH: u16 = 322;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;

/// Tag, type, count and value.
const ENTRY_BYTES: usize = 12;

/// The first directory of a TIFF.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    entries: &'a [[u8; ENTRY_BYTES]],
    is_big_endian: bool,
}

impl<'a> Directory<'a> {
    /// The directory of the file in `bytes`, as far as it is there.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let is_big_endian = bytes.starts_with(b"MM");
        let mut directory = Self {
            bytes,
            entries: &[],
            is_big_endian,
        };
        let start = directory.u32_at(4)? as usize;
        let count = usize::from(directory.u16_at(start)?);
        let (entries, _) = bytes.get(start + 2..)?.as_chunks();
        directory.entries = &entries[..count.min(entries.len())];
        Some(directory)
    }

    /// The first number of a tag.
    fn number(&self, tag: u16) -> Option<u32> {
        let entry = |entry: &&[u8; ENTRY_BYTES]| self.u16_of([entry[0], entry[1]]) == tag;
        let entry = self.entries.iter().find(entry)?;
        let count = self.u32_of([entry[4], entry[5], entry[6], entry[7]]);
        let value = [entry[8], entry[9], entry[10], entry[11]];
        match self.u16_of([entry[2], entry[3]]) {
            BYTE if count <= 4 => Some(value[0].into()),
            BYTE => Some((*self.bytes.get(self.u32_of(value) as usize)?).into()),
            SHORT if count <= 2 => Some(self.u16_of([value[0], value[1]]).into()),
            SHORT => Some(self.u16_at(self.u32_of(value) as usize)?.into()),
            LONG if count <= 1 => Some(self.u32_of(value)),
            LONG => self.u32_at(self.u32_of(value) as usize),
            _ => None,
        }
    }

    /// Refuses what the decoder would read as something else, or fail on without a word.
    ///
    /// # Errors
    ///
    /// [`ReliefError::Unsupported`], which names the tag.
    pub(super) fn check(&self) -> Result<(), ReliefError> {
        if self.number(FILL_ORDER) == Some(2) {
            return Err(unsupported(
                "the bits of its bytes are in reverse order (FillOrder 2)",
            ));
        }
        let is_tiled = self.number(TILE_WIDTH).is_some();
        if is_tiled && self.number(PLANAR_CONFIGURATION) == Some(2) {
            return Err(unsupported(
                "each channel lies in tiles of its own (PlanarConfiguration 2)",
            ));
        }
        Ok(())
    }

    /// What the channel after the colors says.
    pub(super) fn opacity(&self) -> Opacity {
        match self.number(EXTRA_SAMPLES) {
            Some(1) => Opacity::Associated,
            _ => Opacity::Separate,
        }
    }

    /// How the picture is to be turned, if a tag says so.
    pub(super) fn orientation(&self) -> Option<Orientation> {
        Orientation::from_exif(u8::try_from(self.number(ORIENTATION)?).ok()?)
    }

    /// The colors of the picture, as words that follow "it has": for a picture that the decoder does not take.
    pub(super) fn colors(&self) -> String {
        let colors = match self.number(PHOTOMETRIC_INTERPRETATION) {
            Some(0 | 1) => "shades of gray",
            Some(2) => "colors of red, green and blue",
            Some(3) => "colors from a palette",
            Some(4) => "a mask",
            Some(5) => "colors of inks",
            Some(6) => "YCbCr colors",
            Some(8..=10) => "L*a*b* colors",
            _ => "colors of an unknown kind",
        };
        let kind = match self.number(SAMPLE_FORMAT) {
            Some(2) => "signed ",
            Some(3) => "floating-point ",
            Some(5 | 6) => "complex ",
            _ => "",
        };
        let samples = self.number(SAMPLES_PER_PIXEL).unwrap_or(1);
        let bits = self.number(BITS_PER_SAMPLE).unwrap_or(1);
        let (numbers, bits_word) = (plural(samples, "number"), plural(bits, "bit"));
        format!("{colors}, {samples} {kind}{numbers} of {bits} {bits_word} for each pixel")
    }

    fn u16_at(&self, offset: usize) -> Option<u16> {
        Some(self.u16_of(*self.bytes.get(offset..)?.first_chunk()?))
    }

    fn u32_at(&self, offset: usize) -> Option<u32> {
        Some(self.u32_of(*self.bytes.get(offset..)?.first_chunk()?))
    }

    fn u16_of(&self, bytes: [u8; 2]) -> u16 {
        if self.is_big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    fn u32_of(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}

/// Types of values.
const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Whether `bytes` begin as a `BigTIFF`, whose offsets have 64 bits.
pub(super) fn is_big(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+")
}

/// The refusal of a `BigTIFF`.
pub(super) fn refusal_of_big() -> ReliefError {
    unsupported("it is a BigTIFF, the form for files of more than 4 GB")
}

fn unsupported(reason: &str) -> ReliefError {
    ReliefError::Unsupported {
        format: "TIFF",
        reason: reason.to_owned(),
    }
}

fn plural(count: u32, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_cut_or_points_outside_is_read_as_far_as_it_is_there() {
        for file in [
            &b""[..],
            b"II*\0",
            b"II*\0\xFF\xFF\xFF\xFF",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08\xFF\xFF\x01\x0A\0\x03",
        ] {
            let directory = Directory::first(file);
            assert!(directory.is_none_or(|directory| directory.check().is_ok()));
        }
        // One entry, whose value is said to be far beyond the end.
        let far = b"II*\0\x08\0\0\0\x01\0\x0A\x01\x03\0\x09\0\0\0\xFF\xFF\xFF\xFF";
        let directory = Directory::first(far).unwrap();
        assert_eq!(directory.number(FILL_ORDER), None);
    }

    #[test]
    fn colors_are_told_in_words() {
        let file = b"MM\0*\0\0\0\x08\0\x01\x01\x06\0\x03\0\0\0\x01\0\x08\0\0";
        let directory = Directory::first(file).unwrap();
        let told = "L*a*b* colors, 1 number of 1 bit for each pixel";
        assert_eq!(directory.colors(), told);
    }
}
