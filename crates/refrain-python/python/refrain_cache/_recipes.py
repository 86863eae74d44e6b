"""The recipe for keys of calls: the function, its version, and every argument under the name of its parameter."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Mapping
from typing import Any, Callable, Iterable

from ._describe import describe
from ._identity import fleeting_variable, identity_of, new_token
from ._native import Key, Media, Recipe, key_of
from ._paths import bound_of


def recipe_of(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    version: str | None = None,
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
    follow: bool = True,
    key: Callable[..., Any] | None = None,
    lasting: bool = False,
) -> Recipe:
    """The recipe for calls of `function`.

    `ignore` names parameters that do not count, `by_content` those that are paths of files whose content counts.
    `key` gives what counts in the place of the arguments. `lasting` refuses functions that no other process can know.
    """
    ignored, contents = _names(ignore, "ignore"), _names(by_content, "by_content")
    parameters = _parameters(function)
    for given in (*ignored, *contents):
        if given not in parameters:
            raise ValueError(
                f"`{given}` is not a parameter of {function!r}; "
                f"its parameters are {', '.join(parameters) or 'none'}"
            )
    if lasting and name is None:
        variable = fleeting_variable(function)
        if variable is not None:
            raise TypeError(
                f"{function!r} depends on the variable `{variable}` around it, which may change or has no key, and its "
                "results outlive the process; give it a `name` that tells, or make it an argument"
            )
    described = [
        (
            parameter.name,
            int(parameter.kind),
            None if parameter.default is parameter.empty else (parameter.default,),
        )
        for parameter in parameters.values()
    ]
    bound = bound_of(function)
    identify = functools.partial(
        identity_of,
        function,
        name=name,
        version=None if version is None else str(version),
        follow=follow,
        token=None if lasting else new_token(),
    )
    return Recipe(
        identify,
        described,
        describe,
        set(ignored),
        {parameter: _content for parameter in contents},
        (bound,) if bound else None,
        key,
    )


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:
        # Some built-in functions tell nothing of their parameters.
        return inspect.signature(lambda *args, **kwargs: None).parameters


def key_for(item: Any) -> Key:
    """The key of a value; a `Key` is its own."""
    if type(item) is Key:
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
