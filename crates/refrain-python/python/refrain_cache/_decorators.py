"""`cached_result` and `cached_result_sync`: a function is not run twice for the same arguments."""

from __future__ import annotations

import datetime
import inspect
import types
from typing import TYPE_CHECKING, Any, Callable, Iterable

from . import _environment
from ._calls import remember, remember_async
from ._flights import Flights, Results
from ._handles import Copy, Explanation, Handles
from ._lru import LRUCache, get_cache
from ._native import MISSING, Recipe
from ._notices import Notices
from ._options import seconds_of
from ._recipes import recipe_of
from ._sizes import estimate_mb
from ._streams import is_single_use

if TYPE_CHECKING:
    from ._typed import AsyncDecorator, Decorator


def cached_result_sync(
    cache_key_fn: Callable[..., Any] | None = None,
    ttl_seconds: float | datetime.timedelta | None = None,
    enabled: bool = True,
    *,
    cache: LRUCache | None = None,
    name: str | None = None,
    version: str | None = None,
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
    follow: bool = True,
    copy: Copy = None,
    condition: Callable[[Any], bool] | None = None,
) -> Decorator:
    """Keeps the results of a function, in the cache of the process unless `cache` is given."""
    decorator: Decorator = _decorator(
        False, cache_key_fn, ttl_seconds, enabled, cache, name, version, ignore, by_content, follow,
        copy, condition,
    )  # fmt: skip
    return decorator


def cached_result(
    cache_key_fn: Callable[..., Any] | None = None,
    ttl_seconds: float | datetime.timedelta | None = None,
    enabled: bool = True,
    *,
    cache: LRUCache | None = None,
    name: str | None = None,
    version: str | None = None,
    ignore: Iterable[str] = (),
    by_content: Iterable[str] = (),
    follow: bool = True,
    copy: Copy = None,
    condition: Callable[[Any], bool] | None = None,
) -> AsyncDecorator:
    """The same for asynchronous functions."""
    decorator: AsyncDecorator = _decorator(
        True, cache_key_fn, ttl_seconds, enabled, cache, name, version, ignore, by_content, follow,
        copy, condition,
    )  # fmt: skip
    return decorator


def _decorator(
    asynchronous: bool,
    cache_key_fn: Callable[..., Any] | None,
    ttl: float | datetime.timedelta | None,
    enabled: bool,
    cache: LRUCache | None,
    name: str | None,
    version: str | None,
    ignore: Iterable[str],
    by_content: Iterable[str],
    follow: bool,
    copy: Copy,
    condition: Callable[[Any], bool] | None,
) -> Any:
    _check_settings(cache_key_fn, cache)
    ttl_seconds = seconds_of(ttl)

    def cache_of() -> LRUCache:
        return get_cache() if cache is None else cache

    def decorate(function: Callable[..., Any]) -> Any:
        _check_function(function, asynchronous)
        if not enabled or _environment.is_disabled():
            return function
        key = cache_key_fn or recipe_of(
            function, name=name, version=version, ignore=ignore, by_content=by_content, follow=follow
        )
        handles = Handles(function, key, cache_of, ignore, 4 if asynchronous else 3, copy)

        def keeping(notices: Notices, args: Any, kwargs: Any) -> tuple[Flights, Results]:
            store = cache_of()
            return flights_of(store), LruResults(store, ttl_seconds, notices, handles.owner, condition)

        cached = (remember_async if asynchronous else remember)(function, handles, keeping)
        return _with_handles(cached, handles, key, cache_of)

    return decorate


