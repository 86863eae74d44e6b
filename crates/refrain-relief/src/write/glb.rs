//! Binary glTF 2.0: a header, a chunk of JSON that describes the buffer, and the buffer.
//!
//! Coordinates are in mm like in the other formats, though glTF reads them as meters: what was asked for is what a
//! reader measures. There are no normals, so viewers shade each triangle by its own; shared ones would blur the edges
//! between top and walls, and split ones would open the mesh.

use serde_json::json;

use super::binary::{push_floats, push_numbers};
use crate::error::ReliefError;
use crate::memory::room_for;
use crate::mesh::Mesh;
use crate::stage::Stage;

const HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;

/// Constants of the specification: chunk types, component types, buffer targets, and triangles as the way to draw.
const JSON_CHUNK: &[u8; 4] = b"JSON";
const BINARY_CHUNK: &[u8; 4] = b"BIN\0";
const FLOAT: u32 = 5126;
const UNSIGNED_INT: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const TRIANGLES: u32 = 4;

pub(super) fn write(mesh: &Mesh, stage: &Stage<'_>) -> Result<Vec<u8>, ReliefError> {
    let vertex_bytes = mesh.vertex_count() * 12;
    let index_bytes = mesh.triangle_count() * 12;
    let buffer_bytes = vertex_bytes + index_bytes;
    let mut description = description(mesh, vertex_bytes, index_bytes).into_bytes();
    // A chunk ends at a multiple of four; the buffer, of four-byte numbers, does so by itself.
    description.resize(description.len().next_multiple_of(4), b' ');

    let length = HEADER_BYTES
        + CHUNK_HEADER_BYTES
        + description.len()
        + CHUNK_HEADER_BYTES
        + buffer_bytes as usize;
    let mut file = room_for(length)?;
    file.extend_from_slice(b"glTF");
    file.extend_from_slice(&2_u32.to_le_bytes());
    push_length(&mut file, length);
    push_length(&mut file, description.len());
    file.extend_from_slice(JSON_CHUNK);
    file.extend_from_slice(&description);
    file.extend_from_slice(&buffer_bytes.to_le_bytes());
    file.extend_from_slice(BINARY_CHUNK);
    for &vertex in mesh.vertices() {
        push_floats(&mut file, vertex);
    }
    mesh.for_each_triangle(stage, |triangle| push_numbers(&mut file, triangle))?;
    Ok(file)
}

fn push_length(file: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("the largest relief is far below 4 GiB");
    file.extend_from_slice(&length.to_le_bytes());
}

/// The JSON chunk.
fn description(mesh: &Mesh, vertex_bytes: u32, index_bytes: u32) -> String {
    let (min, max) = extents(mesh.vertices());
    json!({
        "asset": { "version": "2.0", "generator": "refrain relief" },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0, "name": "relief" }],
        "meshes": [{
            "primitives": [{ "attributes": { "POSITION": 0 }, "indices": 1, "mode": TRIANGLES }]
        }],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": FLOAT,
                "count": mesh.vertex_count(),
                "type": "VEC3",
                "min": min,
                "max": max
            },
            {
                "bufferView": 1,
                "componentType": UNSIGNED_INT,
                "count": mesh.triangle_count() * 3,
                "type": "SCALAR"
            }
        ],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": vertex_bytes, "target": ARRAY_BUFFER },
            {
                "buffer": 0,
                "byteOffset": vertex_bytes,
                "byteLength": index_bytes,
                "target": ELEMENT_ARRAY_BUFFER
            }
        ],
        "buffers": [{ "byteLength": vertex_bytes + index_bytes }]
    })
    .to_string()
}

/// Least and greatest coordinate along each axis, as the numbers that the floats in the buffer are.
fn extents(vertices: &[[f32; 3]]) -> ([f64; 3], [f64; 3]) {
    let mut min = [f32::INFINITY; 3];
    let mut max = [f32::NEG_INFINITY; 3];
    for vertex in vertices {
        for axis in 0..3 {
            min[axis] = min[axis].min(vertex[axis]);
            max[axis] = max[axis].max(vertex[axis]);
        }
    }
    (min.map(f64::from), max.map(f64::from))
}
