"""The recipe for keys of calls: the function, its version, and every argument under the name of its parameter."""

from __future__ import annotations

import inspect
import os
import threading
import types
from collections.abc import Mapping
from typing import Any, Callable, Iterable

from . import _forks
from ._describe import describe
from ._native import Key, Media, Recipe, key_of


def recipe_of(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    version: str = "1",
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
) -> Recipe:
    """The recipe for calls of `function`.

    `ignore` names parameters that do not count, `by_content` those that are paths of files whose content counts.
    """
    ignored, contents = _names(ignore, "ignore"), _names(by_content, "by_content")
    parameters = _parameters(function)
    for given in (*ignored, *contents):
        if given not in parameters:
            raise ValueError(
                f"`{given}` is not a parameter of {function!r}; "
                f"its parameters are {', '.join(parameters) or 'none'}"
            )
    described = [
        (
            parameter.name,
            int(parameter.kind),
            None if parameter.default is parameter.empty else (parameter.default,),
        )
        for parameter in parameters.values()
    ]
    fingerprint = str(version)
    if name is None:
        name, number = _own_name(function)
        if number:
            fingerprint = f"{fingerprint}#{number}"
    return Recipe(
        name,
        fingerprint,
        described,
        describe,
        set(ignored),
        {parameter: _content for parameter in contents},
    )


_named: dict[str, list[Any]] = {}
_naming = threading.RLock()


def _own_name(function: Callable[..., Any]) -> tuple[str, int]:
    """The path of the function, and how many others had the same one before.

    Lambdas, functions made by functions, and what is defined again in a notebook share their path with others, and
    must not share their results.
    """
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module is None or path is None:
        raise TypeError(f"{function!r} has no name that its results could be kept under; give `name`")
    name = f"{module}.{path}"
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__closure__", None):
        code = object()
    with _naming:
        known = _named.setdefault(name, [])
        if code not in known:
            known.append(code if isinstance(code, types.CodeType) else None)
            return name, len(known) - 1
        return name, known.index(code)


def check_outlives_process(function: Callable[..., Any]) -> None:
    """Refuses a function whose name tells less than its results depend on.

    Functions made by one function are told apart by their order, which may be another one in the next process.
    """
    code = getattr(function, "__code__", None)
    around = [name for name in getattr(code, "co_freevars", ()) if name != "__class__"]
    if around:
        raise TypeError(
            f"{function!r} depends on variables around it ({', '.join(around)}) that no key tells, and its results "
            "outlive the process; give it a `name` that tells, or make them arguments"
        )


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:
        # Some built-in functions tell nothing of their parameters.
        return inspect.signature(lambda *args, **kwargs: None).parameters


def key_for(item: Any) -> Key:
    """The key of a value; a `Key` is its own."""
    if isinstance(item, Key):
        return item
    return key_of("python", "value", {"key": item}, describe)


def given_key(key: Any) -> Any:
    """The key that a key function gave, unless it is none."""
    if key is None:
        raise TypeError("the key function returned None")
    if inspect.isawaitable(key):
        close = getattr(key, "close", None)
        if close is not None:
            close()
        raise TypeError("the key function is asynchronous")
    return key


def _names(names: Iterable[str], what: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"`{what}` is the text {names!r} but must be a list of names: [{names!r}]")
    return tuple(names)


def _content(path: Any, name: str) -> Any:
    """The content of the file as it is now; several paths in a list or tuple are several files."""
    if isinstance(path, (list, tuple)):
        return [_content(one, name) for one in path]
    if path is None:
        return None
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"`{name}` is keyed by the content of a file but is a {type(path).__name__}")
    with open(path, "rb") as file:
        return Media(file.read())


def _new_locks() -> None:
    global _naming
    _naming = threading.RLock()


_forks.call_in_children(_new_locks)
