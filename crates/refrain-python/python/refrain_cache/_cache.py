"""`Cache`: the memory cache of the library, with single-flight for threads and tasks, and with a disk below it."""

from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Iterable

from . import _forks
from ._calls import Notices, remember, remember_async
from ._disk import DiskTier
from ._flights import Results
from ._native import MISSING, Key, Lookup, MemoryCache
from ._options import check_limits, size_of_value, tags_of
from ._recipes import check_outlives_process, given_key, key_for, recipe_of
from ._results import MemoryFlights, MemoryResults
from ._sizes import estimate_bytes
from ._tiers import TieredFlights, TieredMemory, TieredResults


class Cache:
    """Results that take long to make: stored once, computed once however many ask at the same time.

    Keys are `Key`s, or anything that can be part of a key: `1`, `1.0`, `True` and `"1"` are four of them.

    With `disk`, what is not in memory is looked for there, and what is made is stored in both. Limits, `len` and
    `entries` are those of the memory.
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
        disk: DiskTier | None = None,
    ) -> None:
        check_limits(max_entries, max_bytes, ttl_seconds)
        if disk is not None and not isinstance(disk, DiskTier):
            raise TypeError(f"`disk` is {disk!r} but must be a DiskTier, or None")
        self._disk = disk
        self._size_of = size_of
        settings = (max_entries, max_bytes, ttl_seconds, policy, clock)
        if disk is None:
            self._flights: MemoryFlights = MemoryFlights()
            self._native = MemoryCache(*settings)
        else:
            self._flights = TieredFlights()
            self._native = TieredMemory(disk, self._flights, size_of, *settings)
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
        """Stores the value, in the place of an older one; false if it is stored nowhere.

        `cost_seconds` is what making it took: the policy keeps what is expensive for its size.
        """
        digest = key_for(key)
        size = size_of_value(value, self._size_of, size_bytes)
        stored = self._native.insert(digest, value, size, ttl_seconds, cost_seconds, tags_of(tags))
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
        """The value; made by `compute()` on this thread if there is none and no other caller makes it.

        `timeout_seconds` limits the wait for another caller. `refresh` does not look at the stored value.
        """
        digest = key_for(key)
        if not refresh:
            found = self._native.hit(digest, MISSING)
            if found is not MISSING:
                return found
        results = self._results(
            Notices(compute), ttl_seconds, cost_seconds, tags_of(tags), size_bytes, refresh
        )
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
        results = self._results(
            Notices(compute), ttl_seconds, cost_seconds, tags_of(tags), size_bytes, refresh
        )
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
        labels = tags_of(tags)

        def decorate(function: Callable[..., Any]) -> Any:
            key_source: Any
            if key is None:
                if self._disk is not None and name is None:
                    check_outlives_process(function)
                recipe = recipe_of(
                    function, name=name, version=version, ignore=ignore, by_content=by_content
                )
                key_source, key_of_call = recipe, lambda *args, **kwargs: recipe.key(args, kwargs)
            else:
                key_source = key_of_call = lambda *args, **kwargs: key_for(
                    given_key(key(*args, **kwargs))
                )

            def keeping(notices: Notices) -> tuple[MemoryFlights, Results]:
                return self._flights, self._results(
                    notices, ttl_seconds, cost_seconds, labels, None, False
                )

            decorated = remember_async if inspect.iscoroutinefunction(function) else remember
            cached = decorated(function, Lookup(key_source, self._native), keeping)
            cached.cache_key = key_of_call
            return cached

        return decorate

    def invalidate(self, key: Any) -> bool:
        """Removes the entry, from the disk first. What is being computed for it now is not stored.

        A `DiskError` if the disk refuses: this process does not see the entry again, but a crash may bring it back.
        """
        digest = key_for(key)
        try:
            return self._native.invalidate(digest)
        finally:
            self._flights.overtake(lambda flight: flight.key == digest)

    def invalidate_tag(self, tag: str) -> int:
        """Removes all entries with the tag, and says how many there were: in memory, or on disk if those are more."""
        try:
            return self._native.invalidate_tag(tag)
        finally:
            self._flights.overtake(lambda flight: flight.ticket.looking or tag in flight.ticket.tags)

    def clear(self) -> int:
        """Removes all entries, keeps the counters, and says how many there were, as `invalidate_tag` does."""
        try:
            return self._native.invalidate_all()
        finally:
            self._flights.overtake(lambda flight: True)

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
        check_limits(**changed)
        self._native.set_limits(**changed)

    def __len__(self) -> int:
        return len(self._native)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: Any) -> bool:
        digest = key_for(key)
        return self._native.peek(digest) is not None or (self._disk is not None and digest in self._disk)

    def __repr__(self) -> str:
        return f"<Cache of {len(self)} entries>"

    def forget_everything(self) -> None:
        """Begins anew, with the same settings. For child processes."""
        if isinstance(self._native, TieredMemory):
            self._flights = flights = TieredFlights()
            self._native.begin_anew(flights)
        else:
            self._flights = MemoryFlights()
        self._native.forget_everything()

    def _results(
        self,
        notices: Notices,
        ttl_seconds: float | None,
        cost_seconds: float | None,
        tags: list[str],
        size_bytes: int | None,
        refresh: bool,
    ) -> Results:
        kind = MemoryResults if self._disk is None else TieredResults
        return kind(
            self._native, self._size_of, notices, ttl_seconds, cost_seconds, tags, size_bytes, refresh
        )
