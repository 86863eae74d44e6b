"""Which requests are the same request: never a wrong byte, and no miss for a difference that makes none."""

from __future__ import annotations

import base64
import json

import pictures
import pytest
from http_answers import KEY, cache_status
from server_process import base64_text

PICTURE = pictures.encode(pictures.photo(80, 60, 21), "JPEG")
TEXT = base64_text(PICTURE)
# What `PICTURE` alone means, written out.
DEFAULTS = {
    "format": "stl",
    "dimensions": {"width": 100, "height": 100, "depth": 20},
    "quality": 7,
    "base": 2,
    "invert": False,
}
# Cheap to generate, and every field differs from its default.
OWN = {"format": "ply", "dimensions": {"width": 50, "height": 60, "depth": 7.5}, "quality": 1, "base": 1, "invert": True}


def as_json(document) -> dict:
    body = document if isinstance(document, str) else json.dumps(document)
    return {"content": body, "headers": {"Content-Type": "application/json"}}


def as_multipart(fields: dict, file_name="picture.jpg", media_type="image/jpeg") -> dict:
    parts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    return {"data": parts, "files": {"image": (file_name, PICTURE, media_type)}}


SPELLINGS_OF_OWN = {
    "fields in another order": as_json(dict(reversed([("image", TEXT), *OWN.items()]))),
    "dimensions in another order": as_json(
        {"image": TEXT, **OWN, "dimensions": dict(reversed(OWN["dimensions"].items()))}
    ),
    "white space": as_json(json.dumps({"image": TEXT, **OWN}, indent=8) + "\r\n\t "),
    "no white space": as_json(json.dumps({"image": TEXT, **OWN}, separators=(",", ":"))),
    "escaped characters": as_json(
        json.dumps({"image": TEXT, **OWN}).replace('"format": "ply"', '"\\u0066ormat": "\\u0070ly"')
    ),
    "escaped slashes": as_json(json.dumps({"image": TEXT, **OWN}).replace("/", "\\/")),
    "numbers with a fraction of zero": as_json(
        json.dumps({"image": TEXT, **OWN}).replace('"width": 50', '"width": 50.0').replace('"base": 1', '"base": 1.00')
    ),
    "numbers with an exponent": as_json(
        json.dumps({"image": TEXT, **OWN}).replace('"height": 60', '"height": 6e1').replace("7.5", "75e-1")
    ),
    "data URI": as_json({"image": f"data:image/jpeg;base64,{TEXT}", **OWN}),
    "data URI with another media type": as_json({"image": f"data:application/octet-stream;base64,{TEXT}", **OWN}),
    "media type with charset": {
        "content": json.dumps({"image": TEXT, **OWN}),
        "headers": {"Content-Type": "Application/JSON; charset=utf-8"},
    },
    "multipart": as_multipart(OWN),
    "multipart, other file name and type": as_multipart(OWN, "../../etc/passwd", "application/octet-stream"),
    "multipart, fields last": {
        "files": [("image", ("p", PICTURE, "image/jpeg"))]
        + [(name, (None, value if isinstance(value, str) else json.dumps(value))) for name, value in OWN.items()]
    },
}


def key_of(server, request: dict) -> str:
    answer = server.http.post("/api/generate/relief", **request)
    assert answer.status_code == 200, answer.text
    assert KEY.fullmatch(answer.headers["Refrain-Key"])
    assert answer.headers["Content-Location"] == f"/api/results/{answer.headers['Refrain-Key']}"
    return answer.headers["Refrain-Key"]


@pytest.fixture(scope="module")
def first(server):
    return server.http.post("/api/generate/relief", **as_json({"image": TEXT, **OWN}))


def test_the_second_request_is_a_hit_with_equal_bytes(server):
    picture = pictures.fresh_png()
    miss = server.generate(picture, quality=3)
    hit = server.generate(picture, quality=3)
    assert cache_status(miss).fwd == "miss" and cache_status(miss).stored
    assert not cache_status(miss).collapsed
    assert cache_status(hit).hit
    assert miss.content == hit.content
    for name in ("ETag", "Content-Type", "Content-Disposition", "Content-Length", "Content-Location", "Refrain-Key"):
        assert miss.headers[name] == hit.headers[name]


