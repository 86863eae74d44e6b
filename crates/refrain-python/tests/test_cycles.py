"""Nothing hangs, and no computation waits for itself: computations that need each other, and loops that are blocked."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from callers import in_threads
from refrain_cache import Cache, LRUCache, RecursiveComputationError, cached_result, cached_result_sync


def test_a_computation_that_needs_itself_is_told_so():
    cache = Cache()
    calls = []

    def compute():
        calls.append(1)
        return cache.get_or_compute("k", compute)

    with pytest.raises(RecursiveComputationError, match="needs its own result"):
        cache.get_or_compute("k", compute)
    assert len(calls) == 1

    async def compute_async():
        return await cache.get_or_compute_async("k", compute_async)

    with pytest.raises(RecursionError):
        asyncio.run(asyncio.wait_for(compute_async(), 10))


def test_recursion_with_other_arguments_works():
    @cached_result_sync(cache=LRUCache())
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    @cached_result(cache=LRUCache())
    async def fibonacci_async(n):
        return n if n < 2 else await fibonacci_async(n - 1) + await fibonacci_async(n - 2)

    assert fibonacci(60) == asyncio.run(fibonacci_async(60)) == 1548008755920


def test_a_cycle_across_threads_ends():
    cache = Cache()
    both = threading.Barrier(2)

    def compute(other):
        both.wait()
        return cache.get_or_compute(other, lambda: "unreachable")

    began = time.monotonic()
    results = in_threads(2, lambda n: cache.get_or_compute("ab"[n], lambda: compute("ba"[n])))
    assert time.monotonic() - began < 5
    assert all(isinstance(result, RecursiveComputationError) for result in results)
    # Both, since the one who waited is told what became of what it waited for.


def test_a_cycle_of_tasks_ends():
    cache = Cache()

    async def compute(own, other):
        await asyncio.sleep(0.01)
        return await cache.get_or_compute_async(other, lambda: compute(other, own))

    async def main():
        calls = (cache.get_or_compute_async(own, lambda o=own, t=other: compute(o, t)) for own, other in ("ab", "ba"))
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)

    assert all(isinstance(result, RecursiveComputationError) for result in asyncio.run(main()))


def test_blocking_a_loop_on_its_own_task_computes_instead():
    cache = Cache()

    async def slow():
        await asyncio.sleep(0.05)
        return "task"

    async def main():
        task = asyncio.ensure_future(cache.get_or_compute_async("k", slow))
        await asyncio.sleep(0.01)
        # A synchronous call on the thread of the loop that the value is waited from.
        assert cache.get_or_compute("k", lambda: "here") == "here"
        assert await task == "task"

    asyncio.run(main())


def test_blocking_a_loop_through_another_thread_ends():
    """Thread waits for a task of the loop, and the loop is blocked by a wait for the thread."""
    cache = Cache()
    waits = threading.Event()

    async def on_loop():
        await asyncio.sleep(0.05)
        return "task"

    def in_thread():
        waits.set()
        return ("thread", cache.get_or_compute("task", lambda: "computed by the thread"))

    async def main():
        task = asyncio.ensure_future(cache.get_or_compute_async("task", on_loop))
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=lambda: cache.get_or_compute("thread", in_thread))
        thread.start()
        waits.wait()
        while cache.stats()["collapsed"] < 1:
            time.sleep(0.001)
        # The thread waits for the task; waiting for the thread would keep the task from running.
        assert cache.get_or_compute("thread", lambda: "computed by the loop") == "computed by the loop"
        assert await task == "task"
        thread.join()

    asyncio.run(main())


def test_a_coroutine_that_is_collected_while_somebody_looks_for_cycles_hangs_nobody():
    """The collector closed a waiting coroutine on the thread that held the lock of the wait graph, and waited for it."""
    from refrain_cache import _waiting

    cache = Cache()

    async def main():
        async def nested():
            return await cache.get_or_compute_async("inner", asyncio.Event().wait)

        caller = cache.get_or_compute_async("outer", nested)
        task = asyncio.ensure_future(caller)
        while len(cache._flights) < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        [outer] = [flight for flight in cache._flights._running.values() if flight.key == _key("outer")]
        assert len(_waiting._edges) == 1
        with _waiting._lock:
            outer.task.get_coro().close()
        assert len(_waiting._edges) == 0
        task.cancel()

    asyncio.run(main())


def _key(name):
    from refrain_cache._recipes import key_for

    return key_for(name)
