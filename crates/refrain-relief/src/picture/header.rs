//! Checks of the first and last bytes of a picture, without a decoder.

use image::ImageFormat;

/// Width and height that the header in `bytes` announces, for the formats whose decoder refuses a large picture
/// without saying how large it is. `None` for the others and for a header that is not whole.
pub(super) fn dimensions(format: ImageFormat, bytes: &[u8]) -> Option<(u32, u32)> {
    match format {
        // Signature, length, `IHDR`, then both as big-endian numbers.
        ImageFormat::Png if bytes.get(12..16)? == b"IHDR" => Some((
            u32::from_be_bytes(at(bytes, 16)?),
            u32::from_be_bytes(at(bytes, 20)?),
        )),
        // File header of 14 bytes, size of the info header, then both as signed numbers; a negative height means that
        // the rows come top down. The old core header, of 12 bytes, holds 16-bit numbers, which the decoder reports.
        ImageFormat::Bmp if u32::from_le_bytes(at(bytes, 14)?) > 12 => Some((
            i32::from_le_bytes(at(bytes, 18)?).unsigned_abs(),
            i32::from_le_bytes(at(bytes, 22)?).unsigned_abs(),
        )),
        // `RIFF`, length, `WEBP`, `VP8X`, length, flags, then both less one as 24-bit numbers.
        ImageFormat::WebP if bytes.get(12..16)? == b"VP8X" => {
            let less_one: [u8; 6] = at(bytes, 24)?;
            let side = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]) + 1;
            Some((
                side(less_one[0], less_one[1], less_one[2]),
                side(less_one[3], less_one[4], less_one[5]),
            ))
        }
        _ => None,
    }
}

/// Whether the file in `bytes`, which could not be decoded, ends before its time, for the formats whose decoder does not
/// say so.
pub(super) fn is_cut(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        // The length in the header counts what comes after it.
        ImageFormat::WebP => at(bytes, 4).is_none_or(|length| {
            let whole = 8 + u64::from(u32::from_le_bytes(length));
            whole > bytes.len() as u64
        }),
        // The last byte of a whole GIF.
        ImageFormat::Gif => bytes.last() != Some(&0x3B),
        _ => false,
    }
}

/// The `N` bytes at `offset`.
fn at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}
