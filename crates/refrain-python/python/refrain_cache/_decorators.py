"""`cached_result` and `cached_result_sync`: a function is not run twice for the same arguments.

Whatever goes wrong with keys or the cache, the function is called and its result is returned.
"""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import inspect
import logging
import math
import threading
import types
import warnings
from typing import Any, Callable, Iterable

from ._errors import BypassWarning, UnkeyableError
from ._flights import Flights
from ._lru import LRUCache, get_cache
from ._native import MISSING, CachedFunction, Recipe
from ._recipes import recipe_of
from ._sizes import estimate_mb

_log = logging.getLogger("refrain_cache")


def cached_result_sync(
    cache_key_fn: Callable[..., Any] | None = None,
    ttl_seconds: float | None = None,
    enabled: bool = True,
    *,
    cache: LRUCache | None = None,
    name: str | None = None,
    version: str = "1",
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
) -> Callable[[Callable[..., Any]], Any]:
    """Keeps the results of a function, in the cache of the process unless `cache` is given."""
    _check_settings(cache_key_fn, ttl_seconds, cache)

    def decorate(function: Callable[..., Any]) -> Any:
        _check_function(function, "cached_result_sync")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is asynchronous; decorate it with `cached_result`")
        if not enabled:
            return function
        key = cache_key_fn or recipe_of(
            function, name=name, version=version, ignore=ignore, by_content=by_content
        )
        notices = Notices(function)

        def cache_of() -> LRUCache:
            return get_cache() if cache is None else cache

        def miss(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
            store = cache_of()
            results = LruResults(store, ttl_seconds, notices)
            return flights_of(store).run(results, key, functools.partial(function, *args, **(kwargs or {})))

        cached = CachedFunction(function, key, cache_of, miss, notices.bypassed)
        functools.update_wrapper(cached, function)
        return _with_key(cached, key)

    return decorate


def cached_result(
    cache_key_fn: Callable[..., Any] | None = None,
    ttl_seconds: float | None = None,
    enabled: bool = True,
    *,
    cache: LRUCache | None = None,
    name: str | None = None,
    version: str = "1",
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
) -> Callable[[Callable[..., Any]], Any]:
    """The same for asynchronous functions."""
    _check_settings(cache_key_fn, ttl_seconds, cache)

    def decorate(function: Callable[..., Any]) -> Any:
        _check_function(function, "cached_result")
        if inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} gives a stream, which can be read only once")
        if not enabled:
            return function
        key = cache_key_fn or recipe_of(
            function, name=name, version=version, ignore=ignore, by_content=by_content
        )
        notices = Notices(function)

        def key_of_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if isinstance(key, Recipe):
                return str(key.key(args, kwargs))
            return given_key(key(*args, **kwargs))

        @functools.wraps(function)
        async def cached(*args: Any, **kwargs: Any) -> Any:
            async def compute() -> Any:
                result = function(*args, **kwargs)
                return await result if inspect.isawaitable(result) else result

            try:
                call_key = key_of_call(args, kwargs)
                store = get_cache() if cache is None else cache
                found = store.get(call_key, MISSING)
            except Exception as error:
                notices.bypassed(error)
                return await compute()
            if found is not MISSING:
                return found
            results = LruResults(store, ttl_seconds, notices)
            return await flights_of(store).run_async(results, call_key, compute)

        return _with_key(cached, key)

    return decorate


class LruResults:
    """How flights keep results in an `LRUCache`."""

    def __init__(self, cache: LRUCache, ttl_seconds: float | None, notices: Notices) -> None:
        self._cache = cache
        self._ttl_seconds = ttl_seconds
        self.failed = notices.failed
        self.abandon = cache.abandon
        self.is_current = cache.is_current

    def begin(self, key: Any) -> Any:
        ticket = self._cache.begin(key)
        # Looked for before, and not found; but a computation may have ended since.
        value = self._cache.peek(key, MISSING)
        if value is MISSING:
            return ticket
        self._cache.abandon(ticket)
        return (value,)

    def finish(self, ticket: Any, key: Any, value: Any, seconds: float) -> bool:
        if is_single_use(value):
            self._cache.abandon(ticket)
            return False
        try:
            size_mb = estimate_mb(value)
            self._cache.finish(ticket, key, value, size_mb, self._ttl_seconds)
        except BaseException:
            self._cache.abandon(ticket)
            raise
        return True


class Notices:
    """What a function's users are told, once: that calls went past the cache, or that keeping failed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = getattr(function, "__qualname__", repr(function))
        self._told: set[str] = set()
        self._lock = threading.RLock()

    def bypassed(self, error: Exception) -> None:
        part = error.part if isinstance(error, UnkeyableError) else type(error).__name__
        # Of `items[3].x` it is the argument that counts.
        argument = part.partition("[")[0].partition(".")[0]
        reason = str(error) or type(error).__name__
        self._tell(argument, f"{self._function} is called without the cache: {reason}")

    def failed(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._tell(type(error).__name__, f"a result of {self._function} was not kept: {reason}")

    def _tell(self, about: str, message: str) -> None:
        with self._lock:
            if about in self._told:
                return
            self._told.add(about)
        try:
            warnings.warn(message, BypassWarning, stacklevel=4)
        except BypassWarning:
            # Warnings are errors here, but a call must not fail for the sake of its cache.
            _log.warning(message)


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


def is_single_use(value: Any) -> bool:
    """Whether it can be read only once, so that nobody but the first caller would get anything from it."""
    try:
        if isinstance(value, (types.CoroutineType, types.AsyncGeneratorType, asyncio.Future)):
            return True
        # Asked of the value too: mocks are instances of everything.
        return isinstance(value, collections.abc.Iterator) and iter(value) is value
    except Exception:
        return False


def flights_of(cache: LRUCache) -> Flights:
    return cache._flights


def _with_key(cached: Any, key: Any) -> Any:
    """`cached.cache_key(…)`: the key of a call with these arguments, to look at or delete its entry."""
    if isinstance(key, Recipe):
        cached.cache_key = lambda *args, **kwargs: str(key.key(args, kwargs))
    else:
        cached.cache_key = key
    return cached


def _check_settings(cache_key_fn: Any, ttl_seconds: Any, cache: Any) -> None:
    if cache_key_fn is not None and not callable(cache_key_fn):
        raise TypeError(f"`cache_key_fn` is {cache_key_fn!r} but must be a function, or None")
    if inspect.iscoroutinefunction(cache_key_fn):
        raise TypeError("`cache_key_fn` is asynchronous but must return the key at once")
    if ttl_seconds is not None and math.isnan(ttl_seconds):
        raise ValueError("`ttl_seconds` is nan but must be a number of seconds, or None")
    if cache is not None and not isinstance(cache, LRUCache):
        raise TypeError(f"`cache` is {cache!r} but must be an LRUCache; a Cache has `cached`")


def _check_function(function: Any, decorator: str) -> None:
    if not callable(function):
        raise TypeError(
            f"`{decorator}(…)` decorates a function, not {function!r}; "
            f"is it written without parentheses, as `@{decorator}`?"
        )
