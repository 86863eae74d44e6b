"""What the code of a function refers to: names, its class, the file of compiled code (static analysis of bytecode)."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Any

from ._native import Media, key_of
from ._paths import in_standard_library, is_one_of, unwrapped


def names_in(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Names that the code and the functions in it look up in their module; and those that they set, there or around them."""
    import dis

    loads: set[str] = set()
    stores: set[str] = set()
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            loads.add(name)
        elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            stores.add(name)
        elif instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and name in code.co_freevars:
            stores.add(name)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            inner_loads, inner_stores = names_in(inner)
            loads |= inner_loads
            stores |= inner_stores
    return loads, stores


def attributes_in(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names |= attributes_in(inner)
    return names


def class_of(function: types.FunctionType) -> Mapping[str, Any] | None:
    """What is in the class that has the function as a method, if the function's path leads to it."""
    *outer, name = function.__qualname__.split(".")
    found: Any = None
    space: Any = function.__globals__
    for step in outer:
        found = space.get(step)
        if not issubclass(type(found), type):
            return None
        space = type.__dict__["__dict__"].__get__(found)
    own = space.get(name) if found is not None else None
    return space if own is not None and unwrapped(own.__func__ if is_one_of(type(own), (staticmethod, classmethod)) else own) is function else None


def file_of(function: Any) -> str:
    """The digest of the file that has compiled code, unless that is a part of Python."""
    module = getattr(function, "__module__", None) or getattr(getattr(function, "__self__", None), "__name__", None)
    path = getattr(sys.modules.get(module or ""), "__file__", None)
    return "" if path is None or in_standard_library(module) else _digest_of_file(path)


#: By path; a file that was loaded stays what it was for this process.
_file_digests: dict[str, str] = {}


def _digest_of_file(path: str) -> str:
    if path not in _file_digests:
        try:
            with open(path, "rb") as file:
                _file_digests[path] = str(key_of("python", "file", {"content": Media(file.read())}, tuple))
        except OSError:
            return ""
    return _file_digests[path]
