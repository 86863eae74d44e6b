"""Pictures as people send them, made on the spot: same seed, same bytes."""

from __future__ import annotations

import functools
import io
import itertools
import struct
import zlib

import numpy
from PIL import Image, ImageDraw, ImageFilter


def photo(width: int, height: int, seed: int = 1) -> Image.Image:
    """A landscape's look: broad gradients, a few soft hills, sensor noise, in color."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:1:height * 1j, 0:1:width * 1j]
    light = 0.6 * (1 - y) + 0.2 * x
    for _ in range(6):
        center_x, center_y, spread = random.random(), random.random(), 0.05 + 0.2 * random.random()
        light += 0.4 * random.standard_normal() * numpy.exp(
            -((x - center_x) ** 2 + (y - center_y) ** 2) / (2 * spread**2)
        )
    color = numpy.stack([light, 0.9 * light + 0.05 * x, 0.8 * light + 0.1 * y], axis=-1)
    color += 0.03 * random.standard_normal(color.shape)
    return Image.fromarray((255 * color.clip(0, 1)).astype(numpy.uint8))


def logo(width: int, height: int, seed: int = 1) -> Image.Image:
    """Hard edges and few colors."""
    random = numpy.random.default_rng(seed)
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.1, height * 0.1, width * 0.9, height * 0.9), fill=(20, 60, 160))
    draw.rectangle((width * 0.3, height * 0.4, width * 0.7, height * 0.6), fill=(250, 200, 0))
    corners = [(random.random() * width, random.random() * height) for _ in range(3)]
    draw.polygon(corners, fill=(200, 0, 40))
    return picture


def text(width: int, height: int, seed: int = 1) -> Image.Image:
    """Black letters on white."""
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    for line in range(1, 5):
        draw.text((width * 0.05, line * height / 6), f"Refrain {seed} line {line}", fill=0)
    return picture


def portrait(width: int, height: int, seed: int = 1) -> Image.Image:
    """Soft blobs of light on a dark ground, as in a studio portrait."""
    random = numpy.random.default_rng(seed)
    picture = Image.new("L", (width, height), 25)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.25, height * 0.15, width * 0.75, height * 0.8), fill=200)
    for side in (0.4, 0.6):
        draw.ellipse((width * (side - 0.05), height * 0.4, width * (side + 0.05), height * 0.46), fill=40)
    draw.ellipse((width * 0.42, height * 0.6, width * 0.58, height * (0.64 + 0.02 * random.random())), fill=90)
    return picture.filter(ImageFilter.GaussianBlur(max(1, width // 60)))


def sixteen_bit(width: int, height: int, seed: int = 1) -> Image.Image:
    """A depth map: more than 256 levels."""
    y, x = numpy.mgrid[0:1:height * 1j, 0:1:width * 1j]
    wave = 0.5 + 0.5 * numpy.sin(6 * x + seed) * numpy.cos(4 * y)
    return Image.fromarray((65535 * wave).astype(numpy.uint16))


def with_alpha(width: int, height: int, seed: int = 1) -> Image.Image:
    """A cut-out: opaque in the middle, clear at the border."""
    picture = photo(width, height, seed).convert("RGBA")
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).ellipse((width * 0.1, height * 0.1, width * 0.9, height * 0.9), fill=255)
    picture.putalpha(mask.filter(ImageFilter.GaussianBlur(3)))
    return picture


def quadrants(size: int, top_left: int, top_right: int, bottom_left: int, bottom_right: int) -> Image.Image:
    """Four flat squares of known brightness, to see which way is up."""
    levels = numpy.array([[top_left, top_right], [bottom_left, bottom_right]], dtype=numpy.uint8)
    return Image.fromarray(numpy.kron(levels, numpy.ones((size // 2, size // 2), dtype=numpy.uint8)))


def encode(picture: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def png(picture: Image.Image) -> bytes:
    return encode(picture, "PNG")


# Name, bytes: every input format and pixel layout that the server promises to take.
def gallery() -> list[tuple[str, bytes]]:
    animation = [logo(60, 50, seed) for seed in range(3)]
    return [
        ("photo.jpg", encode(photo(320, 240), "JPEG", quality=85)),
        ("photo-progressive.jpg", encode(photo(200, 300, 2), "JPEG", progressive=True)),
        ("photo-lossy.webp", encode(photo(240, 180, 3), "WEBP", quality=70)),
        ("photo-rgb.png", png(photo(180, 240, 4))),
        ("photo.tif", encode(photo(160, 120, 5), "TIFF")),
        ("logo-palette.png", png(logo(256, 256).quantize(16))),
        ("logo.gif", encode(logo(200, 150, 2), "GIF")),
        ("logo-animated.gif", encode(animation[0], "GIF", save_all=True, append_images=animation[1:])),
        ("logo.bmp", encode(logo(150, 200, 3), "BMP")),
        ("logo-lossless.webp", encode(logo(120, 120, 4), "WEBP", lossless=True)),
        ("text-gray.png", png(text(200, 120))),
        ("text-one-bit.png", png(text(200, 120, 2).convert("1"))),
        ("portrait-gray.jpg", encode(portrait(240, 320), "JPEG")),
        ("portrait-lzw.tif", encode(portrait(120, 160, 2), "TIFF", compression="tiff_lzw")),
        ("portrait-interlace.png", png(portrait(90, 130, 3))),
        ("depth-16-bit.png", png(sixteen_bit(128, 128))),
        ("depth-16-bit.tif", encode(sixteen_bit(100, 80, 2), "TIFF")),
        ("cutout-rgba.png", png(with_alpha(200, 200))),
        ("cutout-gray-alpha.png", png(with_alpha(120, 90, 2).convert("LA"))),
        ("cutout-alpha.webp", encode(with_alpha(100, 140, 3), "WEBP", lossless=True)),
        ("wide.png", png(photo(600, 40, 6))),
        ("tall.png", png(photo(40, 600, 7))),
    ]


_seeds = itertools.count(1000)


def fresh_png(size: int = 64) -> bytes:
    """A picture that no test before has sent, so its first request is a miss."""
    return png(photo(size, size, next(_seeds)))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@functools.cache
def _largest_rows() -> bytes:
    """4096 x 4096 pixels of four 16-bit channels, a gradient both ways, in few bytes."""
    across = numpy.linspace(0, 65535, 4096).astype(">u2")
    first = numpy.stack([across, across, across, numpy.full(4096, 65535, ">u2")], axis=-1)
    # Filter 2: each byte is the difference to the row above.
    same = b"\2" + bytes(8 * 4096)
    brighter = b"\2" + b"\1\0\1\0\1\0\0\0" * 4096
    packer = zlib.compressobj(6)
    packed = packer.compress(b"\0" + first.tobytes())
    for row in range(1, 4096):
        packed += packer.compress(brighter if row % 16 == 0 else same)
    return packed + packer.flush()


def slow_request() -> tuple[bytes, dict]:
    """A request whose generation takes long enough to be met while it runs.

    The largest picture at the finest quality in the format that takes longest to write; the comment makes it new.
    """
    header = struct.pack(">IIBBBBB", 4096, 4096, 16, 6, 0, 0, 0)
    comment = b"Comment\0number %d" % next(_seeds)
    picture = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"tEXt", comment)
        + png_chunk(b"IDAT", _largest_rows())
        + png_chunk(b"IEND", b"")
    )
    return picture, {"quality": 10, "format": "obj"}
