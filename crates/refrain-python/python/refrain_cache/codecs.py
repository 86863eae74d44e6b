"""Values as bytes and back, for code that stores or sends them. Which codec wrote the bytes is never guessed from them.

`encode` chooses by the type of the value; `decode` is told the name. Reading runs no code that is in the bytes: pickle
is a codec only where it is named, `encode(value, "pickle")` and `decode("pickle", data)`.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
from typing import Any, Callable

from ._errors import CodecError

__all__ = ["decode", "encode", "register"]


def encode(value: Any, codec: str | None = None) -> tuple[str, bytes]:
    """The name of the codec and the bytes.

    `bytes`, `text`, `numpy` and `pil` are for values of those types, `json` for what JSON gives back as it was: texts,
    booleans, whole numbers, finite floats, `None`, lists, and dictionaries with texts as keys. `values` is for all
    that is made of such things, and for what has been registered. Anything else is a `CodecError`, and so is a value
    that the named codec does not give back equal.
    """
    try:
        if codec is None:
            return _encode(value)
        name = codec
        return name, _codec(name)[0](value)
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"a {type(value).__name__} cannot be written{f' as {codec}' if codec else ''}: {error}") from error


def decode(codec: str, data: bytes) -> Any:
    """The value that `codec` wrote."""
    try:
        return _codec(codec)[1](bytes(data))
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"these {len(data)} bytes are not what {codec} writes: {error}") from error


def register(kind: type, name: str, write: Callable[[Any], bytes], read: Callable[[bytes], Any]) -> None:
    """Has objects of exactly this type written and read by functions of yours, alone and inside of other values.

    `name` is stored with them: a reader registers the same name. Register before the first object is written.
    """
    if not isinstance(kind, type) or not isinstance(name, str) or not callable(write) or not callable(read):
        raise TypeError("`register` takes a type, a name, and functions that write and read")
    from ._trees import register as register_tree

    register_tree(kind, name, write, read)


def _encode(value: Any) -> tuple[str, bytes]:
    kind = type(value)
    if kind is bytes:
        return "bytes", value
    try:
        if kind is str:
            return "text", _write_text(value)
        if "numpy" in sys.modules and kind is sys.modules["numpy"].ndarray and value.dtype.metadata is None:
            return "numpy", _write_numpy(value)
        if "PIL.Image" in sys.modules and kind is sys.modules["PIL.Image"].Image:
            return "pil", _write_pil(value)
        return "json", _write_json(value)
    except Exception:
        # Of its type, but more than the format for the type can hold.
        return "values", _write_values(value)


def _write_values(value: Any) -> bytes:
    from ._trees import write_tree

    return write_tree(value)


def _read_values(data: bytes) -> Any:
    from ._tree_reader import read_tree

    return read_tree(data)


def _codec(name: str) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    try:
        return _CODECS[name]
    except KeyError:
        raise CodecError(f"there is no codec {name!r}; there are {', '.join(_CODECS)}") from None


def _write_bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise CodecError(f"the codec bytes takes bytes, not a {type(value).__name__}")
    return value


def _write_text(value: Any) -> bytes:
    if type(value) is not str:
        raise CodecError(f"the codec text takes str, not a {type(value).__name__}")
    return value.encode()


def _write_json(value: Any) -> bytes:
    _check_json(value, 0)
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _check_json(value: Any, depth: int) -> None:
    """JSON would make lists of tuples, texts of other keys, and numbers of their subclasses without a word."""
    if depth > 100:
        raise CodecError("it is nested deeper than 100 levels")
    if type(value) is list:
        for item in value:
            _check_json(item, depth + 1)
    elif type(value) is dict:
        for name, item in value.items():
            if type(name) is not str:
                raise CodecError(f"a key of a dictionary is a {type(name).__name__}, and in JSON only texts are")
            _check_json(item, depth + 1)
    elif not (value is None or type(value) in (bool, int, float, str)):
        raise CodecError(
            f"JSON does not give a {type(value).__name__} back as it was; "
            "name a codec, or turn it into bytes yourself"
        )


def _write_numpy(value: Any) -> bytes:
    import numpy

    if type(value) is not numpy.ndarray:
        raise CodecError(f"the codec numpy takes arrays, not a {type(value).__name__}")
    file = io.BytesIO()
    numpy.lib.format.write_array(file, value, allow_pickle=False)
    return file.getvalue()


def _read_numpy(data: bytes) -> Any:
    import numpy

    file = io.BytesIO(data)
    array = numpy.lib.format.read_array(file, allow_pickle=False)
    if file.read(1):
        raise CodecError("there are bytes after the end of the array")
    return array


_PIL_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


def _write_pil(value: Any) -> bytes:
    if getattr(value, "n_frames", 1) != 1:
        raise CodecError("a picture of several frames is not one picture; store the bytes of its file")
    if value.mode not in _PIL_MODES:
        raise CodecError(f"PNG does not give the mode {value.mode} back; convert it, or store an array")
    file = io.BytesIO()
    value.save(file, "PNG")
    data = file.getvalue()
    again = _read_pil(data)
    # Pillow compares class, mode, size, pixels, palette and `info`.
    if again != value or again.getexif().tobytes() != value.getexif().tobytes():
        raise CodecError("PNG does not give this picture back as it was, with all that is written in it")
    return data


def _read_pil(data: bytes) -> Any:
    from PIL import Image

    # Named, so that the bytes cannot choose another of Pillow's readers.
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    # No longer a part of its file.
    return image.copy()


_CODECS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "bytes": (_write_bytes, bytes),
    "text": (_write_text, lambda data: data.decode()),
    "json": (_write_json, lambda data: json.loads(data.decode())),
    "numpy": (_write_numpy, _read_numpy),
    "pil": (_write_pil, _read_pil),
    "values": (_write_values, _read_values),
    "pickle": (pickle.dumps, pickle.loads),
}
