//! The writers of a mesh, one for each file format.

use crate::error::ReliefError;
use crate::format::Format;
use crate::mesh::Mesh;
use crate::stage::Stage;

mod binary;
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
