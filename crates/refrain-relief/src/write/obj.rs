//! Wavefront OBJ: lines of text, vertices numbered from 1.

use std::io::Write;

use crate::error::ReliefError;
use crate::memory::room_for;
use crate::mesh::Mesh;
use crate::stage::Stage;

const HEADER: &str = "# units: mm, made by refrain relief\n";

/// Longest line of a vertex: three numbers, each of at most nine digits with zeros before them.
const VERTEX_BYTES: usize = 2 + 3 * 16;

/// Longest line of a triangle: three numbers of at most seven digits.
const TRIANGLE_BYTES: usize = 2 + 3 * 8;

/// Vertices written between two reports.
const VERTICES_PER_REPORT: usize = 1024;

pub(super) fn write(mesh: &Mesh, stage: &Stage<'_>) -> Result<Vec<u8>, ReliefError> {
    let most = HEADER.len()
        + mesh.vertices().len() * VERTEX_BYTES
        + mesh.triangle_count() as usize * TRIANGLE_BYTES;
    let mut file = room_for(most)?;
    file.extend_from_slice(HEADER.as_bytes());
    for vertices in mesh.vertices().chunks(VERTICES_PER_REPORT) {
        stage.report(0, 1)?;
        for [x, y, z] in vertices {
            // The shortest number that reads back as the same float.
            line(&mut file, format_args!("v {x} {y} {z}\n"));
        }
    }
    mesh.for_each_triangle(stage, |[a, b, c]| {
        line(&mut file, format_args!("f {} {} {}\n", a + 1, b + 1, c + 1));
    })?;
    file.shrink_to_fit();
    Ok(file)
}

fn line(file: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    file.write_fmt(text)
        .expect("writing to memory does not fail");
}
