"""What a mesh file must be before a slicer will take it."""

from __future__ import annotations

import io
import json
import struct

import numpy
import trimesh

DEFAULT = {"width": 100, "height": 100, "depth": 20}
FORMATS = ("stl", "obj", "ply", "glb")


def load(data: bytes, file_format: str) -> trimesh.Trimesh:
    """As a stranger would: trimesh's defaults, one mesh."""
    mesh = trimesh.load(io.BytesIO(data), file_type=file_format, force="mesh")
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def assert_printable(mesh: trimesh.Trimesh, dimensions: dict) -> None:
    assert numpy.isfinite(mesh.vertices).all()
    assert mesh.is_watertight, "there is a hole"
    assert mesh.is_winding_consistent, "neighbouring faces disagree about outside"
    assert mesh.volume > 0, f"inside out: volume {mesh.volume}"
    asked = numpy.array([dimensions["width"], dimensions["height"], dimensions["depth"]])
    error = abs(mesh.extents / asked - 1)
    assert (error < 0.001).all(), f"extents {mesh.extents} instead of {asked}"


def assert_manifold(mesh: trimesh.Trimesh) -> None:
    """Stricter than watertight: one closed surface like a sphere's, each edge between exactly two faces."""
    edges = numpy.sort(mesh.edges, axis=1)
    _, uses = numpy.unique(edges, axis=0, return_counts=True)
    assert (uses == 2).all(), f"{(uses != 2).sum()} edges do not lie between exactly two faces"
    assert mesh.euler_number == 2, f"Euler number {mesh.euler_number}: not one closed surface without handles"
    assert mesh.body_count == 1
    assert (mesh.area_faces > 0).all(), f"{(mesh.area_faces <= 0).sum()} faces without area"


def height_at(mesh: trimesh.Trimesh, across: float, up: float) -> float:
    """Height above the floor near the point `across`, `up` (0..1 from the left and from the bottom)."""
    low, high = mesh.bounds
    point = low[:2] + numpy.array([across, up]) * (high - low)[:2]
    distance = numpy.linalg.norm(mesh.vertices[:, :2] - point, axis=1)
    # The nearest column of vertices; its top one is the surface, the floor may lie below it.
    near = distance < distance.min() + 1e-3 * max(high[:2] - low[:2])
    return float(mesh.vertices[near, 2].max() - low[2])


def triangles_of_stl(data: bytes) -> int:
    """Binary STL: 80 bytes of header, a count, 50 bytes per triangle; and not taken for a text STL."""
    assert not data[:80].lower().startswith(b"solid"), "readers would take the header for a text STL"
    (count,) = struct.unpack_from("<I", data, 80)
    assert len(data) == 84 + 50 * count
    return count


def assert_stl_normals(data: bytes) -> None:
    """Each stored normal is a unit vector that agrees with its triangle's winding."""
    count = triangles_of_stl(data)
    layout = numpy.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    faces = numpy.frombuffer(data, layout, count, 84)
    corners = faces["corners"].astype(float)
    winding = numpy.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = numpy.linalg.norm(winding, axis=1)
    assert (length > 0).all()
    assert abs(numpy.linalg.norm(faces["normal"], axis=1) - 1).max() < 1e-3
    cosine = (faces["normal"] * winding).sum(axis=1) / length
    assert cosine.min() > 0.99, f"a normal is off by {cosine.min()}"


def assert_glb(data: bytes) -> None:
    """GLB 2.0 container and the parts of glTF 2.0 that validators complain about first."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert kind == b"BIN\0" and binary_size % 4 == 0
    binary = data[28 + size :]
    assert len(binary) == binary_size
    assert document["asset"]["version"] == "2.0"
    (buffer,) = document["buffers"]
    assert 0 <= binary_size - buffer["byteLength"] < 4 and "uri" not in buffer
    for view in document["bufferViews"]:
        assert view.get("byteOffset", 0) + view["byteLength"] <= buffer["byteLength"]
    sizes = {5121: 1, 5123: 2, 5125: 4, 5126: 4}
    parts = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        component = sizes[accessor["componentType"]]
        assert offset % component == 0
        needed = accessor["count"] * parts[accessor["type"]] * component
        assert accessor.get("byteOffset", 0) + needed <= view["byteLength"]
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            assert primitive.get("mode", 4) == 4
            positions = document["accessors"][primitive["attributes"]["POSITION"]]
            values = accessor_values(document, binary, positions)
            assert numpy.array_equal(values.min(axis=0), numpy.float32(positions["min"]))
            assert numpy.array_equal(values.max(axis=0), numpy.float32(positions["max"]))
            indices = accessor_values(document, binary, document["accessors"][primitive["indices"]])
            assert indices.max() < positions["count"]
            # The largest value is reserved for primitive restart.
            assert indices.max() < numpy.iinfo(indices.dtype).max
    assert document["scenes"][document.get("scene", 0)]["nodes"]


def accessor_values(document: dict, binary: bytes, accessor: dict) -> numpy.ndarray:
    view = document["bufferViews"][accessor["bufferView"]]
    offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    kind = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[accessor["componentType"]]
    parts = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
    values = numpy.frombuffer(binary, kind, accessor["count"] * parts, offset)
    return values.reshape(-1, parts) if parts > 1 else values
