"""Single-flight for threads and tasks together: one computation per key, however many ask at once.

The first caller that finds nothing leads. A leading thread computes where it stands; a leading task has the computation
run in a task of its own, so that it goes on when its caller is cancelled. The others wait: a thread by sleeping without
the interpreter, a task by awaiting. Nothing of the cache is locked meanwhile.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Awaitable, Callable, Protocol

from ._errors import WaitTimeoutError, own_error
from ._loops import LOADS, STORES, Loop, beside_loop, current_loop
from ._native import MISSING
from ._waiting import LoopBlockedError, inside, waiting_for

#: Seconds after which a waiter for a task looks whether the task's loop is still there: a loop that is closed in the
#: middle of something wakes no waiter.
_LOOK_AGAIN = 1.0

_numbers = itertools.count(1)


class Results(Protocol):
    """Where results are kept, as flights see it."""

    #: Whether `load` and `finish` may wait, for which tasks have threads.
    waits: bool

    def begin(self, key: Any, computes: bool) -> Any:
        """The value in a tuple of one, or a ticket for a computation that begins now, or for a look."""

    def load(self, ticket: Any) -> Any:
        """What is stored elsewhere and has just landed; `MISSING` if a computation has to come. May wait for disks."""

    def is_current(self, ticket: Any) -> bool:
        """Whether the value of the computation may be given to a caller that asks now."""

    def look(self, key: Any) -> Any:
        """What is stored anywhere, or `MISSING`; nothing lands."""

    def finish(self, ticket: Any, key: Any, value: Any, seconds: float) -> bool:
        """Ends the computation; false if the value is for one caller only. May wait for disks."""

    def abandon(self, ticket: Any) -> None:
        """Ends the computation without a value."""

    def failed(self, error: Exception) -> None:
        """Keeping failed; the caller gets its result all the same."""


class Flight:
    """One running computation."""

    def __init__(self, key: Any, ticket: Any, home: Loop | None) -> None:
        self.key = key
        self.ticket = ticket
        self._home = home
        #: The identity of the event loop that runs it, if it is a task.
        self.loop = None if home is None else home.identity
        self.task: Any = None
        self.number = next(_numbers)
        #: How it ended: `("value", …)`, `("failed", error)`, `("private", None)` or `("abandoned", None)`.
        self._outcome: Future[tuple[str, Any]] = Future()
        # A waiter cannot cancel a future that runs.
        self._outcome.set_running_or_notify_cancel()

    @property
    def ended(self) -> bool:
        return self._outcome.done()

    def end(self, kind: str, content: Any) -> None:
        try:
            self._outcome.set_result((kind, content))
        except InvalidStateError:
            pass  # It has ended already: of the waiters that find its loop lost, one is the first.

    def wait(self, limit: Limit) -> tuple[str, Any]:
        """Sleeps until it has ended."""
        while True:
            try:
                return self._outcome.result(limit.left(None if self.loop is None else _LOOK_AGAIN))
            except FutureTimeoutError:
                limit.check()
                self._end_if_lost()

    async def arrival(self, loop: Loop, limit: Limit) -> tuple[str, Any]:
        """Awaits its end, in a task of `loop`. Cancelling this cancels nothing else."""
        bell = loop.bell()
        self._outcome.add_done_callback(lambda _: bell.ring())
        while not self._outcome.done():
            another = self.loop is not None and self.loop is not loop.identity
            await bell.rung(limit.left(_LOOK_AGAIN if another else None))
            if not self._outcome.done():
                limit.check()
                self._end_if_lost()
        return self._outcome.result()

    def _end_if_lost(self) -> None:
        if self._home is not None and self._home.is_closed():
            self.end("abandoned", None)

    def __str__(self) -> str:
        return f"computation {self.number} of {str(self.key)[:16]}"


class Limit:
    """How long a caller waits."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"`timeout_seconds` is {seconds} but must be 0 or more, or None")
        self._seconds = seconds
        self._until = None if seconds is None else time.monotonic() + seconds

    def left(self, at_most: float | None) -> float | None:
        """Seconds to sleep, at most a century: more than that overflows somewhere below."""
        if self._until is None:
            return at_most
        left = min(max(self._until - time.monotonic(), 0.0), 3.2e9)
        return left if at_most is None else min(left, at_most)

    def check(self) -> None:
        if self._until is not None and time.monotonic() >= self._until:
            raise WaitTimeoutError(f"no result within {self._seconds} s; the computation goes on")


