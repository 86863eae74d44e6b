"""The event loop that code runs in, asyncio's or trio's: what flights need of one.

Trio is never imported here. Where it runs, the program has imported it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Protocol

from . import _forks


class Loop(Protocol):
    """One running event loop, as seen from one of its tasks."""

    #: The same object for every task of this loop, and for no other loop.
    identity: Any

    def is_closed(self) -> bool:
        """Whether nothing runs in it any more. Called from any thread."""

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]) -> Any:
        """Runs `work` in a task that goes on when this one is cancelled; then, however it went, calls `ended`."""

    def bell(self) -> Bell:
        """Something to wait for in this task."""

    def gone(self, reason: BaseException | None) -> BaseException:
        """What a task is told whose computation ended without a result, for this reason."""


class Bell(Protocol):
    """Rung once, from any thread, for one task that waits."""

    def ring(self) -> None:
        """Wakes the task; nothing if its loop has ended."""

    async def rung(self, timeout_seconds: float | None) -> None:
        """Waits until it rings, at most so long."""


def current_loop() -> Loop | None:
    """The loop that this code runs in, if there is one."""
    trio = sys.modules.get("trio")
    if trio is not None:
        # Asked first: trio can be a guest in a loop of asyncio, and its tasks are trio's then.
        try:
            trio.lowlevel.current_task()
            return TrioLoop(trio, trio.lowlevel.current_trio_token())
        except (AttributeError, RuntimeError):
            pass  # Still being imported, or not running in this thread.
    try:
        return AsyncioLoop(asyncio.get_running_loop())
    except RuntimeError:
        return None


class AsyncioLoop:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.identity = loop
        self.is_closed = loop.is_closed

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]) -> Any:
        task = self.identity.create_task(work())
        # A task that is cancelled before its first step never comes to its own end.
        task.add_done_callback(lambda _: ended())
        return task

    def bell(self) -> Bell:
        return AsyncioBell(self.identity)

    def gone(self, reason: BaseException | None) -> BaseException:
        return asyncio.CancelledError("the computation was cancelled")


class AsyncioBell:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._woken: asyncio.Future[None] = loop.create_future()

    def ring(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._set)
        except RuntimeError:
            pass  # The loop of the waiting task is closed.

    def _set(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def rung(self, timeout_seconds: float | None) -> None:
        await asyncio.wait([self._woken], timeout=timeout_seconds)


class TrioLoop:
    def __init__(self, trio: Any, token: Any) -> None:
        self._trio = trio
        self.identity = token

    def is_closed(self) -> bool:
        try:
            self.identity.run_sync_soon(_nothing, idempotent=True)
        except self._trio.RunFinishedError:
            return True
        return False

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]) -> Any:
        async def run() -> None:
            try:
                await work()
            except (KeyboardInterrupt, SystemExit):
                pass  # For the caller to raise: from here it would be an internal error of trio.
            finally:
                ended()

        return self._trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())

    def bell(self) -> Bell:
        return TrioBell(self._trio, self.identity)

    def gone(self, reason: BaseException | None) -> BaseException:
        if isinstance(reason, (KeyboardInterrupt, SystemExit)):
            return reason
        error: BaseException = self._trio.RunFinishedError("the computation was cancelled")
        return error


class TrioBell:
    def __init__(self, trio: Any, token: Any) -> None:
        self._trio, self._token = trio, token
        self._woken = trio.Event()

    def ring(self) -> None:
        try:
            self._token.run_sync_soon(self._woken.set)
        except self._trio.RunFinishedError:
            pass  # The run of the waiting task is over.

    async def rung(self, timeout_seconds: float | None) -> None:
        with self._trio.move_on_after(float("inf") if timeout_seconds is None else timeout_seconds):
            await self._woken.wait()


def _nothing() -> None:
    pass


async def beside_loop(waits: bool, threads: Threads, work: Callable[..., Any], *args: Any) -> Any:
    """What `work` gives; if it may wait, in a thread that does nothing else: the loop goes on meanwhile.

    The loop's own threads may all be waiting for this very computation.
    """
    loop = current_loop() if waits else None
    if loop is None:
        return work(*args)
    bell = loop.bell()
    done = threads.pool.submit(contextvars.copy_context().run, functools.partial(work, *args))
    done.add_done_callback(lambda _: bell.ring())
    while not done.done():
        await bell.rung(None)
    return done.result()


class Threads:
    """Threads for one kind of waiting. A child process has others."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._begin_anew()
        _forks.call_in_children(self._begin_anew)

    def _begin_anew(self) -> None:
        self.pool = ThreadPoolExecutor(self._most, thread_name_prefix=self._name)


#: Wait for disks, and for other processes that compute.
LOADS = Threads(64, "refrain-load")
#: Store results, for which other processes may wait. Never behind threads that wait for those.
STORES = Threads(16, "refrain-store")
