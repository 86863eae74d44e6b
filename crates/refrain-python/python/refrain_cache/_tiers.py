"""Memory in front of a disk: a value that is not in memory is looked for on disk, and a new one is kept in both.

A value goes to the disk first, and leaves it first, so that the one in memory is never older than the one on disk.
A caller that looks on disk for the memory leads a flight meanwhile: a value invalidated since is not put into memory.
"""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Awaitable, Callable

from . import _forks
from ._notices import Notices
from ._streams import is_single_use
from ._disk import DiskEntry, DiskTier
from ._flights import Flight, Results
from ._loops import Loop, current_loop
from ._native import MISSING, DiskTicket, Key, MemoryCache
from ._options import size_of_value
from ._results import Computation, MemoryFlights, MemoryResults


class TieredFlights(MemoryFlights):
    """Flights whose leader looks on disk before it computes."""

    def run(
        self,
        results: Results,
        key: Any,
        compute: Callable[[], Any],
        timeout_seconds: float | None = None,
    ) -> Any:
        assert isinstance(results, TieredResults)
        return super().run(results, key, functools.partial(_through, results, key, compute), timeout_seconds)

    async def run_async(
        self,
        results: Results,
        key: Any,
        compute: Callable[[], Awaitable[Any]],
        timeout_seconds: float | None = None,
    ) -> Any:
        assert isinstance(results, TieredResults)
        through = functools.partial(_through_async, results, key, compute)
        return await super().run_async(results, key, through, timeout_seconds)

    def look(self, results: TieredResults, key: Key) -> Any:
        """What is stored, or `MISSING`. Waits for no computation."""
        with self._lock:
            running = self._running.get(key)
            leads = running is None or running.ended
            if leads:
                begun = results.begin(key)
                if isinstance(begun, tuple):
                    return begun[0]
                flight = self._running[key] = Flight(key, begun, None)
        if not leads:
            # What is running puts into memory whatever belongs there.
            return results.look_only(key)
        try:
            found = results.look(key)
        except BaseException:
            self._abandon(results, flight)
            raise
        if found is MISSING:
            self._abandon(results, flight)
        else:
            self._land(results, flight, found, 0.0)
        return found

    def _board(self, results: Results, key: Any, loop: Loop | None) -> tuple[Any, bool]:
        assert isinstance(results, TieredResults)
        with self._lock:
            running = self._running.get(key)
            if results.refreshes and running is not None and running.ticket.looking:
                # That one may give what is stored, which is not asked for here, so it keeps out of the way.
                self._overtake(running)
            return super()._board(results, key, loop)


def _through(results: TieredResults, key: Key, compute: Callable[[], Any]) -> Any:
    found = results.look(key)
    if found is not MISSING:
        return found
    began = time.perf_counter()
    value = compute()
    results.keep(key, value, time.perf_counter() - began)
    return value


async def _through_async(results: TieredResults, key: Key, compute: Callable[[], Awaitable[Any]]) -> Any:
    found = await _beside_loop(functools.partial(results.look, key))
    if found is not MISSING:
        return found
    began = time.perf_counter()
    value = await compute()
    seconds = time.perf_counter() - began
    await _beside_loop(functools.partial(results.keep, key, value, seconds))
    return value


class TieredResults(MemoryResults):
    """How flights keep results in memory and on disk."""

    _memory: TieredMemory

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._disk = self._memory.disk
        self._computation: Computation | None = None
        self._ticket: DiskTicket | None = None
        self._found: tuple[Any, DiskEntry] | None = None
        self._seconds: float | None = None

    @property
    def refreshes(self) -> bool:
        """Whether what is stored is not asked for."""
        return self._refresh

    def begin(self, key: Key) -> Any:
        begun = super().begin(key)
        if isinstance(begun, Computation):
            begun.looking = not self._refresh
            self._computation = begun
        return begun

    def look(self, key: Key) -> Any:
        """What is on disk, or `MISSING`, in which case a computation begins."""
        # Before looking: what is invalidated from now on is not stored.
        self._ticket = self._disk._native.begin()
        if not self._refresh:
            self._found = self._disk._fetch(key)
            if self._found is not None:
                return self._found[0]
        if self._computation is not None:
            self._computation.looking = False
        return MISSING

    def look_only(self, key: Key) -> Any:
        """What is in memory or on disk, or `MISSING`."""
        found = MemoryCache.get(self._memory, key, MISSING)
        return self.look(key) if found is MISSING else found

    def keep(self, key: Key, value: Any, seconds: float) -> None:
        """Stores on disk what was computed."""
        self._seconds = seconds
        if self._ticket is None or is_single_use(value):
            return
        cost = seconds if self._cost_seconds is None else self._cost_seconds
        ttl = self._memory.lifetime(self._ttl_seconds)
        try:
            if not self.is_to_be_kept(value):
                return
            self._disk._keep(self._ticket, key, value, ttl, cost, self._tags)
        except Exception as error:
            self.failed(error)

    def finish(self, ticket: Any, key: Key, value: Any, seconds: float) -> bool:
        if self._found is None:
            return super().finish(ticket, key, value, seconds if self._seconds is None else self._seconds)
        entry = self._found[1]
        left, cost, tags = entry.expires_in_seconds, entry.cost_seconds, list(entry.tags)
        try:
            size = size_of_value(value, self._size_of, None)
            self._memory.finish(ticket.ticket, value, size, left, cost, tags)
        except BaseException:
            ticket.ticket.abandon()
            raise
        return True


