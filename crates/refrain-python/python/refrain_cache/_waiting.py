"""The wait graph of all caches of the process: a cycle is refused before a caller waits.

The nodes are running computations and event loops. A computation waits for another one; a computation that runs as a
task waits for its loop to come round; and a loop waits while code on its thread waits without giving it back.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional

from . import _forks
from ._errors import RecursiveComputationError

if TYPE_CHECKING:
    from ._flights import Flight

#: The computation that this thread or task is inside of.
inside: contextvars.ContextVar[Optional["Flight"]] = contextvars.ContextVar("inside", default=None)

# Reentrant, and what it guards is changed in single steps: the collector may close a coroutine that waits, on the very
# thread that is in here.
_lock = threading.RLock()
#: Which node waits for which: pairs under the identity of the wait.
_edges: dict[object, tuple[Any, Flight]] = {}


class LoopBlockedError(Exception):
    """Waiting here would keep an event loop from running what is waited for."""


@contextmanager
def waiting_for(flight: Flight, *, blocked_loop: Any = None) -> Iterator[None]:
    """Notes that the caller waits for `flight`, or computes it, until the block ends."""
    outer = inside.get()
    waiters = [blocked_loop] if blocked_loop is not None else []
    # A computation that has ended waits for nothing, though what it started may go on in its context.
    if outer is not None and not outer.ended:
        waiters.append(outer)
    noted: list[object] = []
    try:
        with _lock:
            for waiter in waiters:
                path = _path(flight, waiter)
                if path is not None:
                    raise _refusal(waiter, path)
            for waiter in waiters:
                noted.append(object())
                _edges[noted[-1]] = (waiter, flight)
        yield
    finally:
        for wait in noted:
            _edges.pop(wait, None)


def _path(start: Any, goal: Any) -> list[Any] | None:
    """From `start` to `goal`, both included, if `start` waits for it."""
    # Few: only computations and blocked loops that wait are here, not other callers.
    edges = list(_edges.values())
    seen = {start}
    paths = [[start]]
    while paths:
        path = paths.pop()
        last = path[-1]
        if last is goal:
            return path
        loop = getattr(last, "loop", None)
        following = [] if loop is None else [loop]
        following += [flight for waiter, flight in edges if waiter is last]
        for node in following:
            if node not in seen:
                seen.add(node)
                paths.append([*path, node])
    return None


def _refusal(waiter: Any, path: list[Any]) -> Exception:
    if any(not hasattr(node, "ended") for node in [waiter, *path]):
        return LoopBlockedError()
    steps = " -> ".join(str(node) for node in [waiter, *path])
    return RecursiveComputationError(f"the computation needs its own result: {steps}")


def _begin_anew() -> None:
    global _lock
    _lock = threading.RLock()
    _edges.clear()


_forks.call_in_children(_begin_anew)
