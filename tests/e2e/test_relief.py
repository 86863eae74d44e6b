"""A picture becomes a mesh that a printer takes: the whole way, through the real server."""

from __future__ import annotations

import numpy
import pictures
import pytest
import trimesh
from http_answers import cache_status
from meshes import (
    DEFAULT,
    FORMATS,
    assert_glb,
    assert_manifold,
    assert_printable,
    assert_stl_normals,
    height_at,
    load,
    triangles_of_stl,
)

GALLERY = pictures.gallery()
MEDIA_TYPES = {"stl": "model/stl", "obj": "model/obj", "ply": "application/ply", "glb": "model/gltf-binary"}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("picture", [data for _, data in GALLERY], ids=[name for name, _ in GALLERY])
def test_every_kind_of_picture_becomes_a_printable_mesh_in_every_format(server, picture, file_format):
    answer = server.generate(picture, format=file_format, quality=2)
    assert answer.status_code == 200, answer.text
    mesh = load(answer.content, file_format)
    assert_printable(mesh, DEFAULT)
    assert_manifold(mesh)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    "dimensions",
    [
        {"width": 1, "height": 1, "depth": 3},
        {"width": 1, "height": 1, "depth": 1},
        {"width": 100, "height": 100, "depth": 2},
        {"width": 1000, "height": 1000, "depth": 500},
        {"width": 1000, "height": 1, "depth": 10},
        {"width": 37.5, "height": 80.25, "depth": 12.125},
        {"width": 250, "height": 40, "depth": 499.9},
    ],
    ids=str,
)
def test_the_mesh_has_the_dimensions_that_were_asked_for(server, dimensions, file_format):
    picture = pictures.png(pictures.photo(150, 100, 11))
    answer = server.generate(picture, format=file_format, quality=1, dimensions=dimensions)
    assert answer.status_code == 200, answer.text
    mesh = load(answer.content, file_format)
    assert_printable(mesh, dimensions)
    assert_manifold(mesh)


@pytest.mark.parametrize("quality", range(1, 10))
def test_every_quality_gives_a_printable_mesh_and_a_finer_one_than_the_last(server, quality):
    picture = pictures.encode(pictures.portrait(300, 400), "JPEG")
    answer = server.generate(picture, quality=quality)
    assert_printable(load(answer.content, "stl"), DEFAULT)
    assert_stl_normals(answer.content)
    if quality > 1:
        coarser = server.generate(picture, quality=quality - 1)
        assert triangles_of_stl(coarser.content) < triangles_of_stl(answer.content)


def test_quality_10_has_at_least_1024_by_1024_cells(server):
    answer = server.generate(pictures.png(pictures.photo(700, 500, 12)), quality=10, format="ply")
    mesh = load(answer.content, "ply")
    assert_printable(mesh, DEFAULT)
    # Two triangles per cell of the relief; floor and walls come on top.
    assert len(mesh.faces) >= 2 * 1024 * 1024


@pytest.mark.parametrize("base", [0.2, 1, 2, 10, 19])
def test_the_base_plate_is_as_thick_as_asked(server, base):
    picture = pictures.png(pictures.quadrants(64, 0, 255, 0, 255))
    mesh = load(server.generate(picture, quality=2, base=base).content, "stl")
    assert_printable(mesh, DEFAULT)
    assert height_at(mesh, 0.2, 0.5) == pytest.approx(base, abs=0.1)
    assert height_at(mesh, 0.8, 0.5) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("file_format", FORMATS)
def test_bright_is_high_and_the_picture_lies_the_right_way_up(server, file_format):
    picture = pictures.png(pictures.quadrants(64, top_left=255, top_right=170, bottom_left=85, bottom_right=0))
    answer = server.generate(picture, quality=2, format=file_format)
    mesh = load(answer.content, file_format)
    top_left, top_right = height_at(mesh, 0.25, 0.75), height_at(mesh, 0.75, 0.75)
    bottom_left, bottom_right = height_at(mesh, 0.25, 0.25), height_at(mesh, 0.75, 0.25)
    assert top_left > top_right + 2 > bottom_left + 4 > bottom_right + 6

    upside_down = load(server.generate(picture, quality=2, format=file_format, invert=True).content, file_format)
    assert_printable(upside_down, DEFAULT)
    heights = [height_at(upside_down, x, y) for x, y in [(0.25, 0.75), (0.75, 0.75), (0.25, 0.25), (0.75, 0.25)]]
    assert heights == sorted(heights)
    assert heights[3] - heights[0] == pytest.approx(top_left - bottom_right, abs=0.2)


