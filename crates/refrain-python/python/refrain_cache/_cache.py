"""`Cache`: the memory cache of the library, with single-flight for threads and tasks, and with a disk below it."""

from __future__ import annotations

import datetime
import functools
import inspect
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, TypeVar

from . import _forks
from ._below import Below
from ._calls import remember, remember_async
from ._disk import DiskTier
from ._flights import Results
from ._handles import Copy, Explanation, Handles
from ._native import MISSING, Key, MemoryCache, Recipe
from ._notices import Notices
from ._options import check_limits, seconds_of, size_of_value, tags_of
from ._paths import path_of
from ._recipes import key_for, recipe_of
from ._results import MemoryFlights, MemoryResults
from ._sizes import estimate_bytes

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._typed import AnyDecorator

_Value = TypeVar("_Value")


class Cache:
    """Results that take long to make: stored once, computed once however many ask at the same time.

    Keys are `Key`s, or anything that can be part of a key: `1`, `1.0`, `True` and `"1"` are four of them.

    With `disk`, what is not in memory is looked for there, and what is made is stored in both. An operation of the disk takes
    `disk_deadline_seconds` at most, and longer for a large value; what fails again and again is left alone for a while.
    Limits, `len` and `entries` are those of the memory.
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
        disk_deadline_seconds: float = 10.0,
    ) -> None:
        check_limits(max_entries, max_bytes, ttl_seconds)
        if disk is not None and not isinstance(disk, DiskTier):
            raise TypeError(f"`disk` is {disk!r} but must be a DiskTier, or None")
        if not disk_deadline_seconds > 0:
            raise ValueError(f"`disk_deadline_seconds` is {disk_deadline_seconds} but must be above 0")
        self._disk = disk
        self._size_of = size_of
        self._flights = MemoryFlights()
        self._below = None if disk is None else Below(disk, size_of)
        below = None if disk is None else (disk._native, self._below, disk_deadline_seconds)
        self._native = MemoryCache(max_entries, max_bytes, ttl_seconds, policy, clock, below)
        _forks.forget_in_children(self)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or `default`. Counts a hit, a load or a miss."""
        digest = key_for(key)
        if self._disk is None:
            return self._native.get(digest, default)
        found = self._native.hit(digest, MISSING)
        if found is MISSING:
            notices = self._disk._notices
            found = self._flights.look(self._results(notices, None, None, [], None, False), digest)
        return default if found is MISSING else found

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
        if self._below is not None:
            self._below.tell_failure()
        return stored == "stored"

    def get_or_compute(
        self,
        key: Any,
        compute: Callable[[], _Value],
        *,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        size_bytes: int | None = None,
        timeout_seconds: float | None = None,
        refresh: bool = False,
    ) -> _Value:
        """The value; made by `compute()` on this thread if there is none and no other caller makes it.

        `timeout_seconds` limits the wait for another caller. `refresh` does not look at the stored value.
        """
        digest = key_for(key)
        if not refresh:
            found = self._native.hit(digest, MISSING)
            if found is not MISSING:
                return found  # type: ignore[no-any-return]
        results = self._results(
            Notices(compute), ttl_seconds, cost_seconds, tags_of(tags), size_bytes, refresh
        )
        return self._flights.run(results, digest, compute, timeout_seconds)  # type: ignore[no-any-return]

    async def get_or_compute_async(
        self,
        key: Any,
        compute: Callable[[], Awaitable[_Value]],
        *,
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        size_bytes: int | None = None,
        timeout_seconds: float | None = None,
        refresh: bool = False,
    ) -> _Value:
        """The same for tasks of asyncio or trio. A caller that is cancelled does not stop the computation."""
        digest = key_for(key)
        if not refresh:
            found = self._native.hit(digest, MISSING)
            if found is not MISSING:
                return found  # type: ignore[no-any-return]
        results = self._results(
            Notices(compute), ttl_seconds, cost_seconds, tags_of(tags), size_bytes, refresh
        )
        return await self._flights.run_async(results, digest, compute, timeout_seconds)  # type: ignore[no-any-return]

    def cached(
        self,
        *,
        key: Callable[..., Any] | None = None,
        ttl_seconds: float | datetime.timedelta | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] | Callable[..., Iterable[str]] = (),
        name: str | None = None,
        version: str | None = None,
        ignore: Iterable[str] = (),
        by_content: Iterable[str] = (),
        follow: bool = True,
        copy: Copy = None,
        condition: Callable[[Any], bool] | None = None,
    ) -> AnyDecorator[Key]:
        """Decorates a function, asynchronous or not, to keep its results here."""
        ttl = seconds_of(ttl_seconds)
        labels = None if callable(tags) else tags_of(tags)

        def decorate(function: Callable[..., Any]) -> Any:
            recipe = recipe_of(
                function,
                name=name,
                version=version,
                ignore=ignore,
                by_content=by_content,
                follow=follow,
                key=key,
                lasting=self._disk is not None,
            )

            frames = 4 if inspect.iscoroutinefunction(function) else 3
            handles = Handles(function, recipe, self._native, ignore, frames, copy)
            tag = f"function:{name or path_of(function)}"

            def results(args: Any, kwargs: Any, refresh: bool = False) -> Results:
                told = tags_of(tags(*args, **kwargs)) if callable(tags) else labels or []
                return self._results(
                    handles.notices, ttl, cost_seconds, [*told, tag], None, refresh, condition
                )

            def keeping(notices: Notices, args: Any, kwargs: Any) -> tuple[MemoryFlights, Results]:
                return self._flights, results(args, kwargs)

            def compute_again(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                again = results(args, kwargs, refresh=True)
                made = again, recipe.key(args, kwargs), functools.partial(function, *args, **kwargs)
                if not inspect.iscoroutinefunction(function):
                    return handles.handed_out(self._flights.run(*made))

                async def computed() -> Any:
                    return handles.handed_out(await self._flights.run_async(*made))

                return computed()

            decorated = remember_async if inspect.iscoroutinefunction(function) else remember
            cached = decorated(function, handles, keeping)
            return self._with_handles(cached, handles, recipe, tag, compute_again)

        return decorate

    def _with_handles(
        self,
        cached: Any,
        handles: Handles,
        recipe: Recipe,
        tag: str,
        compute_again: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    ) -> Any:
        def cache_key(*args: Any, **kwargs: Any) -> Key:
            """The key of a call with these arguments."""
            return recipe.key(args, kwargs)

        def invalidate(*args: Any, **kwargs: Any) -> bool:
            """Removes the result of a call with these arguments, and says whether there was one."""
            return self.invalidate(recipe.key(args, kwargs))

        def peek(*args: Any, **kwargs: Any) -> Any:
            """The stored result, or `None`; nothing is computed."""
            return handles.handed_out(self._peek(recipe.key(args, kwargs)))

        def refresh(*args: Any, **kwargs: Any) -> Any:
            """Computes the result anew, and stores it in the place of the older one."""
            return compute_again(args, kwargs)

        def clear() -> int:
            """Removes all results of this function, of all of its versions."""
            return self.invalidate_tag(tag)

        def explain(*args: Any, **kwargs: Any) -> Explanation:
            """What is in the key of a call, and what differs from the calls before."""
            return handles.explain(cache_key, self.__contains__, args, kwargs)

        for handle in (cache_key, invalidate, peek, refresh, clear, explain):
            setattr(cached, handle.__name__, handle)
        cached.info = handles.info
        return cached

    def _peek(self, key: Key) -> Any:
        found = self._native.peek(key, True)
        return None if found is None else found[0]

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
        """Counters, what is held, and seconds of computation saved and spent.

        With a disk, `disk` is what the folder says, and `tiers` what the cache met there: errors, timeouts, whether it is left
        alone.
        """
        flights = self._flights
        told = {**self._native.stats(), "collapsed": flights.joined, "running": len(flights)}
        if self._disk is not None:
            told.update(disk=self._disk.stats(), tiers=self._native.tiers())
        return told

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

    def close(self) -> None:
        """Lets go of the folder, if there is one; the memory goes on."""
        if self._disk is not None:
            self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        condition: Callable[[Any], bool] | None = None,
    ) -> Results:
        return MemoryResults(
            self._native, self._size_of, notices, ttl_seconds, cost_seconds, tags, size_bytes, refresh, condition, self._below
        )