def _with_handles(cached: Any, handles: Handles, key: Any, cache_of: Callable[[], LRUCache]) -> Any:
    def cache_key(*args: Any, **kwargs: Any) -> Any:
        """The key of a call with these arguments."""
        return str(key.key(args, kwargs)) if isinstance(key, Recipe) else key(*args, **kwargs)

    def invalidate(*args: Any, **kwargs: Any) -> bool:
        """Removes the result of a call with these arguments, and says whether there was one."""
        return cache_of().delete(cache_key(*args, **kwargs))

    def peek(*args: Any, **kwargs: Any) -> Any:
        """The stored result, or `None`; nothing is computed or counted."""
        return handles.handed_out(cache_of().peek(cache_key(*args, **kwargs)))

    def refresh(*args: Any, **kwargs: Any) -> Any:
        """Computes the result anew, and stores it in the place of the older one."""
        invalidate(*args, **kwargs)
        return cached(*args, **kwargs)

    def clear() -> int:
        """Removes all results of this function."""
        return cache_of().clear_owned(handles.owner)

    def explain(*args: Any, **kwargs: Any) -> Explanation:
        """What is in the key of a call, and what differs from the calls before."""
        return handles.explain(cache_key, lambda made: made in cache_of(), args, kwargs)

    for handle in (cache_key, invalidate, peek, refresh, clear, explain):
        setattr(cached, handle.__name__, handle)
    cached.info = handles.info
    return cached


class LruResults:
    """How flights keep results in an `LRUCache`."""

    def __init__(
        self,
        cache: LRUCache,
        ttl_seconds: float | None,
        notices: Notices,
        owner: int,
        condition: Callable[[Any], bool] | None,
    ) -> None:
        self._cache = cache
        self._condition = condition
        self._owner = owner
        self._notices = notices
        self._ttl_seconds = ttl_seconds
        self.waits = False
        self.failed = notices.failed
        self.abandon = cache.abandon
        self.is_current = cache.is_current

    def begin(self, key: Any, computes: bool) -> Any:
        ticket = self._cache.begin(key)
        # Looked for before, and not found; but a computation may have ended since.
        value = self._cache.peek(key, MISSING)
        if value is MISSING:
            return ticket
        self._cache.abandon(ticket)
        return (value,)

    def load(self, ticket: Any) -> Any:
        return MISSING

    def look(self, key: Any) -> Any:
        return self._cache.get(key, MISSING)

    def finish(self, ticket: Any, key: Any, value: Any, seconds: float) -> bool:
        if is_single_use(value):
            self._notices.gives_stream()
            self._cache.abandon(ticket)
            return False
        try:
            if self._condition is not None and not self._condition(value):
                self._cache.abandon(ticket)
                return True
            size_mb = estimate_mb(value)
            self._cache.finish(ticket, key, value, size_mb, self._ttl_seconds, self._owner)
        except BaseException:
            self._cache.abandon(ticket)
            raise
        return True


def flights_of(cache: LRUCache) -> Flights:
    return cache._flights


def _check_settings(cache_key_fn: Any, cache: Any) -> None:
    if cache_key_fn is not None and not callable(cache_key_fn):
        raise TypeError(f"`cache_key_fn` is {cache_key_fn!r} but must be a function, or None")
    if inspect.iscoroutinefunction(cache_key_fn):
        raise TypeError("`cache_key_fn` is asynchronous but must return the key at once")
    if cache is not None and not isinstance(cache, LRUCache):
        raise TypeError(f"`cache` is {cache!r} but must be an LRUCache; a Cache has `cached`")


def _check_function(function: Any, asynchronous: bool) -> None:
    decorator = "cached_result" if asynchronous else "cached_result_sync"
    if isinstance(function, (staticmethod, classmethod, property)):
        raise TypeError(f"`@{decorator}(…)` is above `@{type(function).__name__}` but belongs below it")
    if not callable(function):
        raise TypeError(
            f"`{decorator}(…)` decorates a function, not {function!r}; "
            f"is it written without parentheses, as `@{decorator}`?"
        )
    if inspect.isasyncgenfunction(function):
        raise TypeError(f"{function!r} gives a stream, which can be read only once")
    if not asynchronous and inspect.iscoroutinefunction(function):
        raise TypeError(f"{function!r} is asynchronous; decorate it with `cached_result`")
    if asynchronous and type(function) is types.FunctionType and not _is_asynchronous(function):
        raise TypeError(f"{function!r} is not asynchronous; decorate it with `cached_result_sync`")


def _is_asynchronous(function: Any) -> bool:
    """Whether the function, or the one that it is wrapped around, is to be awaited."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inspect.unwrap(function))