def test_all_four_formats_hold_the_same_surface(server):
    picture = pictures.png(pictures.portrait(120, 120, 5))
    meshes = {name: load(server.generate(picture, quality=2, format=name).content, name) for name in FORMATS}
    for mesh in meshes.values():
        assert len(mesh.faces) == len(meshes["stl"].faces)
        assert mesh.volume == pytest.approx(meshes["stl"].volume, rel=1e-4)
        assert numpy.allclose(mesh.bounds, meshes["stl"].bounds, atol=1e-3)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_color_gives_a_block_of_the_whole_depth(server, level):
    picture = pictures.png(pictures.quadrants(32, level, level, level, level))
    mesh = load(server.generate(picture, quality=1).content, "stl")
    assert_printable(mesh, DEFAULT)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 1000)])
def test_tiny_and_thin_pictures_give_printable_meshes(server, size):
    picture = pictures.png(pictures.photo(*size, seed=13))
    mesh = load(server.generate(picture, quality=1).content, "stl")
    assert_printable(mesh, DEFAULT)


def test_the_largest_picture_allowed_is_taken(server):
    picture = pictures.png(pictures.quadrants(4096, 10, 250, 90, 160))
    answer = server.generate(picture, quality=1)
    assert answer.status_code == 200, answer.text
    assert_printable(load(answer.content, "stl"), DEFAULT)


def test_sixteen_bits_give_more_heights_than_eight(server):
    deep = pictures.sixteen_bit(256, 256, 3)
    shallow = pictures.png(deep.point(lambda level: level / 256).convert("L"))
    heights = [
        len(numpy.unique(load(server.generate(data, quality=4).content, "stl").vertices[:, 2].round(5)))
        for data in (pictures.png(deep), shallow)
    ]
    assert heights[0] > heights[1]


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_answer_has_the_right_media_type_and_a_file_name(server, file_format):
    answer = server.generate(pictures.fresh_png(), format=file_format, quality=1)
    assert answer.headers["Content-Type"] == MEDIA_TYPES[file_format]
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="'), disposition
    assert disposition.endswith(f'.{file_format}"'), disposition
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_glb_is_a_valid_gltf_2_container(server):
    assert_glb(server.generate(pictures.fresh_png(), format="glb", quality=3).content)


def test_ply_is_binary_and_declares_what_it_holds(server):
    data = server.generate(pictures.fresh_png(), format="ply", quality=3).content
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("element")}
    assert set(counts) == {"vertex", "face"}
    assert len(body) == 12 * counts["vertex"] + 13 * counts["face"]


def test_obj_is_indexed_text_that_shares_its_vertices(server):
    data = server.generate(pictures.fresh_png(), format="obj", quality=3).content
    lines = data.decode("ascii").splitlines()
    vertices = sum(line.startswith("v ") for line in lines)
    faces = sum(line.startswith("f ") for line in lines)
    # On a closed triangle mesh that shares its vertices, F = 2 V - 4.
    assert faces == 2 * vertices - 4


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_request_gives_the_same_bytes_on_any_number_of_cpus(serve, file_format):
    """With the cache off, so that each answer is made anew."""
    picture = pictures.encode(pictures.photo(500, 400, 14), "JPEG")
    request = {"quality": 6, "format": file_format, "dimensions": {"width": 90, "height": 70}}
    off = {"DISABLE_RESULT_CACHE": "1"}
    many, one = serve(environment=off), serve(environment=off, cpus={0})
    answers = [server.generate(picture, **request) for server in (many, many, one)]
    assert [cache_status(answer).fwd for answer in answers] == ["bypass"] * 3
    assert answers[0].content == answers[1].content == answers[2].content


def test_a_noisy_photo_is_smooth_enough_to_print(server):
    """Sensor noise must not become needles: neighbouring faces of the surface mostly agree."""
    noisy = pictures.photo(1200, 1200, 15)
    mesh: trimesh.Trimesh = load(server.generate(pictures.png(noisy), quality=5).content, "stl")
    # Between faces of the surface: the rim, where it meets the walls, is meant to be an edge.
    upward = (mesh.face_normals[:, 2] > 0.01)[mesh.face_adjacency].all(axis=1)
    steepest = numpy.quantile(mesh.face_adjacency_angles[upward], 0.99)
    assert steepest < numpy.radians(60), f"{numpy.degrees(steepest):.0f} degrees between neighbouring faces"
