"""All state of an object, read past whatever its class answers: content of a built-in base, slots, instance dictionary.

Memory of an object that belongs to an unknown compiled class cannot be read, so such an object has no state:
what is left out of a key would be the same for two different objects.
"""

from __future__ import annotations

import types
from typing import Any, Callable

from ._paths import is_one_of

_all = slice(None)

#: The built-in types' own ways of reading: methods of a subclass may answer anything.
_READ: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: lambda item: complex(complex.__dict__["real"].__get__(item), complex.__dict__["imag"].__get__(item)),
    bytes: lambda item: bytes.__getitem__(item, _all),
    bytearray: lambda item: bytes(bytearray.__getitem__(item, _all)),
    tuple: lambda item: tuple.__getitem__(item, _all),
    list: lambda item: list.__getitem__(item, _all),
    dict: lambda item: dict(dict.items(item)),
    set: lambda item: set(set.__iter__(item)),
    frozenset: lambda item: set(frozenset.__iter__(item)),
    object: lambda item: None,
}

#: By identity: a metaclass may say that its classes equal any other.
_BASES = frozenset(map(id, _READ))

_HEAP = 1 << 9


def state_of(item: Any) -> dict[str, Any] | tuple[Any, ...] | str:
    """Attributes by name, if there is nothing else; attributes, slots and content of the base; or why it cannot be told."""
    kind = type(item)
    base = _base_of(kind)
    if base is None:
        return f"whose class is built on {_compiled_base(kind)}, which may hold more than can be read"
    slots: dict[str, Any] = {}
    for depth, each in enumerate(mro_of(kind)):
        if id(each) in _BASES:
            continue
        for name, member in _of("__dict__", each).items():
            if type(member) is types.MemberDescriptorType:
                try:
                    # A class may have a slot of the name that one of its base has.
                    slots[name if name not in slots else f"{depth} {name}"] = member.__get__(item)
                except AttributeError:
                    pass
    attributes = attributes_of(item)
    if base is object and not slots:
        return attributes
    # The methods of a dictionary of another type may read it in its order.
    order = [list(dict.keys(item))] if base is dict else []
    return (attributes, slots, _READ[base](item), *order)


def _of(name: str, kind: type) -> Any:
    """An attribute of a class, past its metaclass."""
    return type.__dict__[name].__get__(kind)


def mro_of(kind: type) -> tuple[type, ...]:
    return _of("__mro__", kind)  # type: ignore[no-any-return]


def attributes_of(item: Any) -> dict[str, Any]:
    """The instance dictionary, as it is."""
    for each in mro_of(type(item)):
        member = _of("__dict__", each).get("__dict__")
        if is_one_of(type(member), (types.GetSetDescriptorType, types.MemberDescriptorType)):
            found = member.__get__(item)
            return dict(dict.items(found))
    return {}


def _base_of(kind: type) -> type | None:
    """The built-in type that the class is built on, if all memory of its objects is told by that, slots and dictionary."""
    base = next(each for each in mro_of(kind) if id(each) in _BASES)
    if any(not _is_made_by_python(each) and id(each) not in _BASES for each in mro_of(kind)):
        return None
    slots = sum(
        type(member) is types.MemberDescriptorType
        for each in mro_of(kind)
        if id(each) not in _BASES
        for member in _of("__dict__", each).values()
    )
    # A place below zero is outside of the object, but for -8: there, objects of variable length end with it.
    pointers = slots + (_of("__dictoffset__", kind) > 0 or _of("__dictoffset__", kind) == -8) + (_of("__weakrefoffset__", kind) > 0)
    return base if _of("__basicsize__", kind) <= base.__basicsize__ + 8 * pointers else None


def _is_made_by_python(kind: type) -> bool:
    return bool(_of("__flags__", kind) & _HEAP) and "__module__" in _of("__dict__", kind)


def _compiled_base(kind: type) -> str:
    for each in mro_of(kind):
        if id(each) not in _BASES and not _is_made_by_python(each):
            return str(_of("__qualname__", each))
    return str(_of("__qualname__", kind))
