"""Descriptions of objects whose types are not built in, for keys.

`describe` gives a tuple for the native encoder: `("tagged", type, content)`, `("variant", type, variant, content)` or
`("value", content)`. An object it has no rule for cannot be keyed: a stand-in such as `repr` would sooner or later be
the same for two different objects.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import sys
import uuid
from typing import Any, Callable

from ._native import Key, Media

_Description = tuple[Any, ...]


def describe(item: Any) -> _Description:
    """The description of `item`, or `TypeError` that says why there is none and what to do."""
    own = getattr(type(item), "__refrain_key__", None)
    if own is not None:
        return "tagged", type_name(item), own(item)
    rule = _RULES.get(type(item))
    if rule is not None:
        return rule(item)
    if isinstance(item, enum.Enum):
        return "variant", type_name(item), item.name, item.value
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return _dataclass(item)
    if hasattr(type(item), "__attrs_attrs__"):
        names = [field.name for field in type(item).__attrs_attrs__]
        return "tagged", type_name(item), {name: getattr(item, name) for name in names}
    if hasattr(type(item), "__pydantic_fields__") or hasattr(type(item), "__fields_set__"):
        return _pydantic_model(item)
    for module, described in _LIBRARIES.items():
        if module in sys.modules:
            description = described(item)
            if description is not None:
                return description
    if isinstance(item, pathlib.PurePath):
        return "tagged", "pathlib.Path", str(item)
    return _subclass_of_builtin(item)


def type_name(item: Any) -> str:
    kind = type(item)
    return f"{kind.__module__}.{kind.__qualname__}"


def _refused(item: Any, why: str) -> TypeError:
    return TypeError(
        f"it is {_with_article(type(item).__qualname__)}, {why}; "
        "leave it out with `ignore`, give the key with `cache_key_fn`, "
        "or give its type a method `__refrain_key__`"
    )


def _with_article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _dataclass(item: Any) -> _Description:
    content = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    if set(getattr(item, "__dict__", ())) - set(content):
        raise _refused(item, "which has attributes that are no fields")
    return "tagged", type_name(item), content


def _pydantic_model(item: Any) -> _Description:
    content: dict[str, Any] = dict(item.__dict__)
    content.update(getattr(item, "__pydantic_extra__", None) or {})
    private = getattr(item, "__pydantic_private__", None)
    if private:
        content = {"fields": content, "private": dict(private)}
    return "tagged", type_name(item), content


def _numpy(item: Any) -> _Description | None:
    import numpy

    if type(item) in (numpy.ndarray, numpy.memmap):
        if item.dtype.hasobject:
            raise _refused(item, "whose elements are objects")
        form = item.dtype.str if item.dtype.names is None else repr(item.dtype.descr)
        content = {"dtype": form, "shape": item.shape, "data": Media(item.tobytes())}
        return "tagged", "numpy.ndarray", content
    if isinstance(item, numpy.generic) and not isinstance(item, numpy.object_):
        return "tagged", "numpy.scalar", {"dtype": item.dtype.str, "data": item.tobytes()}
    if isinstance(item, numpy.dtype):
        return "tagged", "numpy.dtype", repr(item.descr)
    return None


def _picture(item: Any) -> _Description | None:
    from PIL import Image

    if not isinstance(item, Image.Image):
        return None
    if getattr(item, "n_frames", 1) != 1:
        raise _refused(item, "of several frames; pass the bytes of the file")
    content = {
        "mode": item.mode,
        "size": item.size,
        "data": Media(item.tobytes()),
        "palette": item.getpalette() if item.mode in ("P", "PA") else None,
        # What functions read beside the pixels: orientation, color profile, transparency, resolution.
        "info": dict(item.info),
        "exif": item.getexif().tobytes(),
    }
    return "tagged", "PIL.Image", content


#: Asked only when the library has been imported: otherwise no object is of it.
_LIBRARIES: dict[str, Callable[[Any], _Description | None]] = {
    "numpy": _numpy,
    "PIL.Image": _picture,
}


def _subclass_of_builtin(item: Any) -> _Description:
    """A subclass is its own type with the content of the built-in one, unless it has attributes beside it."""
    for kind, content_of in _BUILTINS:
        if isinstance(item, kind):
            if getattr(item, "__dict__", None):
                raise _refused(item, f"a {kind.__name__} with attributes of its own")
            return "tagged", type_name(item), content_of(item)
    if hasattr(item, "__next__") or hasattr(item, "__anext__"):
        raise _refused(item, "which can be read only once")
    raise _refused(item, "which has no stable form")


_all = slice(None)

#: The built-in types' own ways of reading: methods of a subclass may answer anything.
_BUILTINS: list[tuple[type, Callable[[Any], Any]]] = [
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda item: bytes.__getitem__(item, _all)),
    (bytearray, lambda item: bytes(bytearray.__getitem__(item, _all))),
    (tuple, lambda item: tuple.__getitem__(item, _all)),
    (list, lambda item: list.__getitem__(item, _all)),
    (dict, lambda item: dict(dict.items(item))),
    (set, lambda item: set(set.__iter__(item))),
    (frozenset, lambda item: frozenset(frozenset.__iter__(item))),
]


def _complex(item: complex) -> _Description:
    return "tagged", "complex", (item.real, item.imag)


def _text(item: Any) -> _Description:
    return "tagged", type_name(item), str(item)


def _moment(item: Any) -> _Description:
    zone = getattr(item, "tzinfo", None)
    return "tagged", type_name(item), (item.isoformat(), getattr(item, "fold", 0), zone and str(zone))


def _ordered(item: Any) -> _Description:
    return "tagged", type_name(item), list(item.items())


def _parts(*names: str) -> Callable[[Any], _Description]:
    return lambda item: (
        "tagged",
        type_name(item),
        tuple(getattr(item, name) for name in names),
    )


_RULES: dict[type, Callable[[Any], _Description]] = {
    complex: _complex,
    Key: lambda item: ("tagged", "refrain.Key", bytes(item)),
    memoryview: lambda item: (
        "tagged",
        "memoryview",
        {"format": item.format, "shape": item.shape, "data": Media(item.tobytes())},
    ),
    type(Ellipsis): lambda item: ("tagged", "ellipsis", None),
    range: _parts("start", "stop", "step"),
    slice: _parts("start", "stop", "step"),
    decimal.Decimal: lambda item: ("tagged", "decimal.Decimal", item.as_tuple()[:]),
    fractions.Fraction: _parts("numerator", "denominator"),
    uuid.UUID: _text,
    datetime.date: _moment,
    datetime.time: _moment,
    datetime.datetime: _moment,
    datetime.timedelta: _parts("days", "seconds", "microseconds"),
    collections.OrderedDict: _ordered,
    collections.deque: lambda item: ("tagged", type_name(item), {"items": list(item), "maxlen": item.maxlen}),
    collections.defaultdict: lambda item: ("tagged", type_name(item), dict(item)),
    collections.Counter: lambda item: ("tagged", type_name(item), dict(item)),
}
