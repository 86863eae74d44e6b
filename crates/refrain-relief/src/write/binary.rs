//! Numbers as the binary formats hold them: little-endian, three at a time.

/// Appends coordinates as little-endian floats.
pub(super) fn push_floats(file: &mut Vec<u8>, [x, y, z]: [f32; 3]) {
    for coordinate in [x, y, z] {
        file.extend_from_slice(&coordinate.to_le_bytes());
    }
}

/// Appends vertex numbers as little-endian integers.
pub(super) fn push_numbers(file: &mut Vec<u8>, [a, b, c]: [u32; 3]) {
    for number in [a, b, c] {
        file.extend_from_slice(&number.to_le_bytes());
    }
}
