"""`cached_result` and `cached_result_sync`: a function is not run twice for the same arguments."""

from __future__ import annotations

import inspect
import math
from typing import Any, Callable, Iterable

from ._calls import Notices, is_single_use, remember, remember_async
from ._flights import Flights, Results
from ._lru import LRUCache, get_cache
from ._native import MISSING, Lookup, Recipe
from ._recipes import recipe_of
from ._sizes import estimate_mb


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
    return _decorator(
        False, cache_key_fn, ttl_seconds, enabled, cache, name, version, ignore, by_content
    )


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
    return _decorator(
        True, cache_key_fn, ttl_seconds, enabled, cache, name, version, ignore, by_content
    )


def _decorator(
    asynchronous: bool,
    cache_key_fn: Callable[..., Any] | None,
    ttl_seconds: float | None,
    enabled: bool,
    cache: LRUCache | None,
    name: str | None,
    version: str,
    ignore: Iterable[str],
    by_content: Iterable[str],
) -> Callable[[Callable[..., Any]], Any]:
    _check_settings(cache_key_fn, ttl_seconds, cache)

    def cache_of() -> LRUCache:
        return get_cache() if cache is None else cache

    def keeping(notices: Notices) -> tuple[Flights, Results]:
        store = cache_of()
        return flights_of(store), LruResults(store, ttl_seconds, notices)

    def decorate(function: Callable[..., Any]) -> Any:
        _check_function(function, asynchronous)
        if not enabled:
            return function
        key = cache_key_fn or recipe_of(
            function, name=name, version=version, ignore=ignore, by_content=by_content
        )
        decorated = remember_async if asynchronous else remember
        return _with_key(decorated(function, Lookup(key, cache_of), keeping), key)

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


def _check_function(function: Any, asynchronous: bool) -> None:
    decorator = "cached_result" if asynchronous else "cached_result_sync"
    if not callable(function):
        raise TypeError(
            f"`{decorator}(…)` decorates a function, not {function!r}; "
            f"is it written without parentheses, as `@{decorator}`?"
        )
    if inspect.isasyncgenfunction(function):
        raise TypeError(f"{function!r} gives a stream, which can be read only once")
    if not asynchronous and inspect.iscoroutinefunction(function):
        raise TypeError(f"{function!r} is asynchronous; decorate it with `cached_result`")
