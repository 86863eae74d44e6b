//! Reads every format strictly and checks that what it holds is a solid.

use std::collections::HashMap;

use refrain_relief::{Format, ReliefParameters};

/// A triangle mesh with numbered vertices.
#[derive(Debug, PartialEq)]
pub(crate) struct Solid {
    pub(crate) vertices: Vec<[f32; 3]>,
    pub(crate) triangles: Vec<[u32; 3]>,
}

impl Solid {
    /// Reads a whole file; anything but a correct one is a panic that says what is wrong.
    pub(crate) fn read(file: &[u8], format: Format) -> Self {
        match format {
            Format::Stl => Self::read_stl(file),
            Format::Obj => Self::read_obj(std::str::from_utf8(file).expect("OBJ is text")),
            Format::Ply => Self::read_ply(file),
            Format::Glb => Self::read_glb(file),
        }
    }

    /// STL has no numbers: corners with equal coordinates become one vertex.
    fn read_stl(file: &[u8]) -> Self {
        assert!(!file.starts_with(b"solid"), "binary STL looks like text");
        let count = number(file, 80) as usize;
        let triangles = &file[84..];
        assert_eq!(triangles.len(), count * 50, "bytes of the triangles");
        let mut solid = Self {
            vertices: Vec::new(),
            triangles: Vec::new(),
        };
        let mut numbers = HashMap::new();
        for triangle in triangles.chunks_exact(50) {
            let corners = [12, 24, 36].map(|at| floats(triangle, at));
            assert_points_out(floats(triangle, 0), corners);
            assert_eq!(&triangle[48..], [0, 0], "attribute bytes");
            solid.triangles.push(corners.map(|corner| {
                *numbers.entry(corner.map(f32::to_bits)).or_insert_with(|| {
                    solid.vertices.push(corner);
                    u32::try_from(solid.vertices.len() - 1).unwrap()
                })
            }));
        }
        solid
    }

    fn read_obj(text: &str) -> Self {
        let mut solid = Self {
            vertices: Vec::new(),
            triangles: Vec::new(),
        };
        for line in text.lines() {
            let mut words = line.split(' ');
            let kind = words.next();
            let words: Vec<&str> = words.collect();
            match kind {
                Some("#") => {}
                Some("v") => solid.vertices.push(
                    <[&str; 3]>::try_from(words)
                        .expect("three coordinates")
                        .map(|word| word.parse().expect("a number")),
                ),
                Some("f") => solid.triangles.push(
                    <[&str; 3]>::try_from(words)
                        .expect("three corners")
                        .map(|word| word.parse::<u32>().expect("a vertex number") - 1),
                ),
                other => panic!("line of kind {other:?}"),
            }
        }
        solid
    }

    fn read_ply(file: &[u8]) -> Self {
        const END: &[u8] = b"end_header\n";
        let end = file.windows(END.len()).position(|window| window == END);
        let end = end.expect("end of the header") + END.len();
        let header = std::str::from_utf8(&file[..end]).expect("the header is text");
        let mut lines = header.lines().filter(|line| !line.starts_with("comment"));
        assert_eq!(lines.next(), Some("ply"));
        assert_eq!(lines.next(), Some("format binary_little_endian 1.0"));
        let mut count = |name| -> usize {
            let line = lines.next().expect("an element");
            line.strip_prefix(name).expect(name).parse().expect(line)
        };
        let vertex_count = count("element vertex ");
        assert!(header.contains("\nproperty float x\nproperty float y\nproperty float z\n"));
        let mut lines = lines.skip(3);
        let line = lines.next().expect("an element");
        let triangle_count: usize = line.strip_prefix("element face ").unwrap().parse().unwrap();
        assert_eq!(lines.next(), Some("property list uchar int vertex_indices"));

        let (vertices, triangles) = file[end..].split_at(vertex_count * 12);
        assert_eq!(
            triangles.len(),
            triangle_count * 13,
            "bytes of the triangles"
        );
        Self {
            vertices: vertices.chunks_exact(12).map(|at| floats(at, 0)).collect(),
            triangles: triangles
                .chunks_exact(13)
                .map(|triangle| {
                    assert_eq!(triangle[0], 3, "corners of a face");
                    numbers(triangle, 1)
                })
                .collect(),
        }
    }

