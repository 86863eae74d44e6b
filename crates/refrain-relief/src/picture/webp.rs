//! A check that the WebP decoder does not make: a frame that is larger than the picture.

use crate::error::ReliefError;
use crate::limits::MAX_PICTURE_SIDE;

/// Bytes before the first chunk: `RIFF`, length, `WEBP`.
const FILE_HEADER_BYTES: usize = 12;
/// Name and length of a chunk.
const CHUNK_HEADER_BYTES: usize = 8;
/// Position, size, duration and flags of a frame, before the chunks of its picture.
const FRAME_HEADER_BYTES: usize = 16;

/// Checks that no lossy frame in `bytes` announces more pixels than are read.
///
/// The file has a size and every lossy frame in it has one of its own. The decoder takes memory for the frame, decodes
/// it, and only then compares: a small picture with a huge frame would cost hundreds of megabytes to be refused.
/// Lossless frames it compares at once.
///
/// # Errors
///
/// [`ReliefError::TooLarge`].
pub(super) fn check_frames(bytes: &[u8]) -> Result<(), ReliefError> {
    let mut rest = bytes.get(FILE_HEADER_BYTES..).unwrap_or_default();
    while let Some((name, payload)) = chunk(rest) {
        let picture = match name {
            // A transparent frame has its opacity before its picture, so this one is entered, not stepped over.
            b"ANMF" => FRAME_HEADER_BYTES,
            b"VP8 " => {
                check_frame(payload)?;
                payload.len().next_multiple_of(2)
            }
            _ => payload.len().next_multiple_of(2),
        };
        rest = rest.get(CHUNK_HEADER_BYTES + picture..).unwrap_or_default();
    }
    Ok(())
}

/// The chunk that `bytes` begins with: its name, and its payload as far as it is there.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8])> {
    let (name, bytes) = bytes.split_first_chunk()?;
    let (length, bytes) = bytes.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    Some((name, &bytes[..length.min(bytes.len())]))
}

/// Checks the size in the header of a lossy frame: a tag, a start code, and two numbers of 14 bits.
fn check_frame(frame: &[u8]) -> Result<(), ReliefError> {
    let Some(&[width, width_high, height, height_high]) = frame.get(6..10) else {
        return Ok(());
    };
    let width = u32::from(u16::from_le_bytes([width, width_high]) & 0x3FFF);
    let height = u32::from(u16::from_le_bytes([height, height_high]) & 0x3FFF);
    if width.max(height) > MAX_PICTURE_SIDE {
        return Err(ReliefError::TooLarge { width, height });
    }
    Ok(())
}
