//! Bounds on the pictures that are read.

/// Largest picture file that is read: 50 MiB.
pub const MAX_PICTURE_BYTES: usize = 50 * 1024 * 1024;

/// Largest width and height, in pixels, of a picture that is read.
pub const MAX_PICTURE_SIDE: u32 = 4096;
