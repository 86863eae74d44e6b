//! A mesh becomes a file.

use super::mesh::Mesh;
use super::stage::Stage;
use super::{Format, ReliefError};

mod glb;
mod obj;
mod ply;
mod stl;

/// The bytes of a file in `format` that holds `mesh`, in a vector that has no room to spare.
///
/// # Errors
///
/// [`ReliefError::Cancelled`].
pub(super) fn write(
    mesh: &Mesh,
    format: Format,
    stage: &Stage<'_>,
) -> Result<Vec<u8>, ReliefError> {
    match format {
        Format::Stl => stl::write(mesh, stage),
        Format::Obj => obj::write(mesh, stage),
        Format::Ply => ply::write(mesh, stage),
        Format::Glb => glb::write(mesh, stage),
    }
}

/// Appends coordinates as little-endian floats.
fn push_floats(file: &mut Vec<u8>, [x, y, z]: [f32; 3]) {
    for coordinate in [x, y, z] {
        file.extend_from_slice(&coordinate.to_le_bytes());
    }
}

/// Appends vertex numbers as little-endian integers.
fn push_numbers(file: &mut Vec<u8>, [a, b, c]: [u32; 3]) {
    for number in [a, b, c] {
        file.extend_from_slice(&number.to_le_bytes());
    }
}
