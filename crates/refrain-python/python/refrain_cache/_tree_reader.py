"""Reads what `_trees` writes: a recursive-descent reader of tagged, length-prefixed values.

What does not fit is an error; a length is compared with what is left before anything is made of it.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import struct
import sys
import types
from typing import Any

from ._describe import class_name
from ._errors import CodecError
from ._trees import DEEPEST, MADE_FROM, MAGIC, MAKERS, readers


def read_tree(data: bytes) -> Any:
    if not data.startswith(MAGIC):
        raise CodecError("it does not begin as values do")
    reader = _Reader(data, len(MAGIC))
    value = reader.value(0)
    if reader.at != len(data):
        raise CodecError("there are bytes after its end")
    return value


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self.at:
            raise CodecError("it ends before its value does")
        self.at += length
        return self._data[self.at - length : self.at]

    def length(self) -> int:
        return int(struct.unpack(">Q", self.take(8))[0])

    def framed(self) -> bytes:
        return self.take(self.length())

    def items(self, depth: int, pairs: bool = False) -> list[Any]:
        count = self.length()
        if count > len(self._data) - self.at:
            raise CodecError("it ends before its value does")
        if not pairs:
            return [self.value(depth + 1) for _ in range(count)]
        return [(self.value(depth + 1), self.value(depth + 1)) for _ in range(count)]

    def value(self, depth: int) -> Any:
        if depth > DEEPEST + 2:
            raise CodecError(f"it is nested deeper than {DEEPEST} levels")
        tag = self.take(1)
        constants = {b"N": None, b"T": True, b"F": False, b"E": ...}
        if tag in constants:
            return constants[tag]
        if tag in MAKERS:
            return MAKERS[tag](self.items(depth, pairs=tag == b"d"))
        read = getattr(self, f"_read_{tag.decode('latin-1')}", None)
        if read is None:
            raise CodecError(f"there is no type {tag!r}")
        return read(depth)

    def _read_i(self, depth: int) -> int:
        return int.from_bytes(self.framed(), "big", signed=True)

    def _read_f(self, depth: int) -> float:
        return float(struct.unpack(">d", self.take(8))[0])

    def _read_c(self, depth: int) -> complex:
        return complex(*struct.unpack(">dd", self.take(16)))

    def _read_s(self, depth: int) -> str:
        return self.framed().decode("utf-8", "surrogatepass")

    def _read_b(self, depth: int) -> bytes:
        return self.framed()

    def _read_B(self, depth: int) -> bytearray:
        return bytearray(self.framed())

    def _read_x(self, depth: int) -> Any:
        make = MADE_FROM[self.framed().decode()]
        return make(self.value(depth + 1))

    def _read_r(self, depth: int) -> Any:
        name, content = self.framed().decode(), self.framed()
        if name not in readers:
            raise CodecError(f"no codec {name!r} is registered")
        kind, read = readers[name]
        value = read(content)
        if type(value) is not kind:
            raise CodecError(f"the codec {name!r} gave a {type(value).__qualname__} and not a {kind.__qualname__}")
        return value

    def _class(self) -> type:
        module, qualname, told = (self.framed().decode() for _ in range(3))
        found: Any = sys.modules.get(module)
        for step in qualname.split("."):
            found = getattr(found, "__dict__", {}).get(step)
        if not isinstance(found, type) or class_name(found) != told:
            raise CodecError(f"there is no class {module}.{qualname} here that is what it was")
        return found

    def _read_e(self, depth: int) -> Any:
        kind, name = self._class(), self.framed().decode()
        if not issubclass(kind, enum.Enum):
            raise CodecError(f"{kind.__qualname__} is no enumeration")
        return kind.__members__[name]

    def _read_n(self, depth: int) -> Any:
        kind, items = self._class(), self.items(depth)
        if not issubclass(kind, tuple) or not hasattr(kind, "_fields"):
            raise CodecError(f"{kind.__qualname__} is no named tuple")
        return tuple.__new__(kind, items)

    def _read_o(self, depth: int) -> Any:
        kind = self._class()
        if not (dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__pydantic_fields__")):
            raise CodecError(f"{kind.__qualname__} has no fields")
        attributes, slots = self.value(depth + 1), self.value(depth + 1)
        made: Any = object.__new__(kind)
        members = {}
        for each in reversed(kind.__mro__):
            members.update({name: member for name, member in vars(each).items() if type(member) is types.MemberDescriptorType})
        for name, value in slots.items():
            members[name].__set__(made, value)
        if attributes:
            object.__getattribute__(made, "__dict__").update(attributes)
        return made

    def _read_y(self, depth: int) -> Any:
        import numpy

        content = self.framed()
        file = io.BytesIO(content)
        array = numpy.lib.format.read_array(file, allow_pickle=False)
        if file.tell() != len(content):
            raise CodecError("there are bytes after the end of the array")
        return array

    def _read_z(self, depth: int) -> Any:
        return self._read_y(depth)[()]

    def _read_g(self, depth: int) -> Any:
        from PIL import Image, ImagePalette

        mode = self.framed().decode()
        size, data, told, info, exif, _ = self.value(depth + 1)
        image = Image.frombytes(mode, size, data)
        if told is not None:
            palette_mode, colors, rawmode, indices = told
            image.palette = ImagePalette.ImagePalette(palette_mode, colors)
            image.palette.rawmode = rawmode
            image.palette.colors = indices
            if rawmode is None and mode in ("P", "PA"):
                image.putpalette(colors, palette_mode)
        elif mode not in ("P", "PA"):
            image.palette = None
        image.info = info
        if exif is not None:
            image.getexif().load(exif)
        return image
