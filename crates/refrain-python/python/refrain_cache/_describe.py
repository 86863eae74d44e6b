"""Descriptions of objects whose types are not built in, for keys.

`describe` gives a tuple for the native encoder: `("tagged", type, content)`, `("variant", type, variant, content)` or
`("value", content)`. An object it has no rule for cannot be keyed: a stand-in such as `repr` would sooner or later be
the same for two different objects.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import sys
import types
import uuid
import weakref
from typing import Any, Callable

from ._classes import is_told_by_content, module_name
from ._identity import Walk, identity_of, new_token
from ._native import CachedFunction, CachedMethod, Identity, Key, Media
from ._paths import is_native, is_one_of, path_of, type_path, unwrapped
from ._state import attributes_of, state_of

_Description = tuple[Any, ...]


def describe(item: Any) -> _Description:
    """The description of `item`, or `TypeError` that says why there is none and what to do."""
    kind = type(item)
    rule = _RULES.get(id(kind))
    if rule is not None:
        return rule(item)
    if issubclass(kind, type):
        return "tagged", "class", class_name(item)
    own = getattr(kind, "__refrain_key__", None)
    if own is not None:
        return "tagged", class_name(kind), own(item)
    if issubclass(kind, enum.Enum):
        return _member(item)
    if dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or _is_pydantic(kind):
        return _with_state(item)
    for module, described in _LIBRARIES.items():
        if module in sys.modules:
            description = described(item)
            if description is not None:
                return description
    if is_one_of(kind, (types.FunctionType, CachedFunction)) or is_native(item):
        return "tagged", "function", _function_name(item)
    if kind is types.GenericAlias or kind.__module__ == "typing":
        return _annotation(item)
    if any(kind is not base and issubclass(kind, base) for base in _BUILTINS):
        return _with_state(item)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        raise _refused(item, "which can be read only once")
    raise _refused(item, "which has no stable form")


_BUILTINS = (str, int, float, complex, bytes, bytearray, tuple, list, dict, set, frozenset)

#: By the identity of a class: a reference to it, and what it is called in keys. Asking the class would ask its metaclass.
_class_names: dict[int, tuple[weakref.ref[type], str]] = {}


def class_name(kind: type) -> str:
    """The path of a class and, unless it is one of Python itself or compiled, the digest of what it is."""
    known = _class_names.get(id(kind))
    if known is not None and known[0]() is kind:
        return known[1]
    path = type_path(kind)
    if is_told_by_content(kind):
        path = f"{module_name(kind)}.{type.__getattribute__(kind, '__qualname__')} {_digest(kind)}"
    number = id(kind)
    _class_names[number] = (weakref.ref(kind, lambda _: _class_names.pop(number, None)), path)
    return path


def _digest(item: Any) -> str:
    walk = Walk()
    walk.value(item)
    walk.finish()
    # A class that no other process can know, such as one made in a function with what is around it, is known in this
    # one: it is a thing that stays, unlike functions, of which each call may bring a new one.
    return walk.digest() if walk.problem is None else f"{walk.digest()}/{new_token()}"


#: By the identity of a function: a reference to it, what was looked at, and what it is called in keys. The oldest goes.
_function_names: dict[int, tuple[weakref.ref[Any], Identity, str]] = {}
_MOST_FUNCTIONS = 256


def _function_name(function: Any) -> str:
    bare = unwrapped(function)
    if type(bare) is not types.FunctionType:
        return f"{path_of(bare)} {_digest(bare)}"
    known = _function_names.get(id(bare))
    if known is not None and known[0]() is bare and known[1].holds():
        return known[2]
    identity = identity_of(bare, name=None, version=None, follow=True, token=None, defaults=True)
    if identity.refused is not None:
        raise _refused(function, f"{path_of(bare)}, that no other can be told from: {identity.refused}")
    name = f"{identity.generator} {identity.fingerprint}"
    while len(_function_names) >= _MOST_FUNCTIONS:
        _function_names.pop(list(_function_names)[0], None)
    _function_names[id(bare)] = (weakref.ref(bare), identity, name)
    return name


def _with_state(item: Any) -> _Description:
    state = state_of(item)
    if isinstance(state, str):
        raise _refused(item, state)
    return "tagged", class_name(type(item)), state


def _member(item: Any) -> _Description:
    """A member of an enumeration; attributes beside name and value are state like any other."""
    state = state_of(item)
    if isinstance(state, str):
        raise _refused(item, state)
    attributes = attributes_of(item)
    content = {name: value for name, value in attributes.items() if name not in _MEMBER_NAMES}
    value = attributes.get("_value_", None)
    beside = (value, content, state[1] if type(state) is tuple else None)
    name = attributes.get("_name_") or repr(value)
    return "variant", class_name(type(item)), str(name), beside


_MEMBER_NAMES = ("_name_", "_value_", "__objclass__", "_sort_order_", "_inverted_", "__class__")


def _is_pydantic(kind: type) -> bool:
    return hasattr(kind, "__pydantic_fields__") or hasattr(kind, "__fields_set__")


def _annotation(item: Any) -> _Description:
    """A type of `typing`, such as `list[int]`."""
    arguments = getattr(item, "__args__", None)
    if type(arguments) is tuple:
        content = (getattr(item, "__origin__", None), arguments, getattr(item, "__metadata__", ()))
        return "tagged", f"typing {type_path(type(item))}", content
    text = repr(item)
    if not text.startswith("typing."):
        raise _refused(item, "which has no stable form")
    return "tagged", "typing", text


def _refused(item: Any, why: str) -> TypeError:
    return TypeError(
        f"it is {_with_article(type(item).__qualname__)}, {why}; "
        "leave it out with `ignore`, give the key with a key function, "
        "or give its type a method `__refrain_key__`"
    )


def _with_article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _numpy(item: Any) -> _Description | None:
    import numpy

    kind = type(item)
    if is_one_of(kind, (numpy.ndarray, numpy.memmap)):
        content = {"dtype": _dtype(item, item.dtype), "shape": item.shape, "data": Media(item.tobytes())}
        return "tagged", "numpy.ndarray", content
    if issubclass(kind, numpy.generic):
        return "tagged", "numpy.scalar", {"type": type_path(kind), "dtype": _dtype(item, item.dtype), "data": item.tobytes()}
    if issubclass(kind, numpy.dtype):
        return "tagged", "numpy.dtype", _dtype(item, item)
    return None


def _dtype(item: Any, dtype: Any) -> str:
    """What the elements are, with the names of their fields."""
    if dtype.hasobject and item is not dtype:
        raise _refused(item, "whose elements are objects")
    if dtype.metadata is not None:
        raise _refused(item, "whose type has metadata")
    return str(dtype.str if dtype.names is None else repr((dtype.descr, dtype.isalignedstruct)))


def _picture(item: Any) -> _Description | None:
    from PIL import Image

    if not issubclass(type(item), Image.Image):
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


def _address(item: Any) -> _Description | None:
    kind = type(item)
    if kind.__module__ != "ipaddress":
        return None
    return "tagged", type_path(kind), str(item)


def _of_pydantic(item: Any) -> _Description | None:
    """Addresses and secrets, which are no models."""
    kind = type(item)
    if kind.__module__.partition(".")[0] not in ("pydantic", "pydantic_core"):
        return None
    if hasattr(kind, "get_secret_value"):
        return "tagged", type_path(kind), item.get_secret_value()
    if hasattr(kind, "unicode_string"):
        return "tagged", type_path(kind), str(item)
    return None


#: Asked only when the library has been imported: otherwise no object is of it.
_LIBRARIES: dict[str, Callable[[Any], _Description | None]] = {
    "numpy": _numpy,
    "PIL.Image": _picture,
    "ipaddress": _address,
    "pydantic": _of_pydantic,
}


def _complex(item: complex) -> _Description:
    return "tagged", "complex", (item.real, item.imag)


def _text(item: Any) -> _Description:
    return "tagged", type_path(type(item)), str(item)


def _moment(item: Any) -> _Description:
    zone = getattr(item, "tzinfo", None)
    return "tagged", type_path(type(item)), (item.isoformat(), getattr(item, "fold", 0), _zone(zone))


def _zone(zone: Any) -> Any:
    """A time zone by its name where it is one of a database, otherwise by its state."""
    kind = type(zone)
    if zone is None or kind is datetime.timezone:
        return zone and ("fixed", zone.utcoffset(None), str(zone))
    module = kind.__module__.partition(".")[0]
    if kind.__module__ in ("zoneinfo", "zoneinfo._zoneinfo"):
        return ("zoneinfo", zone.key, repr(zone))
    if module == "pytz":
        return ("pytz", type_path(kind), getattr(zone, "zone", None), str(zone.__dict__.get("_utcoffset")), repr(zone))
    if module == "dateutil":
        return ("dateutil", type_path(kind), repr(zone))
    state = state_of(zone)
    if isinstance(state, str):
        raise _refused(zone, state)
    return ("zone", class_name(kind), state)


def _ordered(item: Any) -> _Description:
    return "tagged", "collections.OrderedDict", {"items": list(item.items()), **_beside(item)}


def _beside(item: Any) -> dict[str, Any]:
    """Attributes that an object was given beside its content."""
    attributes = attributes_of(item)
    return {"attributes": attributes} if attributes else {}


def _parts(*names: str) -> Callable[[Any], _Description]:
    return lambda item: (
        "tagged",
        type_path(type(item)),
        tuple(getattr(item, name) for name in names),
    )


_RULES_BY_TYPE: dict[type, Callable[[Any], _Description]] = {
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
    collections.deque: lambda item: ("tagged", "collections.deque", {"items": list(item), "maxlen": item.maxlen}),
    collections.defaultdict: lambda item: (
        "tagged",
        "collections.defaultdict",
        {"items": dict(item), "order": list(item), "factory": item.default_factory},
    ),
    collections.Counter: lambda item: (
        "tagged",
        "collections.Counter",
        {"items": dict(item), "order": list(item), **_beside(item)},
    ),
    bytearray: lambda item: ("tagged", "bytearray", bytes(item)),
    frozenset: lambda item: ("tagged", "frozenset", set(item)),
    types.SimpleNamespace: lambda item: ("tagged", "types.SimpleNamespace", attributes_of(item)),
    types.MappingProxyType: lambda item: ("tagged", "types.MappingProxyType", dict(item)),
    types.ModuleType: lambda item: ("tagged", "module", item.__name__),
    types.MethodType: lambda item: ("tagged", "method", (item.__self__, item.__func__)),
    CachedMethod: lambda item: ("tagged", "method", (item.__self__, item.__func__)),
    functools.partial: lambda item: (
        "tagged",
        "functools.partial",
        (item.func, item.args, item.keywords, attributes_of(item)),
    ),
    re.Pattern: lambda item: ("tagged", "re.Pattern", (item.pattern, item.flags)),
    array.array: lambda item: ("tagged", "array.array", (item.typecode, item.tobytes())),
    pathlib.PosixPath: lambda item: ("tagged", "pathlib.Path", str(item)),
    pathlib.WindowsPath: lambda item: ("tagged", "pathlib.Path", str(item)),
    pathlib.PurePosixPath: lambda item: ("tagged", "pathlib.PurePosixPath", str(item)),
    pathlib.PureWindowsPath: lambda item: ("tagged", "pathlib.PureWindowsPath", str(item)),
}

#: By identity: a metaclass may say that its classes equal any other.
_RULES = {id(kind): rule for kind, rule in _RULES_BY_TYPE.items()}
