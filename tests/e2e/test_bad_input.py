"""Bad input gets a clear answer and leaves the server well, its memory bounded throughout.

The bound: `ALLOWANCE` above what the server held when it was new. It covers one request at the limits
(70 MB of body, the picture decoded from it, and the picture as numbers), never a multiple of what a
malicious header announces.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
import zlib

import pictures
import pytest
from http_answers import assert_problem, cache_status
from pictures import png_chunk
from server_process import Server, base64_text, eventually

MEGABYTE = 1_048_576
ALLOWANCE = 400 * MEGABYTE

GOOD = pictures.png(pictures.photo(48, 48, 51))
GOOD_TEXT = base64_text(GOOD)
JSON_HEADERS = {"Content-Type": "application/json"}


def png_that_claims(width: int, height: int, bits: int = 8, color: int = 2, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = zlib.compress(data or b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def gif_that_claims(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + screen + frame + b"\x3b"


def bmp_that_claims(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, width, height, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)


def tiff_that_claims(width: int, height: int) -> bytes:
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, (width * height) & 0xFFFFFFFF),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory


def webp_that_claims(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes(20)
    payload = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(payload)) + payload


def jpeg_that_claims(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda" + scan + bytes(50) + b"\xff\xd9"


def png_bomb() -> bytes:
    """Small file, allowed size, and far more data inside than the picture has."""
    return png_that_claims(64, 64, data=b"\0" * (200 * MEGABYTE))


def png_text_bomb() -> bytes:
    """A compressed comment that unpacks to 200 MB."""
    whole = bytearray(GOOD)
    comment = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * (200 * MEGABYTE)))
    return bytes(whole[:33] + comment + whole[33:])


def png_profile_bomb() -> bytes:
    comment = png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"a" * (200 * MEGABYTE)))
    return GOOD[:33] + comment + GOOD[33:]


def truncated(file_format: str, share: float) -> bytes:
    whole = pictures.encode(pictures.photo(300, 300, 52), file_format)
    return whole[: int(len(whole) * share)]


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + closing * depth


class Case:
    """One bad request: what is sent, and the status it must get; `field` when the answer must name one."""

    def __init__(self, name, status, field=None, *, path="/api/generate/relief", method="POST", **request):
        self.name, self.status, self.field = name, status, field
        self.method, self.path, self.request = method, path, request

    def send(self, server):
        request = {name: value() if callable(value) else value for name, value in self.request.items()}
        return server.http.request(self.method, self.path, **request)


def fields(name, field, **changes):
    return Case(name, 400, field, json={"image": GOOD_TEXT, **changes})


def picture(name, make):
    def text():
        return json.dumps({"image": base64_text(make() if callable(make) else make), "quality": 1})

    return Case("picture: " + name, 400, None, content=text, headers=JSON_HEADERS)


def raw_json(name, text, field=None, status=400):
    return Case("JSON: " + name, status, field, content=text, headers=JSON_HEADERS)


def typed(name, content_type, body=b"x"):
    headers = {"Content-Type": content_type} if content_type else {}
    return Case("content type: " + name, 415, None, content=body, headers=headers)


def multipart(name, body, status=400, field=None, boundary="b"):
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Case("multipart: " + name, status, field, content=body, headers=headers)


def part(name: str, data: bytes, extra: bytes = b"") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + extra + b"\r\n\r\n" + data + b"\r\n"


IMAGE_PART = part("image", GOOD, b'; filename="x.png"')
END = b"--b--\r\n"

CASES = [
    # Fields.
    Case("no field at all", 400, "image", json={}),
    Case("no image", 400, "image", json={"quality": 1}),
    fields("unknown field", "colour", colour="red"),
    fields("unknown field that is almost one", "Quality", Quality=3),
    fields("unknown format", "format", format="3mf"),
    fields("format in capitals", "format", format="STL"),
    fields("format empty", "format", format=""),
    fields("format a number", "format", format=1),
    fields("format null", "format", format=None),
    fields("format a list", "format", format=["stl"]),
    fields("quality 0", "quality", quality=0),
    fields("quality 11", "quality", quality=11),
    fields("quality negative", "quality", quality=-1),
    fields("quality fractional", "quality", quality=7.5),
    fields("quality a text", "quality", quality="7"),
    fields("quality true", "quality", quality=True),
    fields("quality null", "quality", quality=None),
    fields("quality enormous", "quality", quality=10**40),
    fields("base negative", "base", base=-1),
    fields("base a text", "base", base="2mm"),
    fields("base enormous", "base", base=1e9),
    fields("base thicker than the relief", "base", base=50),
    fields("invert a number", "invert", invert=1),
    fields("invert a text", "invert", invert="false"),
    fields("invert null", "invert", invert=None),
    fields("dimensions a number", "dimensions", dimensions=100),
    fields("dimensions a list", "dimensions", dimensions=[100, 100, 20]),
    fields("dimensions null", "dimensions", dimensions=None),
    fields("width 0", "dimensions.width", dimensions={"width": 0}),
    fields("width just too small", "dimensions.width", dimensions={"width": 0.999}),
    fields("width 1001", "dimensions.width", dimensions={"width": 1001}),
    fields("width a text", "dimensions.width", dimensions={"width": "100"}),
    fields("width null", "dimensions.width", dimensions={"width": None}),
    fields("height -5", "dimensions.height", dimensions={"height": -5}),
    fields("height just too large", "dimensions.height", dimensions={"height": 1000.001}),
    fields("height enormous", "dimensions.height", dimensions={"height": 1e308}),
    fields("depth 0", "dimensions.depth", dimensions={"depth": 0}),
    fields("depth 501", "dimensions.depth", dimensions={"depth": 501}),
    fields("depth a list", "dimensions.depth", dimensions={"depth": [20]}),
    fields("unknown dimension", "dimensions.length", dimensions={"length": 5}),
    fields("prototype pollution", "__proto__", __proto__={"quality": 1}),
    Case("image a number", 400, "image", json={"image": 5}),
    Case("image null", 400, "image", json={"image": None}),
    Case("image empty", 400, "image", json={"image": ""}),
    Case("image a list of bytes", 400, "image", json={"image": [137, 80, 78, 71]}),
    Case("image not base64", 400, "image", json={"image": "!!! not base64 !!!"}),
    Case("image base64 cut in the middle of a group", 400, "image", json={"image": GOOD_TEXT[:41]}),
    Case("image base64 with padding inside", 400, "image", json={"image": GOOD_TEXT[:40] + "==" + GOOD_TEXT[40:]}),
    Case("image an address", 400, "image", json={"image": "http://127.0.0.1/x.png"}),
    Case("image a file address", 400, "image", json={"image": "file:///etc/passwd"}),
    Case("image a path", 400, "image", json={"image": "../../etc/passwd"}),
    Case("data URI without data", 400, "image", json={"image": "data:image/png;base64,"}),
    Case("data URI without comma", 400, "image", json={"image": "data:image/png;base64"}),
    Case("data URI not base64", 400, "image", json={"image": "data:image/svg+xml,%3Csvg/%3E"}),
    Case("image with a NUL character", 400, "image", json={"image": "iVBOR\0w0KGgo="}),
    # JSON.
    raw_json("empty body", b""),
    raw_json("only white space", b" \r\n\t"),
    raw_json("cut off", json.dumps({"image": GOOD_TEXT})[:-5]),
    raw_json("trailing garbage", json.dumps({"image": GOOD_TEXT}) + "}"),
    raw_json("two documents", json.dumps({"image": GOOD_TEXT}) * 2),
    raw_json("a list", b"[]"),
    raw_json("null", b"null"),
    raw_json("a number", b"42"),
    raw_json("a text", b'"relief"'),
    raw_json("NaN", f'{{"image":"{GOOD_TEXT}","base":NaN}}'),
    raw_json("Infinity", f'{{"image":"{GOOD_TEXT}","base":Infinity}}'),
    raw_json("minus Infinity", f'{{"image":"{GOOD_TEXT}","base":-Infinity}}'),
    raw_json("number that overflows", f'{{"image":"{GOOD_TEXT}","base":1e999}}', "base"),
    raw_json("leading zero", f'{{"image":"{GOOD_TEXT}","quality":07}}'),
    raw_json("hexadecimal", f'{{"image":"{GOOD_TEXT}","quality":0x7}}'),
    raw_json("comment", f'{{"image":"{GOOD_TEXT}"/* x */}}'),
    raw_json("single quotes", "{'image':'x'}"),
    raw_json("trailing comma", f'{{"image":"{GOOD_TEXT}",}}'),
    raw_json("byte order mark", b"\xef\xbb\xbf" + json.dumps({"image": "x"}).encode()),
    raw_json("UTF-16", json.dumps({"image": GOOD_TEXT}).encode("utf-16")),
    raw_json("invalid UTF-8", b'{"image":"\xff\xfe"}'),
    raw_json("lone surrogate", b'{"image":"\\ud800"}'),
    raw_json("duplicate name", f'{{"image":"{GOOD_TEXT}","quality":1,"quality":2}}', "quality"),
    raw_json("duplicate name, equal values", f'{{"image":"{GOOD_TEXT}","quality":1,"quality":1}}', "quality"),
    raw_json("duplicate name by escape", f'{{"image":"{GOOD_TEXT}","quality":1,"qualit\\u0079":2}}', "quality"),
    raw_json("duplicate nested", f'{{"image":"{GOOD_TEXT}","dimensions":{{"width":5,"width":6}}}}', "dimensions.width"),
    raw_json("duplicate image", f'{{"image":"{GOOD_TEXT}","image":"{GOOD_TEXT}"}}', "image"),
    raw_json("100,000 lists deep", nested(100_000, "[", "]")),
    raw_json("100,000 objects deep", '{"a":' * 100_000 + "1" + "}" * 100_000),
    raw_json("100,000 deep in a known field", '{"dimensions":' + nested(100_000, "[", "]") + "}"),
    raw_json("100,000 deep and never closed", "[" * 100_000),
    raw_json("a number of a million digits", '{"quality":' + "9" * 1_000_000 + "}"),
    raw_json("a million unknown fields", "{" + ",".join(f'"f{n}":0' for n in range(1_000_000)) + "}"),
    raw_json("a name of a million letters", '{"' + "a" * 1_000_000 + '":1}'),
    # Pictures.
    picture("text", b"this is no picture"),
    picture("one byte", b"\x89"),
    picture("zeros", bytes(10_000)),
    picture("only the PNG signature", GOOD[:8]),
    picture("PNG header of 100k x 100k", png_that_claims(100_000, 100_000)),
    picture("PNG header of 2^31-1 squared, 16 bits", png_that_claims(2**31 - 1, 2**31 - 1, 16, 6)),
    picture("PNG one pixel too wide", png_that_claims(4097, 1)),
    picture("PNG one pixel too high", png_that_claims(1, 4097)),
    picture("PNG of no width", png_that_claims(0, 10)),
    picture("PNG with an impossible depth", png_that_claims(10, 10, 3, 7)),
    picture("PNG that unpacks to too little", png_that_claims(4096, 4096, data=b"\0" * 100)),
    picture("GIF of 65535 squared", gif_that_claims(65535, 65535)),
    picture("BMP of 2^31-1 squared", bmp_that_claims(2**31 - 1, 2**31 - 1)),
    picture("BMP of negative width", bmp_that_claims(-5, 5)),
    picture("TIFF of 2^32-1 squared", tiff_that_claims(2**32 - 1, 2**32 - 1)),
    picture("WebP of 16384 squared", webp_that_claims(16384, 16384)),
    picture("JPEG of 65535 squared", jpeg_that_claims(65535, 65535)),
    *(picture(f"truncated {f}", lambda f=f: truncated(f, 0.5)) for f in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")),
    *(picture(f"{f} header only", lambda f=f: truncated(f, 0.01)) for f in ("PNG", "JPEG", "WEBP", "BMP")),
    picture("PNG with a wrong checksum", GOOD[:60] + bytes([GOOD[60] ^ 0xFF]) + GOOD[61:]),
    picture("SVG", b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'),
    picture("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    picture("ZIP", b"PK\x03\x04" + bytes(60)),
    picture("HTML", b"<!doctype html><script>alert(1)</script>"),
    picture("ICO, which is not among the formats", b"\0\0\x01\0\x01\0" + bytes(40)),
    # Content types.
    typed("none", None),
    typed("text", "text/plain"),
    typed("form", "application/x-www-form-urlencoded", b"image=x"),
    typed("XML", "application/xml", b"<image/>"),
    typed("nonsense", ";;;"),
    typed("a raw picture", "image/png", GOOD),
    # Multipart.
    Case("multipart: no boundary", 400, None, content=b"x", headers={"Content-Type": "multipart/form-data"}),
    multipart("empty body", b""),
    multipart("only the end", END, field=None),
    multipart("no image part", part("quality", b"1") + END, field="image"),
    multipart("never ends", IMAGE_PART),
    multipart("another boundary", IMAGE_PART.replace(b"--b", b"--c") + b"--c--\r\n"),
    multipart("two images", IMAGE_PART + IMAGE_PART + END, field="image"),
    multipart("two qualities", IMAGE_PART + part("quality", b"1") * 2 + END, field="quality"),
    multipart("unknown part", IMAGE_PART + part("colour", b"red") + END, field="colour"),
    multipart("a part without a name", IMAGE_PART + b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END),
    multipart("a part without headers", IMAGE_PART + b"--b\r\n\r\nx\r\n" + END),
    multipart("empty image", part("image", b"", b'; filename="x.png"') + END, field="image"),
    multipart("quality is not a number", IMAGE_PART + part("quality", b"high") + END, field="quality"),
    multipart("quality out of range", IMAGE_PART + part("quality", b"11") + END, field="quality"),
    multipart("quality NaN", IMAGE_PART + part("base", b"NaN") + END, field="base"),
    multipart("dimensions not JSON", IMAGE_PART + part("dimensions", b"100x100") + END, field="dimensions"),
    multipart("invalid UTF-8", IMAGE_PART + part("format", b"\xff\xfe") + END, field="format"),
    multipart("a text file as picture", part("image", b"hello", b'; filename="../../../etc/passwd"') + END),
    multipart("100,000 parts", part("quality", b"1") * 100_000 + END),
    multipart("a part's headers of 1 MB", b"--b\r\nX: " + b"a" * MEGABYTE + b"\r\n\r\nx\r\n" + END),
    # Paths and methods.
    Case("unknown generator", 404, path="/api/generate/teapot", json={"image": GOOD_TEXT}),
    Case("unknown generator with a bad body", 404, path="/api/generate/teapot", content=b"{"),
    Case("generator with a path in its name", 404, path="/api/generate/..%2f..%2fetc%2fpasswd", json={}),
    Case("generator with a NUL", 404, path="/api/generate/relief%00", json={}),
    Case("generator in capitals", 404, path="/api/generate/RELIEF", json={}),
    Case("no generator", 404, path="/api/generate/", json={}),
    Case("unknown path", 404, path="/api/nothing", method="GET"),
    Case("unknown path outside the API", 404, path="/etc/passwd", method="GET"),
    Case("generate by GET", 405, method="GET"),
    Case("generate by PUT", 405, method="PUT", json={}),
    Case("generate by DELETE", 405, method="DELETE"),
    Case("statistics by POST", 405, path="/api/cache/stats", method="POST"),
    Case("clear by GET", 405, path="/api/cache/clear", method="GET"),
    Case("configuration by DELETE", 405, path="/api/cache/config", method="DELETE"),
    Case("batch by GET", 405, path="/api/batch", method="GET"),
    Case("result by POST", 405, path="/api/results/" + "0" * 64, method="POST"),
    Case("unknown method", 405, path="/health", method="BREW"),
    Case("unknown job", 404, path="/api/jobs/none", method="GET"),
    Case("unknown result", 404, path="/api/results/" + "f" * 64, method="GET"),
    Case("result that is no key", 404, path="/api/results/short", method="GET"),
    Case("result with a path in its name", 404, path="/api/results/..%2f..%2fsecret", method="GET"),
    Case("page beyond the end", 404, path="/api/cache/entries?page=4000000000", method="GET"),
    Case("page 0", 400, "page", path="/api/cache/entries?page=0", method="GET"),
    # Sizes.
    Case("picture of 60 MiB", 413, content=lambda: part_of(60), headers={"Content-Type": "multipart/form-data; boundary=b"}),
    Case("JSON of 100 MiB", 413, content=lambda: b'{"image":"' + b"A" * (100 * MEGABYTE) + b'"}', headers=JSON_HEADERS),
    Case("multipart of 100 MiB", 413, content=lambda: part_of(100), headers={"Content-Type": "multipart/form-data; boundary=b"}),
    Case("configuration of 100 MiB", 413, path="/api/cache/config", content=lambda: b" " * (100 * MEGABYTE), headers=JSON_HEADERS),
    Case("batch of 100 MiB", 413, path="/api/batch", content=lambda: b"[" + b" " * (100 * MEGABYTE), headers=JSON_HEADERS),
]  # fmt: skip


def part_of(megabytes: int) -> bytes:
    return part("image", bytes(megabytes * MEGABYTE), b'; filename="x.png"') + END


def test_there_are_at_least_80_different_cases():
    assert len({case.name for case in CASES}) == len(CASES) >= 80


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One server takes all of it, with its memory watched from the first request to the last."""
    with Server(tmp_path_factory.mktemp("bad-input")) as server:
        server.generate(GOOD, quality=1)
        server.baseline = server.rss_bytes()
        server.samples = []
        stop = threading.Event()

        def watch():
            while not stop.wait(0.05):
                server.samples.append(server.rss_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield server
        finally:
            stop.set()
            watcher.join()


def assert_well(server) -> None:
    """It answers, still generates, and holds what it held."""
    assert server.process.poll() is None
    assert server.http.get("/health").json()["status"] == "ok"
    again = server.generate(GOOD, quality=1)
    assert cache_status(again).hit
    peak = server.peak_rss_bytes() - server.baseline
    assert peak < ALLOWANCE, f"memory grew by {peak / MEGABYTE:.0f} MiB"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_request_gets_its_status_and_leaves_the_server_well(target, case):
    target.forget_peak_rss()
    answer = case.send(target)
    assert_problem(answer, case.status, case.field)
    if case.status == 405:
        assert answer.headers["Allow"]
    assert_well(target)


@pytest.mark.parametrize("make", [png_bomb, png_text_bomb, png_profile_bomb])
def test_a_decompression_bomb_takes_no_memory(target, make):
    """Whether such a picture is refused or read without its excess, the excess is never unpacked."""
    bomb = make()
    assert len(bomb) < MEGABYTE
    target.forget_peak_rss()
    answer = target.generate(bomb, quality=1)
    assert answer.status_code in (200, 400)
    assert target.peak_rss_bytes() - target.baseline < 150 * MEGABYTE
    assert_well(target)


def test_a_100k_by_100k_header_is_refused_before_memory_is_taken(target):
    target.forget_peak_rss()
    before = target.rss_bytes()
    problem = assert_problem(target.generate(png_that_claims(100_000, 100_000)), 400)
    assert "100000" in problem["detail"] and "4096" in problem["detail"]
    assert target.peak_rss_bytes() - before < 8 * MEGABYTE


def test_every_truncation_of_a_small_picture_is_refused_or_harmless(target):
    for file_format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = pictures.encode(pictures.photo(24, 24, 53), file_format)
        for length in range(0, len(whole), max(1, len(whole) // 40)):
            answer = target.generate(whole[:length], quality=1)
            # What a decoder may leave out (a trailer, padding) can still be a whole picture.
            late = length >= len(whole) - 16
            assert answer.status_code == 400 or (late and answer.status_code == 200), (file_format, length)
            if answer.status_code == 400:
                assert_problem(answer, 400)
    assert_well(target)


def test_flipped_bits_in_pictures_never_break_the_server(target):
    import random

    seeded = random.Random(20)
    for file_format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = pictures.encode(pictures.photo(32, 32, 54), file_format)
        for _ in range(60):
            broken = bytearray(whole)
            for _ in range(seeded.choice([1, 1, 3, 20])):
                broken[seeded.randrange(len(broken))] ^= 1 << seeded.randrange(8)
            answer = target.generate(bytes(broken), quality=1)
            assert answer.status_code in (200, 400), answer.text
    assert_well(target)


def test_many_large_bodies_at_once_stay_within_the_bound(target):
    """Twenty bodies of 60 MiB are 1.2 GB; the server holds some of them and asks the others to wait or come back."""
    from server_process import at_once

    body = part_of(49)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    target.forget_peak_rss()
    answers = at_once(
        [lambda: target.http.post("/api/generate/relief", content=body, headers=headers)] * 20
    )
    assert {answer.status_code for answer in answers} <= {400, 413, 503}
    for answer in answers:
        assert_problem(answer, answer.status_code)
    assert target.peak_rss_bytes() - target.baseline < 900 * MEGABYTE
    target.forget_peak_rss()


def test_memory_stayed_bounded_from_the_first_case_to_the_last(target):
    assert len(target.samples) > 20
    # What was freed goes back to the system within a few seconds.
    eventually(
        lambda: target.rss_bytes() - target.baseline < ALLOWANCE / 2,
        what="the memory of refused requests to be given back",
    )
    assert target.stats()["current_items"] < 1000


def test_base64_of_every_length_around_the_limit_of_50_mib(target):
    """Exactly 50 MiB is a picture's size; one byte more is refused whatever it holds."""
    exact = bytes(50 * MEGABYTE)
    answer = target.http.post(
        "/api/generate/relief",
        content=b'{"image":"' + base64.b64encode(exact) + b'"}',
        headers=JSON_HEADERS,
    )
    problem = assert_problem(answer, 400)
    assert "too large" not in problem["detail"]
    more = target.http.post(
        "/api/generate/relief",
        content=b'{"image":"' + base64.b64encode(exact + b"\0") + b'"}',
        headers=JSON_HEADERS,
    )
    assert more.status_code in (400, 413)
    assert_problem(more, more.status_code)
