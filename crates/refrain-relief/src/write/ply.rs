//! PLY, binary and little-endian: a header of text, then vertices, then triangles.

use super::binary::{push_floats, push_numbers};
use crate::error::ReliefError;
use crate::memory::room_for;
use crate::mesh::Mesh;
use crate::stage::Stage;

const VERTEX_BYTES: usize = 12;
/// The number of corners in one byte, and each corner in four.
const TRIANGLE_BYTES: usize = 13;

pub(super) fn write(mesh: &Mesh, stage: &Stage<'_>) -> Result<Vec<u8>, ReliefError> {
    let header = format!(
        "ply\n\
         format binary_little_endian 1.0\n\
         comment units: mm, made by refrain relief\n\
         element vertex {}\n\
         property float x\n\
         property float y\n\
         property float z\n\
         element face {}\n\
         property list uchar int vertex_indices\n\
         end_header\n",
        mesh.vertex_count(),
        mesh.triangle_count()
    );
    let length = header.len()
        + mesh.vertices().len() * VERTEX_BYTES
        + mesh.triangle_count() as usize * TRIANGLE_BYTES;
    let mut file = room_for(length)?;
    file.extend_from_slice(header.as_bytes());
    for &vertex in mesh.vertices() {
        push_floats(&mut file, vertex);
    }
    mesh.for_each_triangle(stage, |triangle| {
        file.push(3);
        push_numbers(&mut file, triangle);
    })?;
    Ok(file)
}