class TieredMemory(MemoryCache):
    """The memory of a `Cache` with a disk below it."""

    disk: DiskTier
    _flights: TieredFlights
    _size_of: Callable[[Any], int]
    _writing: threading.RLock

    def __new__(
        cls, disk: DiskTier, flights: TieredFlights, size_of: Callable[[Any], int], *settings: Any
    ) -> TieredMemory:
        memory = super().__new__(cls, *settings)
        memory.disk = disk
        memory._size_of = size_of
        memory.begin_anew(flights)
        return memory

    def begin_anew(self, flights: TieredFlights) -> None:
        """Has these flights from now on, and locks that no thread holds."""
        self._flights = flights
        self._notices = Notices(self.disk, frames=None)
        # Held while both change, so that they change in the same order.
        self._writing = threading.RLock()

    def lifetime(self, ttl_seconds: float | None) -> float | None:
        """How long an entry is fresh of which this is said."""
        return self.limits()[2] if ttl_seconds is None else ttl_seconds

    def get(self, key: Key, default: Any) -> Any:
        found = self.hit(key, MISSING)
        if found is MISSING:
            results = TieredResults(self, self._size_of, self._notices, None, None, [], None, False)
            found = self._flights.look(results, key)
        return default if found is MISSING else found

    def insert(
        self,
        key: Key,
        value: Any,
        weight_bytes: int,
        ttl_seconds: float | None,
        cost_seconds: float | None,
        tags: list[str],
    ) -> str:
        with self._writing:
            kept = not self.disk.read_only and self.disk._keep(
                None, key, value, self.lifetime(ttl_seconds), cost_seconds, tags
            )
            stored = super().insert(key, value, weight_bytes, ttl_seconds, cost_seconds, tags)
        return "stored" if kept else stored

    def invalidate(self, key: Key) -> bool:
        with self._writing:
            removed = False
            try:
                if not self.disk.read_only:
                    removed = self.disk.invalidate(key)
            finally:
                removed = super().invalidate(key) or removed
        return removed

    def invalidate_tag(self, tag: str) -> int:
        with self._writing:
            on_disk = 0
            try:
                if not self.disk.read_only:
                    on_disk = self.disk.invalidate_tag(tag)
            finally:
                in_memory = super().invalidate_tag(tag)
        return max(on_disk, in_memory)

    def invalidate_all(self) -> int:
        with self._writing:
            on_disk = 0
            try:
                if not self.disk.read_only:
                    on_disk = self.disk.clear()
            finally:
                in_memory = super().invalidate_all()
        return max(on_disk, in_memory)

    def stats(self) -> dict[str, Any]:
        return {**super().stats(), "disk": self.disk.stats()}


async def _beside_loop(work: Callable[[], Any]) -> Any:
    """What `work` gives, in a thread that does nothing else than wait for disks: the loop goes on meanwhile.

    The loop's own threads may all be waiting for this very computation.
    """
    loop = current_loop()
    if loop is None:
        return work()
    bell = loop.bell()
    done = _threads.submit(work)
    done.add_done_callback(lambda _: bell.ring())
    while not done.done():
        await bell.rung(None)
    return done.result()


def _new_threads() -> None:
    global _threads
    _threads = ThreadPoolExecutor(4, thread_name_prefix="refrain-disk")


_threads: ThreadPoolExecutor
_new_threads()
_forks.call_in_children(_new_threads)
