"""A child process begins with empty caches.

What the parent held may be in use there: locks in the middle of something, computations whose threads do not exist in
the child, objects whose finalizers would remove the parent's files.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, Callable

_caches: weakref.WeakSet[Any] = weakref.WeakSet()
_others: list[Callable[[], None]] = []


def forget_in_children(cache: Any) -> None:
    """Has `cache.forget_everything()` called in every child process."""
    _caches.add(cache)


def all_caches() -> list[Any]:
    """Those that are there now."""
    return list(_caches)


def call_in_children(function: Callable[[], None]) -> None:
    """Has `function` called in every child process."""
    _others.append(function)


def _in_child() -> None:
    # Without the set's own guard: the parent may have been in the middle of a loop over it.
    for reference in list(vars(_caches)["data"]):
        cache = reference()
        if cache is not None:
            cache.forget_everything()
    for function in _others:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