class Flights:
    """The running computations of one cache."""

    def __init__(self) -> None:
        # Reentrant, since comparing keys may run anything.
        self._lock = threading.RLock()
        self._running: dict[Any, Flight] = {}
        self._joined = 0

    def run(
        self,
        results: Results,
        key: Any,
        compute: Callable[[], Any],
        timeout_seconds: float | None = None,
    ) -> Any:
        """The value for `key`; computed by this thread if no other caller computes it."""
        limit = Limit(timeout_seconds)
        home = current_loop()
        loop = None if home is None else home.identity
        while True:
            try:
                flight, leads = self._board(results, key, None)
            except Exception as error:
                results.failed(error)
                return compute()
            if not isinstance(flight, Flight):
                return flight[0]
            if leads:
                return self._lead(results, flight, compute, loop)
            try:
                with waiting_for(flight, blocked_loop=loop):
                    kind, content = flight.wait(limit)
            except LoopBlockedError:
                return compute()
            if kind == "value":
                return content
            if kind == "failed":
                raise own_error(content) from content
            if kind == "private":
                return compute()

    async def run_async(
        self,
        results: Results,
        key: Any,
        compute: Callable[[], Awaitable[Any]],
        timeout_seconds: float | None = None,
    ) -> Any:
        """The value for `key`; computed by a task of this loop if no other caller computes it."""
        limit = Limit(timeout_seconds)
        loop = current_loop()
        if loop is None:
            results.failed(RuntimeError("neither asyncio nor trio runs here"))
            return await compute()
        while True:
            try:
                flight, leads = self._board(results, key, loop)
            except Exception as error:
                results.failed(error)
                return await compute()
            if not isinstance(flight, Flight):
                return flight[0]
            if leads:
                flight.task = loop.start(
                    functools.partial(self._drive, results, flight, compute),
                    functools.partial(self._abandon, results, flight),
                )
            try:
                with waiting_for(flight):
                    kind, content = await flight.arrival(loop, limit)
            except LoopBlockedError:
                return await compute()
            if kind == "value" or (kind == "private" and leads):
                return content
            if kind == "failed":
                if leads:
                    raise content
                raise own_error(content) from content
            if kind == "private":
                return await compute()
            if leads:
                raise loop.gone(content)

    def overtake(self, is_meant: Callable[[Flight], bool]) -> None:
        """Callers that ask from now on do not get the values of these computations."""
        with self._lock:
            for flight in [flight for flight in self._running.values() if is_meant(flight)]:
                self._overtake(flight)

    def _overtake(self, flight: Flight) -> None:
        del self._running[flight.key]

    def __len__(self) -> int:
        return len(self._running)

    @property
    def joined(self) -> int:
        """Callers that joined a computation of another caller."""
        return self._joined

    def reset_joined(self) -> None:
        with self._lock:
            self._joined = 0

    def _board(self, results: Results, key: Any, loop: Loop | None) -> tuple[Any, bool]:
        with self._lock:
            flight = self._running.get(key)
            if flight is not None and not flight.ended and results.is_current(flight.ticket):
                self._joined += 1
                return flight, False
            if flight is not None and flight.ended:
                # Its loop was closed without a word.
                self._overtake(flight)
            begun = results.begin(key, True)
            if isinstance(begun, tuple):
                return begun, False
            flight = self._running[key] = Flight(key, begun, loop)
            return flight, True

    def _lead(
        self, results: Results, flight: Flight, compute: Callable[[], Any], loop: Any
    ) -> Any:
        try:
            with waiting_for(flight, blocked_loop=loop):
                outer = inside.set(flight)
                try:
                    found = results.load(flight.ticket)
                    if found is not MISSING:
                        self._share(flight, "value", found)
                        return found
                    began = time.perf_counter()
                    value = compute()
                    seconds = time.perf_counter() - began
                finally:
                    inside.reset(outer)
        except Exception as error:
            self._end(results, flight, "failed", error)
            raise
        except BaseException:
            # An interrupt is for this thread. One of the waiters begins anew.
            self._abandon(results, flight)
            raise
        self._land(results, flight, value, seconds)
        return value

    async def _drive(
        self, results: Results, flight: Flight, compute: Callable[[], Awaitable[Any]]
    ) -> None:
        inside.set(flight)
        try:
            found = await beside_loop(results.waits, LOADS, results.load, flight.ticket)
            if found is not MISSING:
                self._share(flight, "value", found)
                return
            began = time.perf_counter()
            value = await compute()
        except Exception as error:
            self._end(results, flight, "failed", error)
        except BaseException as error:
            # Cancelled, as a rule, with its loop.
            self._end(results, flight, "abandoned", error)
            raise
        else:
            seconds = time.perf_counter() - began
            await beside_loop(results.waits, STORES, self._land, results, flight, value, seconds)

    def _land(self, results: Results, flight: Flight, value: Any, seconds: float) -> None:
        shared = True
        try:
            shared = results.finish(flight.ticket, flight.key, value, seconds)
        except Exception as error:
            results.failed(error)
        # What is not shared each waiter computes for itself, and only a leading task gets this one.
        self._share(flight, "value" if shared else "private", value)

    def _share(self, flight: Flight, kind: str, value: Any) -> None:
        self._leave(flight)
        flight.end(kind, value)

    def _abandon(self, results: Results, flight: Flight) -> None:
        if not flight.ended:
            self._end(results, flight, "abandoned", None)

    def _end(self, results: Results, flight: Flight, kind: str, content: Any) -> None:
        try:
            results.abandon(flight.ticket)
        except Exception as error:
            results.failed(error)
        self._leave(flight)
        flight.end(kind, content)

    def look(self, results: Results, key: Any) -> Any:
        """What is stored, or `MISSING`. Waits for no computation."""
        with self._lock:
            running = self._running.get(key)
            leads = running is None or running.ended
            if leads:
                if running is not None:
                    self._overtake(running)
                begun = results.begin(key, False)
                if isinstance(begun, tuple):
                    return begun[0]
                flight = self._running[key] = Flight(key, begun, None)
        if not leads:
            # What is running puts into memory whatever belongs there.
            return results.look(key)
        try:
            found = results.load(flight.ticket)
        except BaseException:
            self._abandon(results, flight)
            raise
        if found is MISSING:
            self._abandon(results, flight)
        else:
            self._share(flight, "value", found)
        return found

    def _leave(self, flight: Flight) -> None:
        with self._lock:
            if self._running.get(flight.key) is flight:
                del self._running[flight.key]
