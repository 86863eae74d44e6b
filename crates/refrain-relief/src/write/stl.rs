//! Binary STL: a header of 80 bytes, the number of triangles, then 50 bytes for each.

use super::binary::push_floats;
use crate::error::ReliefError;
use crate::memory::room_for;
use crate::mesh::Mesh;
use crate::stage::Stage;

/// Must not begin with `solid`, by which readers know the text form.
const HEADER: &[u8; 80] =
    b"binary STL, units: mm, made by refrain relief                                   ";

const TRIANGLE_BYTES: usize = 50;

pub(super) fn write(mesh: &Mesh, stage: &Stage<'_>) -> Result<Vec<u8>, ReliefError> {
    let triangles = mesh.triangle_count();
    let mut file = room_for(HEADER.len() + 4 + triangles as usize * TRIANGLE_BYTES)?;
    file.extend_from_slice(HEADER);
    file.extend_from_slice(&triangles.to_le_bytes());
    mesh.for_each_triangle(stage, |triangle| {
        let corners = triangle.map(|vertex| mesh.vertices()[vertex as usize]);
        push_floats(&mut file, normal(corners));
        for corner in corners {
            push_floats(&mut file, corner);
        }
        file.extend_from_slice(&[0, 0]);
    })?;
    Ok(file)
}

/// The direction of length 1 that points out of a triangle.
fn normal([a, b, c]: [[f32; 3]; 3]) -> [f32; 3] {
    let edge = |to: [f32; 3]| -> [f64; 3] {
        std::array::from_fn(|axis| f64::from(to[axis]) - f64::from(a[axis]))
    };
    let ([ux, uy, uz], [vx, vy, vz]) = (edge(b), edge(c));
    let cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    let length = cross.iter().map(|part| part * part).sum::<f64>().sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "STL holds 32-bit floats, and a part of a unit vector loses nothing that matters"
    )]
    cross.map(|part| (part / length) as f32)
}
