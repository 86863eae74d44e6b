"""The key of a request for `relief`, the server's built-in generator: its parameters with defaults filled in."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from ._describe import describe
from ._forms import File, FormText, Number, read_json
from ._native import Key, Media, key_of

#: Of the server of this version; what it generates may change with it.
FINGERPRINT = "relief/1"
_FORMATS = ("stl", "obj", "ply", "glb")


def relief_key(fields: dict[str, Any]) -> Key:
    """The key, or `ValueError` that names the field which the server would refuse."""
    fields = dict(fields)
    if "image" not in fields:
        raise ValueError("`image` is missing")
    image = _file(fields.pop("image"))
    form = fields.pop("format", "stl")
    if form not in _FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(_FORMATS)}, is {form!r}")
    dimensions = _dimensions(fields)
    width = _number(dimensions, "width", 100.0, 1.0, 1000.0)
    height = _number(dimensions, "height", 100.0, 1.0, 1000.0)
    depth = _number(dimensions, "depth", 20.0, 1.0, 500.0)
    base = _number(fields, "base", 2.0 if depth > 2.0 else depth / 2.0, 0.2, 100.0)
    if base >= depth:
        raise ValueError(f"`base` is {base} but must be less than `dimensions.depth`, which is {depth}")
    parts = {
        "image": Media(image),
        "format": str(form),
        "width": width,
        "height": height,
        "depth": depth,
        "quality": _quality(fields),
        "base": base,
        "invert": _boolean(fields, "invert"),
    }
    for name in (*fields, *dimensions):
        raise ValueError(f"`{name}` is not a field of this request")
    return key_of("relief", FINGERPRINT, parts, describe)


def _file(value: Any) -> bytes:
    if isinstance(value, File):
        return value.content
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("`image` must be a file or text in base64")
    if value.startswith("data:"):
        head, comma, value = value.partition(",")
        if not comma or head.rsplit(";", 1)[-1].strip().lower() != "base64":
            raise ValueError("`image` must be a data URI in base64")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"`image` is not base64: {error}") from error
    if base64.b64encode(data).decode() != value:
        raise ValueError("`image` is not base64 in its one spelling")
    return data


def _dimensions(fields: dict[str, Any]) -> dict[str, Any]:
    dotted = {
        name.partition(".")[2]: fields.pop(name)
        for name in list(fields)
        if name.startswith("dimensions.") and isinstance(fields[name], (FormText, File))
    }
    if "dimensions" not in fields:
        return dotted
    whole = fields.pop("dimensions")
    if dotted:
        raise ValueError("`dimensions` is given as a whole and field by field")
    if isinstance(whole, FormText):
        whole = read_json(whole)
    if not isinstance(whole, dict):
        raise ValueError("`dimensions` must be an object")
    return dict(whole)


def _digits(value: Any) -> str | None:
    """The digits of a number, however it came."""
    if isinstance(value, FormText):
        try:
            number = read_json(value)
        except ValueError:
            return None
        return str(value) if isinstance(number, Number) else None
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return json.dumps(value)
    return None


def _number(fields: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    if name not in fields:
        return default
    digits = _digits(fields.pop(name))
    number = math.nan if digits is None else float(digits)
    if not low <= number <= high:
        raise ValueError(f"`{name}` must be a number from {low} to {high}")
    # The server keeps the sign of a zero and so would this, but no zero is in a range.
    return number


def _quality(fields: dict[str, Any]) -> int:
    digits = _digits(fields.pop("quality", 7))
    if digits is None or not digits.isdigit() or not 1 <= int(digits) <= 10:
        raise ValueError("`quality` must be a whole number from 1 to 10")
    return int(digits)


def _boolean(fields: dict[str, Any], name: str) -> bool:
    value = fields.pop(name, False)
    if isinstance(value, FormText) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be true or false")
    return value
