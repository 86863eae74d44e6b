#!/usr/bin/env python3
"""Makes ammonite.png, the sample picture: a fossil shell whose brightness is its height.

    python3 examples/pictures/make.py

Needs nothing but Python, and gives the same pixels every time.
"""

import math
import struct
import zlib
from pathlib import Path

SIDE = 400
TURNS = 4
# Each turn of the shell is this much wider than the one inside it.
GROWTH = 2.0
RIBS_PER_TURN = 26


def brightness(x: float, y: float) -> float:
    """Height of the shell at `x`, `y`, both -1 to 1; the ground is 0 and the highest rib 1."""
    radius, angle = math.hypot(x, y), math.atan2(y, x) / math.tau
    if radius == 0:
        return 0.0
    # The spiral: how many turns out this point lies, measured along its own ray.
    turns = math.log(radius / 0.71, GROWTH) - angle
    whole, across = math.floor(turns), turns - math.floor(turns)
    along = whole + angle
    if not -TURNS < along < -0.5:
        return 0.0
    tube = math.sqrt(max(0.0, 1 - (2 * across - 1) ** 2))
    ribs = 0.85 + 0.15 * math.cos(math.tau * (RIBS_PER_TURN * along + 0.9 * across))
    opening = min(1.0, (-0.5 - along) * 12)
    return tube * ribs * opening * (0.45 + 0.55 * GROWTH ** (along + 0.5))


def pixels() -> list[bytes]:
    def middle_of(index: int) -> float:
        return (2 * index + 1) / SIDE - 1

    # The spiral's eye lies right of and below the middle, so that the whole shell is in the picture.
    return [
        bytes(
            round(255 * brightness(middle_of(column) - 0.13, -middle_of(row) + 0.15))
            for column in range(SIDE)
        )
        for row in range(SIDE)
    ]


def png(rows: list[bytes]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    # Filter 1: each byte is the difference to its left neighbor.
    filtered = b"".join(
        b"\1" + bytes((value - left) % 256 for left, value in zip(b"\0" + row, row)) for row in rows
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(filtered, 9))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    Path(__file__).with_name("ammonite.png").write_bytes(png(pixels()))
