//! The errors of a relief that was not made.

use crate::limits::{MAX_PICTURE_BYTES, MAX_PICTURE_SIDE};

/// The formats a picture may have, as messages name them.
const READABLE: &str = "PNG, JPEG, WebP, GIF, BMP or TIFF";

/// Why a relief was not made. Everything but [`Cancelled`](Self::Cancelled) is a fault of the request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReliefError {
    /// A parameter has a value that is not allowed.
    #[error("`{field}` is {value} but must be {allowed}")]
    InvalidParameter {
        /// The parameter, with its path: `dimensions.width`.
        field: &'static str,
        /// The value it has.
        value: f64,
        /// What it may be, as words that follow "must be".
        allowed: String,
    },
    /// There are no bytes at all.
    #[error("`image` is empty: send the bytes of a {READABLE} file")]
    Empty,
    /// The bytes do not begin like a picture in a format that is read.
    #[error("the bytes are not a picture that can be read: send a {READABLE} file")]
    NotAPicture,
    /// The file is too large.
    #[error(
        "the picture file has {bytes} bytes but at most {MAX_PICTURE_BYTES} are read: \
         send it smaller or more strongly compressed"
    )]
    TooManyBytes {
        /// Length of the file.
        bytes: usize,
    },
    /// The header announces more pixels than are read. No memory was taken for them.
    #[error(
        "the picture has {width} x {height} pixels but at most \
         {MAX_PICTURE_SIDE} x {MAX_PICTURE_SIDE} are read: scale it down"
    )]
    TooLarge {
        /// Width the header announces, in pixels.
        width: u32,
        /// Height the header announces, in pixels.
        height: u32,
    },
    /// Decoding would take more memory than any picture of the allowed size needs.
    #[error(
        "decoding this {format} picture would take more memory than its size explains: \
         save it again without unusual metadata or structure"
    )]
    TooMuchMemory {
        /// The picture's format.
        format: &'static str,
    },
    /// The file ends before the picture does.
    #[error(
        "the {format} picture is truncated: the file ends before the picture does; send it whole"
    )]
    Truncated {
        /// The picture's format.
        format: &'static str,
    },
    /// The file contradicts its format.
    #[error("the {format} picture is broken: {reason}")]
    Broken {
        /// The picture's format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The file is sound but uses a rare feature of its format.
    #[error("this kind of {format} picture cannot be read: {reason}; save it as a PNG")]
    Unsupported {
        /// The picture's format.
        format: &'static str,
        /// What of it is not read, as words of ours.
        reason: String,
    },
    /// The machine has too little memory now.
    #[error(
        "{bytes} bytes of memory are not to be had at the moment: ask again later, or for less"
    )]
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: usize,
    },
    /// The caller asked to stop.
    #[error("the generation was cancelled")]
    Cancelled,
}

impl ReliefError {
    /// The field of the request that is at fault: a parameter with its path, `image` for the picture, or `None`
    /// when the request is not at fault.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::{ReliefError, ReliefParameters};
    ///
    /// let parameters = ReliefParameters { quality: 11, ..ReliefParameters::default() };
    /// let error = parameters.validate().unwrap_err();
    /// assert_eq!(error.field(), Some("quality"));
    /// assert_eq!(error.to_string(), "`quality` is 11 but must be from 1 to 10");
    /// assert_eq!(ReliefError::Empty.field(), Some("image"));
    /// ```
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::InvalidParameter { field, .. } => Some(field),
            Self::Cancelled | Self::OutOfMemory { .. } => None,
            _ => Some("image"),
        }
    }
}
