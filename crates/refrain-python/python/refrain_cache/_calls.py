"""A function that is called through a cache: what decorators of every cache share.

If anything goes wrong with keys or the cache, the function is called and its result is returned.
"""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import inspect
import logging
import sys
import threading
import types
import warnings
from typing import Any, Callable

from ._errors import BypassWarning, UnkeyableError
from ._flights import Flights, Results
from ._native import CachedFunction, Lookup

_log = logging.getLogger("refrain_cache")

#: The flights that compute a result on a miss, and the place where it is kept.
Keeping = Callable[["Notices"], "tuple[Flights, Results]"]


def remember(function: Callable[..., Any], lookup: Lookup, keeping: Keeping) -> Any:
    """The function as it is called through a cache: looked up natively, computed once for all callers."""
    notices = Notices(function, frames=3)

    def miss(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        flights, results = keeping(notices)
        return flights.run(results, key, functools.partial(function, *args, **(kwargs or {})))

    cached = CachedFunction(function, lookup, miss, notices.bypassed)
    functools.update_wrapper(cached, function)
    return cached


def remember_async(function: Callable[..., Any], lookup: Lookup, keeping: Keeping) -> Any:
    """The same for a function whose result is awaited, if it is to be awaited."""
    notices = Notices(function, frames=4)

    async def computed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    @functools.wraps(function)
    async def cached(*args: Any, **kwargs: Any) -> Any:
        try:
            is_hit, found = lookup.find(args, kwargs)
        except Exception as error:
            notices.bypassed(error)
            return await computed(args, kwargs)
        if is_hit:
            return found
        flights, results = keeping(notices)
        return await flights.run_async(results, found, functools.partial(computed, args, kwargs))

    return cached


class Notices:
    """The warning to users of a function or folder, once: calls went past the cache, or keeping a result failed."""

    def __init__(self, function: object, frames: int | None = 4) -> None:
        #: Frames from the warning to the caller of the function; `None` if their number is not always the same.
        self._frames = frames
        self._function = getattr(function, "__qualname__", repr(function))
        self._told: set[str] = set()
        self._lock = threading.RLock()

    def bypassed(self, error: Exception) -> None:
        part = error.part if isinstance(error, UnkeyableError) else type(error).__name__
        # Of `items[3].x` it is the argument that counts.
        argument = part.partition("[")[0].partition(".")[0]
        reason = str(error) or type(error).__name__
        self.tell(argument, f"{self._function} is called without the cache: {reason}")

    def failed(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.tell(type(error).__name__, f"a result of {self._function} was not kept: {reason}")

    def tell(self, about: str, message: str) -> None:
        """Warns, unless this has been told already."""
        with self._lock:
            if about in self._told:
                return
            self._told.add(about)
        try:
            frames = _frames_to_user() if self._frames is None else self._frames
            warnings.warn(message, BypassWarning, stacklevel=frames)
        except BypassWarning:
            # Warnings are errors here, but a call must not fail for the sake of its cache.
            _log.warning(message)


def _frames_to_user() -> int:
    """Frames up to the caller: the first one that is not of this package."""
    frames, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frames, frame = frames + 1, frame.f_back
    return frames


def is_single_use(value: Any) -> bool:
    """Whether it can be read only once, so that only the first caller would get anything from it."""
    try:
        if isinstance(value, (types.CoroutineType, types.AsyncGeneratorType, asyncio.Future)):
            return True
        # Asked of the value too: mocks are instances of everything.
        return isinstance(value, collections.abc.Iterator) and iter(value) is value
    except Exception:
        return False
