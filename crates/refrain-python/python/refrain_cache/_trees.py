"""Values made of values as bytes and back: a tagged, length-prefixed encoding (type, length, content).

Each value begins with one byte for its type. Lengths are eight bytes, most significant first. Reading builds objects of
types that are named here or registered, and of classes that the program has imported and that are still what they
were when it was written; it imports nothing and calls no method of theirs.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import struct
import sys
import types
import uuid
from typing import Any, Callable

from ._describe import class_name
from ._errors import CodecError
from ._paths import is_found_by_path
from ._state import state_of

MAGIC = b"refrain values 1\n"
DEEPEST = 100

Write = Callable[[Any], bytes]
Read = Callable[[bytes], Any]

#: By type and by name, what users have registered.
_registered: dict[type, tuple[str, Write]] = {}
readers: dict[str, tuple[type, Read]] = {}


def register(kind: type, name: str, write: Write, read: Read) -> None:
    known = readers.get(name)
    if known is not None and known[0] is not kind:
        raise ValueError(f"the codec {name!r} is for {known[0].__qualname__}")
    _registered[kind] = (name, write)
    readers[name] = (kind, read)


def write_tree(value: Any) -> bytes:
    parts: list[bytes] = [MAGIC]
    _write(value, parts, 0)
    return b"".join(parts)


def _write(value: Any, parts: list[bytes], depth: int) -> None:
    if depth > DEEPEST:
        raise CodecError(f"it is nested deeper than {DEEPEST} levels")
    kind = type(value)
    if kind in _registered:
        name, write = _registered[kind]
        content = write(value)
        if type(content) is not bytes:
            raise CodecError(f"the codec {name!r} gave a {type(content).__name__} and not bytes")
        _tagged(b"r", parts, name.encode(), content)
    elif kind in _SIMPLE:
        parts.append(_SIMPLE[kind](value))
    elif kind in _CONTAINERS:
        parts.append(_CONTAINERS[kind])
        _items(list(value.items()) if kind in _MAPPINGS else list(value), parts, depth, pairs=kind in _MAPPINGS)
    elif kind in _MADE_OF:
        name, taken_apart, _ = _MADE_OF[kind]
        _tagged(b"x", parts, name.encode())
        _write(taken_apart(value), parts, depth + 1)
    elif issubclass(kind, enum.Enum):
        _tagged(b"e", parts, *_class(kind), str(value._name_).encode())
        if kind.__members__.get(value._name_) is not value:
            raise CodecError(f"{value!r} is no member that has a name of its own")
    elif issubclass(kind, tuple) and hasattr(kind, "_fields") and not getattr(value, "__dict__", None):
        _tagged(b"n", parts, *_class(kind))
        _items(list(tuple.__iter__(value)), parts, depth)
    elif dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__pydantic_fields__"):
        state = state_of(value)
        if isinstance(state, str) or (type(state) is tuple and state[2] is not None):
            raise CodecError(f"a {kind.__qualname__} has more than fields")
        attributes, slots = state[:2] if type(state) is tuple else (state, {})
        _tagged(b"o", parts, *_class(kind))
        _write(attributes, parts, depth + 1)
        _write(slots, parts, depth + 1)
    else:
        for module, write_library in _LIBRARIES.items():
            if module in sys.modules and write_library(value, parts, depth):
                return
        raise CodecError(
            f"no codec takes a {kind.__qualname__}; register one, name a codec, or turn it into bytes yourself"
        )


def _tagged(tag: bytes, parts: list[bytes], *contents: bytes) -> None:
    parts.append(tag)
    for content in contents:
        parts.append(struct.pack(">Q", len(content)))
        parts.append(content)


def _framed(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack(">Q", len(content)) + content


def _items(items: list[Any], parts: list[bytes], depth: int, pairs: bool = False) -> None:
    parts.append(struct.pack(">Q", len(items)))
    for item in items:
        for part in item if pairs else (item,):
            _write(part, parts, depth + 1)


def _class(kind: type) -> tuple[bytes, bytes, bytes]:
    """Where the class is, and what it is."""
    if not is_found_by_path(kind, kind.__module__, kind.__qualname__):
        raise CodecError(f"the class {kind.__qualname__} is not found by its path, so its objects could not be read")
    return kind.__module__.encode(), kind.__qualname__.encode(), class_name(kind).encode()


def _write_int(value: int) -> bytes:
    return _framed(b"i", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


_SIMPLE: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"N",
    bool: lambda value: b"T" if value else b"F",
    type(Ellipsis): lambda value: b"E",
    int: _write_int,
    float: lambda value: b"f" + struct.pack(">d", value),
    complex: lambda value: b"c" + struct.pack(">dd", value.real, value.imag),
    str: lambda value: _framed(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: _framed(b"b", value),
    bytearray: lambda value: _framed(b"B", bytes(value)),
}
_CONTAINERS: dict[type, bytes] = {
    tuple: b"t",
    list: b"l",
    set: b"S",
    frozenset: b"Z",
    dict: b"d",
}
_MAPPINGS = (dict,)
MAKERS: dict[bytes, Callable[[Any], Any]] = {tag: kind for kind, tag in _CONTAINERS.items()}


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is datetime.timezone:
        return ("fixed", zone.utcoffset(None), _given_name(zone))
    if type(zone).__module__ in ("zoneinfo", "zoneinfo._zoneinfo") and zone.key:
        return ("zoneinfo", zone.key)
    raise CodecError(f"no codec takes the time zone {zone!r}")


def _given_name(zone: datetime.timezone) -> str | None:
    """The name that a time zone was made with."""
    arguments = zone.__getinitargs__()  # type: ignore[attr-defined]
    return arguments[1] if len(arguments) > 1 else None


def _make_zone(told: Any) -> Any:
    if told is None:
        return None
    if told[0] == "fixed":
        return datetime.timezone(told[1]) if told[2] is None else datetime.timezone(told[1], told[2])
    import zoneinfo

    return zoneinfo.ZoneInfo(told[1])


def _take_moment(*names: str) -> Callable[[Any], Any]:
    return lambda value: (*(getattr(value, name) for name in names), _zone(value.tzinfo), value.fold)


def _make_moment(kind: Any) -> Callable[[Any], Any]:
    return lambda told: kind(*told[:-2], tzinfo=_make_zone(told[-2]), fold=told[-1])


_CLOCK = ("hour", "minute", "second", "microsecond")

#: By type: a name, how its values are taken apart, and how they are made of the parts.
_MADE_OF: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    fractions.Fraction: ("fraction", lambda value: (value.numerator, value.denominator), lambda told: fractions.Fraction(*told)),
    uuid.UUID: ("uuid", lambda value: value.bytes, lambda told: uuid.UUID(bytes=told)),
    range: ("range", lambda value: (value.start, value.stop, value.step), lambda told: range(*told)),
    slice: ("slice", lambda value: (value.start, value.stop, value.step), lambda told: slice(*told)),
    datetime.date: ("date", lambda value: (value.year, value.month, value.day), lambda told: datetime.date(*told)),
    datetime.timedelta: ("timedelta", lambda value: (value.days, value.seconds, value.microseconds), lambda told: datetime.timedelta(*told)),
    datetime.datetime: ("datetime", _take_moment("year", "month", "day", *_CLOCK), _make_moment(datetime.datetime)),
    datetime.time: ("time", _take_moment(*_CLOCK), _make_moment(datetime.time)),
    datetime.timezone: ("timezone", _zone, _make_zone),
    collections.deque: ("deque", lambda value: (list(value), value.maxlen), lambda told: collections.deque(*told)),
    pathlib.PurePosixPath: ("posix path", str, pathlib.PurePosixPath),
    pathlib.PureWindowsPath: ("windows path", str, pathlib.PureWindowsPath),
    type(pathlib.Path()): ("path", str, pathlib.Path),
    types.SimpleNamespace: ("namespace", lambda value: dict(vars(value)), lambda told: types.SimpleNamespace(**told)),
}  # fmt: skip
MADE_FROM = {name: make for name, _, make in _MADE_OF.values()}


def _write_numpy(value: Any, parts: list[bytes], depth: int) -> bool:
    import numpy

    kind = type(value)
    if kind is numpy.ndarray and value.dtype.metadata is None:
        file = io.BytesIO()
        numpy.lib.format.write_array(file, value, allow_pickle=False)
        _tagged(b"y", parts, file.getvalue())
    elif issubclass(kind, numpy.generic) and not value.dtype.hasobject and value.dtype.names is None:
        file = io.BytesIO()
        numpy.lib.format.write_array(file, numpy.asarray(value), allow_pickle=False)
        _tagged(b"z", parts, file.getvalue())
    else:
        return False
    return True


def _write_picture(value: Any, parts: list[bytes], depth: int) -> bool:
    from PIL import Image

    if not issubclass(type(value), Image.Image):
        return False
    if type(value) is not Image.Image:
        raise CodecError(f"a {type(value).__qualname__} belongs to its file; its `copy()` can be stored")
    palette = value.palette
    told = None if palette is None else (palette.mode, bytes(palette.palette or b""), palette.rawmode, dict(palette.colors))
    _tagged(b"g", parts, value.mode.encode())
    exif = value.getexif().tobytes() if "exif" not in value.info and value.getexif() else None
    _write((value.size, value.tobytes(), told, value.info, exif, vars(value).get("_transparency")), parts, depth + 1)
    return True


_LIBRARIES: dict[str, Callable[[Any, list[bytes], int], bool]] = {"numpy": _write_numpy, "PIL.Image": _write_picture}
