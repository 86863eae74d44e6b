"""docs/disk-format.md says enough: a reader written from it alone finds every field of every file."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import disk_format
import pictures
import pytest
from disk_format import Damaged, Entry
from server_process import REPOSITORY, Server

FIXTURES = REPOSITORY / "crates" / "refrain-disk" / "tests" / "fixtures"
KEY = bytes(range(32))
CUBE = b"solid cube\nendsolid cube\n"
CHUNK = 262_144
NAMED = [("media_type", b"model/stl"), ("file_name", b"cube.stl")]
ANSWER = [
    ("http.status", b"200"),
    ("http.header", b"content-type: multipart/mixed"),
    ("http.header", b"x-seed: 7"),
    ("part", b"10 image/png cat.png"),
    ("part", b"16 application/json"),
    ("http.trailer", b"x-took: 12"),
    ("key.part", b"/seed\0\x01\x02"),
    ("x.unknown", b"\0\xff"),
    ("", b""),
]


def ramp(length: int) -> bytes:
    return bytes(n % 251 for n in range(length))


def fixture(name: str, length: int = 0) -> bytes:
    """A file of the tree; long ones are kept there without their bodies."""
    data = (FIXTURES / name).read_bytes()
    return data[:48] + ramp(length) + data[48:]


def expected(body: bytes, fields: list[tuple[str, bytes]], **changes) -> Entry:
    facts = {"version": 2, "tags": ["model:v2"], "expires_ms": 1_700_086_400_000, **changes}
    digest = disk_format.digest(body)
    known = {"codec": "bytes", "cost_us": 124_600_000, "written_ms": 1_700_000_000_000}
    return Entry(key=KEY, body=body, body_digest=digest, fields=fields, **known, **facts)


@pytest.mark.parametrize(
    ("name", "length", "entry"),
    [
        ("v1/entry", 0, expected(CUBE, NAMED, version=1)),
        ("v2/empty", 0, expected(b"", [], tags=[], expires_ms=None)),
        ("v2/entry", 0, expected(CUBE, NAMED)),
        ("v2/answer", 0, expected(CUBE, ANSWER)),
        ("v2/chunk-1", CHUNK - 1, expected(ramp(CHUNK - 1), NAMED)),
        ("v2/chunk", CHUNK, expected(ramp(CHUNK), NAMED)),
        ("v2/chunk+1", CHUNK + 1, expected(ramp(CHUNK + 1), NAMED)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_fixture_holds_what_it_is_known_to_hold(name: str, length: int, entry: Entry):
    assert disk_format.read(fixture(name, length), KEY) == entry


@pytest.mark.parametrize("name", ["v1/entry", "v2/empty", "v2/entry", "v2/answer"])
def test_no_changed_bit_and_no_cut_is_taken_for_an_entry(name: str):
    data = fixture(name)
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            disk_format.read(bytes(changed), KEY)
    for length in range(len(data)):
        with pytest.raises(Damaged):
            disk_format.read(data[:length], KEY)
    with pytest.raises(Damaged):
        disk_format.read(data + b"\0", KEY)


def test_no_fixture_is_overlooked():
    found = {str(path.relative_to(FIXTURES)) for path in FIXTURES.rglob("*") if path.is_file()}
    assert found == {"v1/entry", *(f"v2/{name}" for name in ("empty", "entry", "answer", "chunk-1", "chunk", "chunk+1"))}


def test_what_a_server_writes_is_what_it_answered(tmp_path: Path):
    folder = tmp_path / "disk"
    before = time.time() * 1000
    with Server(tmp_path / "server", "--disk-dir", str(folder), "--ttl-seconds", "1000") as server:
        answers = [server.generate(pictures.png(pictures.logo(48, 48, seed=n))) for n in range(3)]
        # More than one chunk.
        answers.append(server.generate(pictures.png(pictures.logo(400, 400, seed=9))))
    after = time.time() * 1000
    found = disk_format.entries(folder)
    assert set(found) == {answer.headers["Refrain-Key"] for answer in answers}
    assert max(len(entry.body) for entry in found.values()) > CHUNK
    for answer in answers:
        entry = found[answer.headers["Refrain-Key"]]
        assert (entry.version, entry.codec, entry.tags) == (2, "bytes", [])
        assert entry.body == answer.content
        assert f'"{entry.body_digest.hex()}"' == answer.headers["ETag"]
        assert before - 1 <= entry.written_ms <= after
        assert entry.age_ms <= after - before
        assert 0 < entry.cost_us < (after - before) * 1000
        assert abs(entry.expires_ms - entry.written_ms - 1_000_000) <= after - before
        names = {name for name, _ in entry.fields}
        assert names == {"http.status", "http.header", "key.part"}
        assert entry.all("http.status") == [b"200"]
        assert sorted(entry.headers()) == sorted(
            (name, answer.headers[name]) for name in ("content-disposition", "content-type")
        )
        assert entry.media_type() == answer.headers["Content-Type"]
        for part in entry.all("key.part"):
            pointer, digest = part[:-32], part[-32:]
            assert pointer.startswith(b"/") and pointer.endswith(b"\0") and len(digest) == 32
    for path in [folder / "v2", *(folder / "v2").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert (folder / "lock").read_bytes() == b""
    assert list((folder / "v2" / "unfinished").iterdir()) == []
