"""The files of the disk tier, read by docs/disk-format.md alone: its second implementation, which checks the page and the crate.

Shares no code with the crate. Needs the package `blake3` and the standard library.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

HEAD_BYTES = 48
TRAILER_BYTES = 108
DIGEST_BYTES = 32
MOST_METADATA_BYTES = 262_144
CHUNK_SIZES = {1 << power for power in range(12, 23)}


class Damaged(Exception):
    """A file that is no entry; says why."""


@dataclass
class Entry:
    version: int
    key: bytes
    body: bytes
    body_digest: bytes
    codec: str
    cost_us: int
    written_ms: int
    age_ms: int = 0
    expires_ms: int | None = None
    tags: list[str] = field(default_factory=list)
    fields: list[tuple[str, bytes]] = field(default_factory=list)

    def all(self, name: str) -> list[bytes]:
        return [value for of, value in self.fields if of == name]

    def headers(self) -> list[tuple[str, str]]:
        lines = [line.decode() for line in self.all("http.header")]
        return [tuple(line.split(": ", 1)) for line in lines]

    def media_type(self) -> str | None:
        named = [value.decode() for value in self.all("media_type")]
        return next(iter(named + [value for name, value in self.headers() if name == "content-type"]), None)


def digest(*parts: bytes) -> bytes:
    return blake3(b"".join(parts)).digest()


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Damaged(what)


def read(data: bytes, key: bytes) -> Entry:
    """The entry in a file whose name says that it is of this key."""
    check(data[:8] == b"RFRNDISK", "another kind of file")
    check(len(data) >= 12, "cut")
    (version,) = struct.unpack_from("<I", data, 8)
    if version == 1:
        return read_version_1(data, key)
    check(version == 2, f"version {version}")
    check(len(data) >= HEAD_BYTES + TRAILER_BYTES, "cut")
    (chunk_bytes,) = struct.unpack_from("<I", data, 12)
    check(chunk_bytes in CHUNK_SIZES, f"chunks of {chunk_bytes} bytes")
    head, trailer = data[:HEAD_BYTES], data[-TRAILER_BYTES:]
    check(head[16:] == key, "another key")

    body_bytes, metadata_bytes = struct.unpack_from("<QI", trailer)
    chunks = -(-body_bytes // chunk_bytes)
    check(metadata_bytes <= MOST_METADATA_BYTES, "too many metadata")
    whole = HEAD_BYTES + body_bytes + DIGEST_BYTES * chunks + metadata_bytes + TRAILER_BYTES
    check(len(data) == whole, f"{len(data)} bytes and not {whole}")

    body, rest = data[HEAD_BYTES:][:body_bytes], data[HEAD_BYTES + body_bytes :]
    digests, metadata = rest[: DIGEST_BYTES * chunks], rest[DIGEST_BYTES * chunks : -TRAILER_BYTES]
    check(digest(head, metadata, trailer[:76]) == trailer[76:], "the trailer's digest")
    check(digest(digests) == trailer[44:76], "the digest of the list of digests")
    for number in range(chunks):
        chunk = body[number * chunk_bytes :][:chunk_bytes]
        check(digest(chunk) == digests[number * DIGEST_BYTES :][:DIGEST_BYTES], f"the digest of chunk {number}")
    check(digest(body) == trailer[12:44], "the digest of the body")
    return Entry(version=2, key=key, body=body, body_digest=trailer[12:44], **described(metadata))


def described(metadata: bytes) -> dict:
    """The items, with those of the entry under their names."""
    once: dict[str, object] = {}
    tags: list[str] = []
    fields: list[tuple[str, bytes]] = []
    at = 0
    while at < len(metadata):
        check(len(metadata) >= at + 6, "an item is cut")
        kind, name_bytes, value_bytes = struct.unpack_from("<BBI", metadata, at)
        at += 6
        check(len(metadata) >= at + name_bytes + value_bytes, "an item is cut")
        name = metadata[at : at + name_bytes].decode()
        value = metadata[at + name_bytes : at + name_bytes + value_bytes]
        at += name_bytes + value_bytes
        if kind == 1:
            fields.append((name, value))
            continue
        check(kind == 0, f"an item of kind {kind}")
        if name == "tag":
            tags.append(value.decode())
        elif name == "codec":
            check(name not in once, f"two items {name}")
            once[name] = value.decode()
        elif name in ("cost_us", "written_ms", "age_ms", "expires_ms"):
            check(name not in once and value_bytes == 8, f"the item {name}")
            (once[name],) = struct.unpack("<Q", value)
    for name in ("codec", "cost_us", "written_ms"):
        check(name in once, f"no item {name}")
    return {**once, "tags": tags, "fields": fields}


def read_version_1(data: bytes, key: bytes) -> Entry:
    check(len(data) >= 120, "cut")
    metadata_bytes, body_bytes = struct.unpack_from("<IQ", data, 12)
    check(len(data) == 120 + metadata_bytes + body_bytes, "another length")
    metadata, body = data[120:][:metadata_bytes], data[120 + metadata_bytes :]
    check(data[24:56] == key, "another key")
    check(digest(data[:88], metadata) == data[88:120], "the digest of the metadata")
    check(digest(body) == data[56:88], "the digest of the body")
    told = json.loads(metadata)
    return Entry(
        version=1,
        key=key,
        body=body,
        body_digest=data[56:88],
        codec=told["codec"],
        cost_us=told["cost_us"],
        written_ms=told["written_ms"],
        expires_ms=told.get("expires_ms"),
        tags=told["tags"],
        fields=[(name, told[name].encode()) for name in ("media_type", "file_name")],
    )


def entries(folder: Path) -> dict[str, Entry]:
    """Every entry of a folder, by its key in hexadecimal digits. Other files are left alone."""
    found = {}
    for path in (folder / "v2").glob("[0-9a-f][0-9a-f]/*"):
        name = path.name
        if path.is_symlink() or not path.is_file() or not re.fullmatch("[0-9a-f]{64}", name):
            continue
        check(name.startswith(path.parent.name), f"{name} in the folder {path.parent.name}")
        found[name] = read(path.read_bytes(), bytes.fromhex(name))
    return found
