//! Checks that the JPEG decoder does not make: a file that ends early, scans without end, and kinds that are not read.

use crate::error::ReliefError;

/// Scans a JPEG may have. Progressive encoders write about ten; each one costs the decoder a pass over the picture.
const MAX_SCANS: u32 = 64;

const FORMAT: &str = "JPEG";

/// Checks that the picture in `bytes` is finished and has a bounded number of scans.
///
/// The decoder fills what is missing with gray, as a viewer should; a relief of it would be a wrong answer that looks
/// like a right one. A whole JPEG has an end marker after its last scan; one inside a segment (as in the thumbnail of a
/// camera) does not count, so segments are stepped over.
///
/// # Errors
///
/// [`ReliefError::Truncated`], [`ReliefError::Broken`] and [`ReliefError::Unsupported`].
pub(super) fn check_scans(bytes: &[u8]) -> Result<(), ReliefError> {
    let truncated = || ReliefError::Truncated { format: FORMAT };
    let mut scans = 0;
    let mut at = 2;
    loop {
        // In scan data, 0xFF before a zero or a restart is not a marker; before another 0xFF it is padding.
        at += bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|&byte| byte == 0xFF))
            .ok_or_else(truncated)?;
        let marker = *bytes.get(at + 1).ok_or_else(truncated)?;
        match marker {
            0xFF => at += 1,
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xD9 if scans > 0 => return Ok(()),
            0xD9 => {
                return Err(ReliefError::Broken {
                    format: FORMAT,
                    reason: "it ends before its first scan".to_owned(),
                });
            }
            _ => {
                check_frame(marker, bytes.get(at + 4))?;
                if marker == 0xDA {
                    scans += 1;
                }
                if scans > MAX_SCANS {
                    return Err(ReliefError::Broken {
                        format: FORMAT,
                        reason: format!("it has more than {MAX_SCANS} scans"),
                    });
                }
                let length = bytes.get(at + 2..at + 4).ok_or_else(truncated)?;
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
        }
    }
}

/// Checks the kind of picture that a marker begins, and its `precision` in bits (ITU-T T.81, table B.1).
fn check_frame(marker: u8, precision: Option<&u8>) -> Result<(), ReliefError> {
    let reason = match marker {
        0xC0..=0xC2 => match precision {
            Some(8) | None => return Ok(()),
            Some(bits) => format!("it has samples of {bits} bits"),
        },
        0xC3 => "it is packed without loss (a JPEG of process 14)".to_owned(),
        0xC5..=0xC7 => "it is made of layers (a hierarchical JPEG)".to_owned(),
        0xC9..=0xCB | 0xCD..=0xCF => "it is packed by arithmetic coding".to_owned(),
        _ => return Ok(()),
    };
    Err(ReliefError::Unsupported {
        format: FORMAT,
        reason,
    })
}