    fn read_glb(file: &[u8]) -> Self {
        assert_eq!(&file[..4], b"glTF");
        assert_eq!(number(file, 4), 2, "version");
        assert_eq!(number(file, 8) as usize, file.len(), "length of the file");
        let json_length = number(file, 12) as usize;
        assert_eq!(&file[16..20], b"JSON");
        assert!(json_length.is_multiple_of(4), "alignment of the buffer");
        let json: serde_json::Value =
            serde_json::from_slice(&file[20..20 + json_length]).expect("the first chunk is JSON");
        let rest = &file[20 + json_length..];
        assert_eq!(&rest[4..8], b"BIN\0");
        let buffer = &rest[8..];
        assert_eq!(
            number(rest, 0) as usize,
            buffer.len(),
            "length of the chunk"
        );
        assert!(buffer.len().is_multiple_of(4), "alignment of the end");

        let integer = |pointer: &str| -> usize {
            let value = json.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
            usize::try_from(value.as_u64().expect(pointer)).unwrap()
        };
        assert_eq!(json["asset"]["version"], "2.0");
        assert_eq!(integer("/buffers/0/byteLength"), buffer.len());
        assert_eq!(integer("/scene"), 0);
        assert_eq!(integer("/scenes/0/nodes/0"), 0);
        assert_eq!(integer("/nodes/0/mesh"), 0);
        let primitive = "/meshes/0/primitives/0";
        assert_eq!(integer(&format!("{primitive}/mode")), 4, "triangles");
        assert_eq!(integer(&format!("{primitive}/attributes/POSITION")), 0);
        assert_eq!(integer(&format!("{primitive}/indices")), 1);
        let view = |accessor: usize, kind: &str, component: usize, target: usize| {
            let at = format!("/accessors/{accessor}");
            assert_eq!(json["accessors"][accessor]["type"], kind);
            assert_eq!(integer(&format!("{at}/componentType")), component);
            let view = format!("/bufferViews/{}", integer(&format!("{at}/bufferView")));
            assert_eq!(integer(&format!("{view}/buffer")), 0);
            assert_eq!(integer(&format!("{view}/target")), target);
            let start = integer(&format!("{view}/byteOffset"));
            let bytes = &buffer[start..start + integer(&format!("{view}/byteLength"))];
            let elements = if kind == "VEC3" { 12 } else { 4 } * integer(&format!("{at}/count"));
            assert_eq!(bytes.len(), elements, "bytes of accessor {accessor}");
            bytes
        };
        let solid = Self {
            vertices: view(0, "VEC3", 5126, 34962)
                .chunks_exact(12)
                .map(|vertex| floats(vertex, 0))
                .collect(),
            triangles: view(1, "SCALAR", 5125, 34963)
                .chunks_exact(12)
                .map(|triangle| numbers(triangle, 0))
                .collect(),
        };
        let (min, max) = solid.extents();
        let stated = |name: &str| -> Vec<f64> {
            let bounds = json["accessors"][0][name].as_array().expect(name);
            bounds.iter().map(|bound| bound.as_f64().unwrap()).collect()
        };
        assert_eq!(stated("min"), min.map(f64::from), "stated minimum");
        assert_eq!(stated("max"), max.map(f64::from), "stated maximum");
        solid
    }

    /// Least and greatest coordinate along each axis.
    pub(crate) fn extents(&self) -> ([f32; 3], [f32; 3]) {
        let along = |axis: usize, pick: fn(f32, f32) -> f32| {
            let coordinates = self.vertices.iter().map(|vertex| vertex[axis]);
            coordinates.reduce(pick).expect("a solid has vertices")
        };
        (
            [0, 1, 2].map(|axis| along(axis, f32::min)),
            [0, 1, 2].map(|axis| along(axis, f32::max)),
        )
    }

    /// Checks that this is one closed, consistently oriented, manifold solid without a hole, that points outward, has no
    /// vertex twice and no triangle without area, and has exactly the extents of `parameters`.
    pub(crate) fn check(&self, parameters: &ReliefParameters) {
        self.check_vertices();
        self.check_edges();
        self.check_geometry();

        #[expect(
            clippy::cast_possible_truncation,
            reason = "mesh files hold 32-bit floats"
        )]
        let asked = [
            parameters.dimensions.width as f32,
            parameters.dimensions.height as f32,
            parameters.dimensions.depth as f32,
        ];
        assert_eq!(self.extents(), ([0.0; 3], asked), "extents");
    }

    /// Every vertex once, finite and used.
    fn check_vertices(&self) {
        let mut sorted: Vec<[u32; 3]> = self
            .vertices
            .iter()
            .map(|vertex| {
                vertex.map(|coordinate| {
                    assert!(coordinate.is_finite(), "coordinate {coordinate}");
                    // Zero and minus zero are one place.
                    (coordinate + 0.0).to_bits()
                })
            })
            .collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "a vertex is there twice");

        let mut used = vec![false; self.vertices.len()];
        for &corner in self.triangles.as_flattened() {
            used[corner as usize] = true;
        }
        let unused = used.iter().position(|used| !used);
        assert_eq!(unused, None, "a vertex is in no triangle");
    }

    /// Each edge exactly once in each direction; triangles all connected by edges; Euler characteristic 2.
    ///
    /// Together: a surface like that of a ball, without a pinch.
    fn check_edges(&self) {
        let mut edges: Vec<(u32, u32, usize)> = Vec::with_capacity(self.triangles.len() * 3);
        for (index, &[a, b, c]) in self.triangles.iter().enumerate() {
            edges.extend([(a, b, index), (b, c, index), (c, a, index)]);
        }
        let ends = |&(from, to, _): &(u32, u32, usize)| (from.min(to), from.max(to));
        edges.sort_unstable_by_key(ends);

        let mut groups = Groups::new(self.triangles.len());
        for sides in edges.chunk_by(|one, next| ends(one) == ends(next)) {
            match *sides {
                [(from, to, left), (back_from, back_to, right)] => {
                    assert!(from != to, "an edge without length at vertex {from}");
                    assert_eq!((from, to), (back_to, back_from), "an edge and its reverse");
                    groups.join(left, right);
                }
                [side] => panic!("an edge has one side: {side:?}"),
                _ => panic!("an edge has more than two sides: {sides:?}"),
            }
        }
        assert_eq!(groups.count, 1, "connected parts");
        let count = |length: usize| i64::try_from(length).unwrap();
        let euler =
            count(self.vertices.len()) - count(edges.len() / 2) + count(self.triangles.len());
        assert_eq!(euler, 2, "Euler characteristic");
    }

    /// Every triangle has an area, and the normals point outward.
    fn check_geometry(&self) {
        let mut volume = 0.0;
        for &triangle in &self.triangles {
            let corners = triangle.map(|corner| self.vertices[corner as usize]);
            let area = length(cross(corners)) / 2.0;
            assert!(area > 0.0, "triangle {corners:?} is flat");
            let [a, b, c] = corners.map(|corner| corner.map(f64::from));
            volume += a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0]);
        }
        assert!(volume > 0.0, "volume {}", volume / 6.0);
    }
}

