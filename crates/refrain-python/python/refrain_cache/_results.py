"""How flights keep what they compute in a `Cache`: its memory, and the library's stack of tiers below that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from ._notices import Notices
from ._streams import is_single_use
from ._flights import Flight, Flights, Results
from ._loops import Loop
from ._native import MISSING, Key, MemoryCache
from ._options import size_of_value
from ._waiting import inside

if TYPE_CHECKING:
    from ._below import Below


class Computation:
    """A ticket, and the tags it was begun with."""

    def __init__(self, ticket: Any, tags: list[str], looking: bool) -> None:
        self.ticket = ticket
        self.tags = tags
        #: Whether it may still give what a lower tier has, with tags of its own.
        self.looking = looking


class MemoryFlights(Flights):
    """The running computations of a `Cache`."""

    def _overtake(self, flight: Flight) -> None:
        super()._overtake(flight)
        # The next computation of the key must not stand behind this one: only the one in front is told of invalidations.
        flight.ticket.ticket.abandon()

    def _board(self, results: Results, key: Any, loop: Loop | None) -> tuple[Any, bool]:
        assert isinstance(results, MemoryResults)
        if results.refreshes:
            with self._lock:
                running = self._running.get(key)
                if running is not None and running.ticket.looking:
                    # That one may give what is stored, which is not asked for here, so it keeps out of the way.
                    self._overtake(running)
                return super()._board(results, key, loop)
        return super()._board(results, key, loop)


class MemoryResults:
    """How flights keep results in a `Cache`."""

    def __init__(
        self,
        memory: MemoryCache,
        size_of: Callable[[Any], int],
        notices: Notices,
        ttl_seconds: float | None,
        cost_seconds: float | None,
        tags: list[str],
        size_bytes: int | None,
        refresh: bool,
        condition: Callable[[Any], bool] | None = None,
        below: Below | None = None,
    ) -> None:
        self._memory = memory
        self._below = below
        self.waits = below is not None
        self._size_of = size_of
        self._ttl_seconds = ttl_seconds
        self._cost_seconds = cost_seconds
        self._tags = tags
        self._size_bytes = size_bytes
        #: Whether what is stored is not asked for.
        self.refreshes = refresh
        self._condition = condition
        self._notices = notices
        self.failed = notices.failed

    def begin(self, key: Key, computes: bool) -> Any:
        waits = None
        if computes and self._below is not None:
            outer = inside.get()
            # Two processes could wait for each other.
            waits = outer is None or outer.ended
        begun = self._memory.begin(key, self._ttl_seconds, self._tags, self.refreshes, waits)
        return begun if isinstance(begun, tuple) else Computation(begun, self._tags, begun.looks)

    def load(self, ticket: Any) -> Any:
        if not ticket.looking:
            return MISSING
        loaded = ticket.ticket.load()
        ticket.looking = False
        return MISSING if loaded is None else loaded[0]

    def look(self, key: Key) -> Any:
        return self._memory.get(key, MISSING)

    def is_current(self, ticket: Any) -> bool:
        # What has been overtaken is not there to be joined.
        return True

    def finish(self, ticket: Any, key: Key, value: Any, seconds: float) -> bool:
        if is_single_use(value):
            self._notices.gives_stream()
            ticket.ticket.abandon()
            return False
        try:
            if not self.is_to_be_kept(value):
                ticket.ticket.abandon()
                return True
            size = size_of_value(value, self._size_of, self._size_bytes)
            cost = seconds if self._cost_seconds is None else self._cost_seconds
            self._memory.finish(ticket.ticket, value, size, self._ttl_seconds, cost, self._tags)
        except BaseException:
            ticket.ticket.abandon()
            raise
        if self._below is not None:
            self._below.tell_failure()
        return True

    def is_to_be_kept(self, value: Any) -> bool:
        return self._condition is None or bool(self._condition(value))

    def abandon(self, ticket: Any) -> None:
        ticket.ticket.abandon()
