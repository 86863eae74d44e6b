"""`Cache`: the memory cache of the library, with single-flight for threads and tasks."""

from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Iterable

from . import _forks
from ._calls import Notices, is_single_use, remember, remember_async
from ._flights import Flights, Results
from ._native import MISSING, Key, Lookup, MemoryCache
from ._recipes import given_key, key_for, recipe_of
from ._sizes import estimate_bytes


class Cache:
    """Results that take long to make: stored once, computed once however many ask at the same time.

    Keys are `Key`s, or anything that can be part of a key: `1`, `1.0`, `True` and `"1"` are four of them.
    """

    def __init__(
        self,
        max_entries: int | None = None,
        max_bytes: int | None = 512 << 20,
        ttl_seconds: float | None = None,
        *,
        policy: str = "hazard",
        size_of: Callable[[Any], int] = estimate_bytes,
        clock: Callable[[], float] | None = None,
    ) -> None:
        _check_limits(max_entries, max_bytes, ttl_seconds)
        self._native = MemoryCache(max_entries, max_bytes, ttl_seconds, policy, clock)
        self._size_of = size_of
        self._flights = Flights()
        _forks.forget_in_children(self)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or `default`. Counts a hit or a miss."""
        return self._native.get(key_for(key), default)

    def set(
        self,
        key: Any,
        value: Any,
        *,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        size_bytes: int | None = None,
    ) -> bool:
        """Stores the value, in the place of an older one; false if it is not stored.

        `cost_seconds` is what making it took: the policy keeps what is expensive for its size.
        """
        digest = key_for(key)
        size = self._size(value, size_bytes)
        stored = self._native.insert(digest, value, size, ttl_seconds, cost_seconds, _tags(tags))
        self._flights.overtake(lambda flight: flight.key == digest)
        return stored == "stored"

    def get_or_compute(
        self,
        key: Any,
        compute: Callable[[], Any],
        *,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        size_bytes: int | None = None,
        timeout_seconds: float | None = None,
        refresh: bool = False,
    ) -> Any:
        """The value; made by `compute()` on this thread if there is none and nobody else makes it.

        `timeout_seconds` limits the wait for somebody else. `refresh` does not look at what is stored.
        """
        digest = key_for(key)
        if not refresh:
            found = self._native.hit(digest, MISSING)
            if found is not MISSING:
                return found
        results = self._results(compute, ttl_seconds, cost_seconds, tags, size_bytes, refresh)
        return self._flights.run(results, digest, compute, timeout_seconds)

    async def get_or_compute_async(
        self,
        key: Any,
        compute: Callable[[], Awaitable[Any]],
        *,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        size_bytes: int | None = None,
        timeout_seconds: float | None = None,
        refresh: bool = False,
    ) -> Any:
        """The same for tasks of asyncio or trio. A caller that is cancelled does not stop the computation."""
        digest = key_for(key)
        if not refresh:
            found = self._native.hit(digest, MISSING)
            if found is not MISSING:
                return found
        results = self._results(compute, ttl_seconds, cost_seconds, tags, size_bytes, refresh)
        return await self._flights.run_async(results, digest, compute, timeout_seconds)

    def cached(
        self,
        *,
        key: Callable[..., Any] | None = None,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        name: str | None = None,
        version: str = "1",
        ignore: Iterable[str] = (),
        by_content: Iterable[str] = (),
    ) -> Callable[[Callable[..., Any]], Any]:
        """Decorates a function, asynchronous or not, to keep its results here."""
        labels = _tags(tags)

        def decorate(function: Callable[..., Any]) -> Any:
            key_source: Any
            if key is None:
                recipe = recipe_of(
                    function, name=name, version=version, ignore=ignore, by_content=by_content
                )
                key_source, key_of_call = recipe, lambda *args, **kwargs: recipe.key(args, kwargs)
            else:
                key_source = key_of_call = lambda *args, **kwargs: key_for(
                    given_key(key(*args, **kwargs))
                )

            def keeping(notices: Notices) -> tuple[Flights, Results]:
                return self._flights, _Results(
                    self, notices, ttl_seconds, cost_seconds, labels, None, False
                )

            decorated = remember_async if inspect.iscoroutinefunction(function) else remember
            cached = decorated(function, Lookup(key_source, self._native), keeping)
            cached.cache_key = key_of_call
            return cached

        return decorate

    def invalidate(self, key: Any) -> bool:
        """Removes the entry. What is being computed for it now is not stored."""
        digest = key_for(key)
        removed = self._native.invalidate(digest)
        self._flights.overtake(lambda flight: flight.key == digest)
        return removed

    def invalidate_tag(self, tag: str) -> int:
        """Removes all entries with the tag, and says how many."""
        removed = self._native.invalidate_tag(tag)
        self._flights.overtake(lambda flight: tag in flight.ticket.tags)
        return removed

    def clear(self) -> int:
        """Removes all entries, keeps the counters, and says how many entries there were."""
        removed = self._native.invalidate_all()
        self._flights.overtake(lambda flight: True)
        return removed

    def info(self, key: Any) -> dict[str, Any] | None:
        """What is known of the entry: size, cost, age, hits, tags. Not counted as use."""
        found = self._native.peek(key_for(key))
        return None if found is None else found[1]

    def entries(self) -> list[tuple[Key, dict[str, Any]]]:
        """All keys, in no particular order, with what is known of each entry."""
        return self._native.entries()

    def stats(self) -> dict[str, Any]:
        """Counters, what is held, and seconds of computation saved and spent."""
        flights = self._flights
        return {**self._native.stats(), "collapsed": flights.joined, "running": len(flights)}

    def reset_stats(self) -> None:
        """Zeroes the counters."""
        self._flights.reset_joined()
        self._native.reset_stats()

    def limits(self) -> dict[str, Any]:
        """The settings that `set_limits` changes."""
        return dict(zip(("max_entries", "max_bytes", "ttl_seconds"), self._native.limits()))

    def set_limits(self, **limits: Any) -> None:
        """Changes `max_entries`, `max_bytes` and `ttl_seconds`; what is not given stays. Evicts at once."""
        unknown = set(limits) - set(self.limits())
        if unknown:
            raise TypeError(f"{', '.join(sorted(unknown))}: not a limit; {', '.join(self.limits())} are")
        changed = {**self.limits(), **limits}
        _check_limits(**changed)
        self._native.set_limits(**changed)

    def __len__(self) -> int:
        return len(self._native)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: Any) -> bool:
        return self._native.peek(key_for(key)) is not None

    def __repr__(self) -> str:
        return f"<Cache of {len(self)} entries>"

    def forget_everything(self) -> None:
        """Begins anew, with the same settings. For child processes."""
        self._flights = Flights()
        self._native.forget_everything()

    def _results(
        self,
        compute: Any,
        ttl_seconds: float | None,
        cost_seconds: float | None,
        tags: Iterable[str],
        size_bytes: int | None,
        refresh: bool,
    ) -> _Results:
        return _Results(
            self, Notices(compute), ttl_seconds, cost_seconds, _tags(tags), size_bytes, refresh
        )

    def _size(self, value: Any, size_bytes: int | None) -> int:
        size = self._size_of(value) if size_bytes is None else size_bytes
        if not 0 <= size < 1 << 64:
            raise ValueError(f"`size_bytes` is {size} but must be from 0 to 2^64 - 1")
        return int(size)


class _Computation:
    """A ticket, and the tags it was begun with."""

    def __init__(self, ticket: Any, tags: list[str]) -> None:
        self.ticket = ticket
        self.tags = tags


class _Results:
    """How flights keep results in a `Cache`."""

    def __init__(
        self,
        cache: Cache,
        notices: Notices,
        ttl_seconds: float | None,
        cost_seconds: float | None,
        tags: list[str],
        size_bytes: int | None,
        refresh: bool,
    ) -> None:
        self._cache = cache
        self._ttl_seconds = ttl_seconds
        self._cost_seconds = cost_seconds
        self._tags = tags
        self._size_bytes = size_bytes
        self._refresh = refresh
        self.failed = notices.failed

    def begin(self, key: Key) -> Any:
        begun = self._cache._native.begin(key, self._ttl_seconds, self._tags, self._refresh)
        return begun if isinstance(begun, tuple) else _Computation(begun, self._tags)

    def is_current(self, ticket: Any) -> bool:
        # What has been overtaken is not there to be joined.
        return True

    def finish(self, ticket: Any, key: Key, value: Any, seconds: float) -> bool:
        if is_single_use(value):
            ticket.ticket.abandon()
            return False
        try:
            size = self._cache._size(value, self._size_bytes)
            cost = seconds if self._cost_seconds is None else self._cost_seconds
            self._cache._native.finish(ticket.ticket, value, size, self._ttl_seconds, cost, self._tags)
        except BaseException:
            ticket.ticket.abandon()
            raise
        return True

    def abandon(self, ticket: Any) -> None:
        ticket.ticket.abandon()


def _tags(tags: Iterable[str]) -> list[str]:
    if isinstance(tags, str):
        raise TypeError(f"`tags` is the text {tags!r} but must be a list of texts: [{tags!r}]")
    return list(tags)


def _check_limits(
    max_entries: int | None, max_bytes: int | None, ttl_seconds: float | None
) -> None:
    for name, limit in (("max_entries", max_entries), ("max_bytes", max_bytes)):
        if limit is not None and not 0 < limit < 1 << 64:
            raise ValueError(f"`{name}` is {limit} but must be 1 or more, or None for no limit")
    if ttl_seconds is not None and not ttl_seconds > 0:
        raise ValueError(f"`ttl_seconds` is {ttl_seconds} but must be above 0, or None for ever")
