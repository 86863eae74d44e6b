"""Paths of functions and classes: module and qualified name, and whether they lead to what they name."""

from __future__ import annotations

import functools
import os
import sys
import types
from typing import Any

from ._native import CachedFunction, CachedMethod


#: What has an object as the first argument of a function. Types are asked, not objects: those may answer anything.
_METHODS: tuple[Any, ...] = (types.MethodType, CachedMethod)


def is_one_of(kind: type, kinds: tuple[type, ...]) -> bool:
    """By identity: a metaclass may say that its classes equal any other."""
    return any(kind is each for each in kinds)


def is_function_or_class(item: Any) -> bool:
    return type(item) is types.FunctionType or issubclass(type(item), type)


def path_of(function: Any) -> str:
    """Module and qualified name of a callable; of a module that was run by its name, that name."""
    function = unwrapped(function)
    qualname = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if not isinstance(qualname, str):
        return type_path(type(function))
    module = getattr(function, "__module__", None) or type(function).__module__
    if type(function) is types.FunctionType:
        module = module_of(function.__globals__, module)
    return f"{module}.{qualname}"


def type_path(kind: type) -> str:
    """The path of a class, whatever its metaclass answers."""
    module = type.__getattribute__(kind, "__module__")
    return f"{module}.{type.__getattribute__(kind, '__qualname__')}"


def unwrapped(function: Any) -> Any:
    """The function under what is bound to it or cached of it: those are arguments, or do not change results."""
    while True:
        if is_one_of(type(function), _METHODS):
            function = function.__func__
        elif type(function) is CachedFunction:
            function = function.__wrapped__  # type: ignore[attr-defined]
        elif type(function) is functools.partial:
            function = function.func
        else:
            return function


def bound_of(function: Any) -> tuple[Any, ...]:
    """What a callable is bound to, from the outside in: objects, classes, arguments of partials."""
    bound: list[Any] = []
    while True:
        if is_one_of(type(function), _METHODS):
            bound.append(function.__self__)
            function = function.__func__
        elif type(function) is CachedFunction:
            function = function.__wrapped__  # type: ignore[attr-defined]
        elif type(function) is functools.partial:
            bound.append((function.args, function.keywords))
            function = function.func
        elif is_function_or_class(function) or is_native(function) or is_memo(function):
            return tuple(bound)
        elif is_compiled(function):
            return (*bound, function.__self__)
        else:
            return (*bound, function)


def module_of(namespace: dict[str, Any], module: Any) -> str:
    """The name of a module; of one that was run by its name (`python -m`), that name."""
    if module in ("__main__", "__mp_main__"):
        name = getattr(namespace.get("__spec__"), "name", None)
        return name if isinstance(name, str) and name != "__mp_main__" else "__main__"
    return str(module)


def is_found_by_path(item: Any, module: Any, qualname: Any) -> bool:
    """Whether the path leads to it, so that nothing else of this process has the path."""
    try:
        found: Any = sys.modules[module]
        for name in qualname.split("."):
            found = vars(found)[name]
    except (KeyError, TypeError, AttributeError):
        return False
    if is_one_of(type(found), (staticmethod, classmethod)):
        found = found.__func__
    return found is item or unwrapped(found) is item


_COMPILED: tuple[Any, ...] = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)

#: Types of compiled functions that are no types of Python itself, by module and name.
_COMPILED_ELSEWHERE = ("cython_function_or_method", "fused_cython_function", "nb_func")


def is_compiled(function: Any) -> bool:
    """Whether it is code of the machine."""
    kind = type(function)
    if is_one_of(kind, _COMPILED) or kind.__name__ in _COMPILED_ELSEWHERE:
        return True
    return kind.__name__ == "ufunc" and kind.__module__ == "numpy"


def is_native(function: Any) -> bool:
    """Whether it is code of the machine that is bound to nothing, or to its module only."""
    if not is_compiled(function):
        return False
    bound = getattr(function, "__self__", None)
    return bound is None or isinstance(bound, types.ModuleType)


def is_memo(function: Any) -> bool:
    """Whether it is `functools.lru_cache` around a function."""
    return type(function) is _MEMO


#: The type of what `functools.lru_cache` makes, which has no public name.
_MEMO: Any = type(functools.lru_cache(maxsize=None)(lambda: None))


def in_standard_library(module: Any) -> bool:
    """Whether it is a module of Python itself, and not one of the same name."""
    if not isinstance(module, str) or module.partition(".")[0] not in _STANDARD_NAMES:
        return False
    path = getattr(sys.modules.get(module), "__file__", None)
    return path is None or is_standard_file(path)


def is_standard_file(path: str) -> bool:
    return path.startswith(_STANDARD_FOLDER) and "-packages" not in path[len(_STANDARD_FOLDER) :]


_STANDARD_NAMES = frozenset(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
_STANDARD_FOLDER = os.path.dirname(os.__file__)