@pytest.mark.parametrize("request_", SPELLINGS_OF_OWN.values(), ids=SPELLINGS_OF_OWN.keys())
def test_another_spelling_of_the_same_request_is_a_hit(server, first, request_):
    again = server.http.post("/api/generate/relief", **request_)
    assert again.status_code == 200, again.text
    assert cache_status(again).hit, again.headers["Cache-Status"]
    assert again.headers["Refrain-Key"] == first.headers["Refrain-Key"]
    assert again.content == first.content


def subsets_of_defaults():
    yield {}
    for name, value in DEFAULTS.items():
        yield {name: value}
    yield DEFAULTS
    yield {"dimensions": {}}
    for name, value in DEFAULTS["dimensions"].items():
        yield {"dimensions": {name: value}}


@pytest.mark.parametrize("explicit", list(subsets_of_defaults()), ids=json.dumps)
@pytest.mark.parametrize("spell", [as_json, as_multipart], ids=["JSON", "multipart"])
def test_a_default_written_out_is_the_same_request(server, explicit, spell):
    absent = key_of(server, as_json({"image": TEXT}))
    fields = {"image": TEXT, **explicit} if spell is as_json else explicit
    assert key_of(server, spell(fields)) == absent


def differences():
    for name in ("width", "height", "depth"):
        for value in (51, 51.5, 51.500001):
            yield {"dimensions": {**OWN["dimensions"], name: value}}
    yield {"dimensions": {"width": 60, "height": 50, "depth": 7.5}}
    for file_format in ("stl", "obj", "glb"):
        yield {"format": file_format}
    for quality in (2, 3):
        yield {"quality": quality}
    for base in (0.5, 1.5, 2):
        yield {"base": base}
    yield {"invert": False}


def test_every_parameter_that_changes_the_result_changes_the_key(server, first):
    keys = {first.headers["Refrain-Key"]: "the request itself"}
    for difference in differences():
        answer = server.http.post("/api/generate/relief", **as_json({"image": TEXT, **OWN, **difference}))
        assert answer.status_code == 200, answer.text
        key = answer.headers["Refrain-Key"]
        assert key not in keys, f"{difference} has the key of {keys[key]}"
        assert cache_status(answer).fwd == "miss", difference
        keys[key] = difference


def test_one_bit_of_the_picture_changes_the_key(server):
    import numpy

    picture = pictures.photo(40, 40, 22)
    changed = numpy.array(picture)
    changed[17, 23, 1] ^= 1
    keys = {
        server.generate(data, quality=1).headers["Refrain-Key"]
        for data in (pictures.png(picture), pictures.png(pictures.Image.fromarray(changed)))
    }
    assert len(keys) == 2


def test_base64_without_padding_or_in_lines_is_either_the_same_request_or_refused(server, first):
    """Never a third thing: another picture under another key."""
    for text in (TEXT.rstrip("="), base64.encodebytes(PICTURE).decode(), base64.urlsafe_b64encode(PICTURE).decode()):
        answer = server.post_json({"image": text, **OWN})
        if answer.status_code == 200:
            assert answer.headers["Refrain-Key"] == first.headers["Refrain-Key"]
            assert answer.content == first.content
        else:
            assert answer.status_code == 400


def test_unkeyed_request_headers_change_neither_key_nor_bytes(server, first):
    for headers in (
        {"Accept": "application/json"},
        {"Accept-Encoding": "gzip, br"},
        {"User-Agent": "something else"},
        {"Cookie": "session=1"},
        {"Accept-Language": "de"},
        {"X-Forwarded-For": "10.0.0.1"},
    ):
        answer = server.post_json({"image": TEXT, **OWN}, headers=headers)
        assert cache_status(answer).hit
        assert answer.content == first.content


def test_the_key_is_the_same_in_another_process(server, serve, first):
    other = serve()
    assert key_of(other, as_json({"image": TEXT, **OWN})) == first.headers["Refrain-Key"]