/// Which triangles are connected.
struct Groups {
    parent: Vec<usize>,
    count: usize,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self {
            parent: (0..count).collect(),
            count,
        }
    }

    fn root(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.parent[one] = other;
            self.count -= 1;
        }
    }
}

/// A stored normal has length 1 and the direction of the triangle.
fn assert_points_out(normal: [f32; 3], corners: [[f32; 3]; 3]) {
    let cross = cross(corners);
    let area = length(cross);
    for axis in 0..3 {
        let difference = f64::from(normal[axis]) - cross[axis] / area;
        assert!(difference.abs() < 1e-6, "normal {normal:?} of {corners:?}");
    }
}

/// The normal of a triangle, twice as long as the triangle is large.
fn cross(corners: [[f32; 3]; 3]) -> [f64; 3] {
    let [start, middle, end] = corners.map(|corner| corner.map(f64::from));
    let [u, v] = [middle, end].map(|to| [to[0] - start[0], to[1] - start[1], to[2] - start[2]]);
    [
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    ]
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|part| part * part).sum::<f64>().sqrt()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn numbers(bytes: &[u8], at: usize) -> [u32; 3] {
    [0, 4, 8].map(|offset| number(bytes, at + offset))
}

fn floats(bytes: &[u8], at: usize) -> [f32; 3] {
    numbers(bytes, at).map(f32::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tetrahedron of 10 mm, which passes, for each test to spoil in one way.
    fn tetrahedron() -> Solid {
        Solid {
            vertices: vec![
                [0.0; 3],
                [10.0, 0.0, 0.0],
                [0.0, 10.0, 0.0],
                [0.0, 0.0, 10.0],
            ],
            triangles: vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]],
        }
    }

    fn check(solid: &Solid) {
        solid.check(&crate::with_extents(10.0, 10.0, 10.0, 1.0));
    }

    #[test]
    fn the_checker_passes_a_tetrahedron() {
        check(&tetrahedron());
    }

    #[test]
    #[should_panic(expected = "an edge has one side")]
    fn the_checker_sees_a_missing_triangle() {
        let mut solid = tetrahedron();
        solid.triangles.pop();
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "an edge and its reverse")]
    fn the_checker_sees_a_triangle_turned_over() {
        let mut solid = tetrahedron();
        solid.triangles[1].swap(0, 1);
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "volume")]
    fn the_checker_sees_a_solid_turned_inside_out() {
        let mut solid = tetrahedron();
        for triangle in &mut solid.triangles {
            triangle.swap(0, 1);
        }
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "a vertex is there twice")]
    fn the_checker_sees_a_seam() {
        let mut solid = tetrahedron();
        solid.vertices.push([10.0, 0.0, 0.0]);
        solid.triangles[1] = [0, 4, 3];
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "an edge has more than two sides")]
    fn the_checker_sees_a_surface_that_lies_there_twice() {
        let mut solid = tetrahedron();
        solid.triangles.extend_from_within(..);
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "connected parts")]
    fn the_checker_sees_two_solids() {
        let mut solid = tetrahedron();
        let other = solid.vertices.clone();
        solid
            .vertices
            .extend(other.iter().map(|vertex| vertex.map(|at| at / 2.0 + 1.0)));
        let other = solid.triangles.clone();
        solid.triangles.extend(
            other
                .iter()
                .map(|triangle| triangle.map(|corner| corner + 4)),
        );
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "is flat")]
    fn the_checker_sees_a_triangle_without_area() {
        let mut solid = tetrahedron();
        solid.vertices[2] = [5.0, 0.0, 0.0];
        check(&solid);
    }

    #[test]
    #[should_panic(expected = "extents")]
    fn the_checker_sees_wrong_extents() {
        let mut solid = tetrahedron();
        solid.vertices[1][0] = 10.001;
        check(&solid);
    }
}
