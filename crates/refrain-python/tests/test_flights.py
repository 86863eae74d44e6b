"""One computation per key, for threads and tasks together; nothing hangs, and nobody waits for himself."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from refrain_cache import (
    Cache,
    LRUCache,
    RecursiveComputationError,
    WaitTimeoutError,
    cached_result,
    cached_result_sync,
)


def in_threads(count, work):
    """What `work(n)` gives or raises in so many threads at once."""
    results = [None] * count
    start = threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


def joined(cache, count):
    """Waits until so many callers wait for a computation of the cache."""
    while cache.stats()["collapsed"] < count:
        time.sleep(0.001)


def test_threads_that_ask_at_once_share_one_computation():
    cache, calls = Cache(), []

    def compute():
        calls.append(1)
        joined(cache, 15)
        return object()

    results = in_threads(16, lambda _: cache.get_or_compute("k", compute))
    assert len(calls) == 1
    assert len(set(map(id, results))) == 1


def test_tasks_that_ask_at_once_share_one_computation():
    cache, calls = Cache(), []

    async def compute():
        calls.append(1)
        await asyncio.sleep(0.01)
        return object()

    async def main():
        return await asyncio.gather(*(cache.get_or_compute_async("k", compute) for _ in range(50)))

    assert len(set(map(id, asyncio.run(main())))) == 1
    assert len(calls) == 1


@pytest.mark.parametrize("leader", ["thread", "task"])
def test_threads_and_tasks_share_one_computation(leader):
    cache, calls = Cache(), []
    begun = threading.Event()

    def compute():
        calls.append("thread")
        begun.set()
        joined(cache, 12)
        return "value"

    async def compute_async():
        calls.append("task")
        begun.set()
        await asyncio.get_running_loop().run_in_executor(None, joined, cache, 12)
        return "value"

    async def tasks(count):
        return await asyncio.gather(*(cache.get_or_compute_async("k", compute_async) for _ in range(count)))

    def work(number):
        if number == 0:
            if leader == "thread":
                return cache.get_or_compute("k", compute)
            return asyncio.run(tasks(5))
        begun.wait()
        return asyncio.run(tasks(5)) if number == 1 else cache.get_or_compute("k", compute)

    # Twelve wait: a loop of five and seven threads for a thread, or the other four, a loop of five and three threads.
    count = {"thread": 9, "task": 5}[leader]
    results = in_threads(count, work)
    assert calls == [leader]
    assert all(result in ("value", ["value"] * 5) for result in results), results


def test_decorated_functions_collapse_too():
    calls = []

    @cached_result_sync(cache=LRUCache())
    def render(prompt):
        calls.append(prompt)
        time.sleep(0.05)
        return [prompt]

    results = in_threads(8, lambda _: render("a cat"))
    assert len(calls) == 1
    assert len(set(map(id, results))) == 1


def test_a_failure_reaches_everybody_and_the_next_call_computes():
    cache, calls = Cache(), []

    def fail():
        calls.append(1)
        joined(cache, 7)
        raise ValueError("no GPU")

    results = in_threads(8, lambda _: cache.get_or_compute("k", fail))
    assert [str(result) for result in results] == ["no GPU"] * 8
    assert len(calls) == 1
    assert cache.get_or_compute("k", lambda: "picture") == "picture"


def test_an_interrupt_is_for_its_thread_alone():
    cache, calls = Cache(), []

    def compute():
        calls.append(1)
        if len(calls) == 1:
            joined(cache, 5)
            raise KeyboardInterrupt
        return "value"

    results = in_threads(6, lambda _: cache.get_or_compute("k", compute))
    assert sorted(type(result).__name__ for result in results) == ["KeyboardInterrupt"] + ["str"] * 5
    assert len(calls) == 2


def test_a_cancelled_caller_does_not_stop_the_computation():
    cache, calls = Cache(), []

    async def compute():
        calls.append(1)
        await asyncio.sleep(0.05)
        return "value"

    async def main():
        first = asyncio.ensure_future(cache.get_or_compute_async("k", compute))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(cache.get_or_compute_async("k", compute))
        await asyncio.sleep(0.01)
        first.cancel()
        assert await second == "value"
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(main())
    assert len(calls) == 1


def test_the_value_is_stored_even_when_every_caller_was_cancelled():
    cache = Cache()

    async def compute():
        await asyncio.sleep(0.02)
        return "value"

    async def main():
        caller = asyncio.ensure_future(cache.get_or_compute_async("k", compute))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert cache.get("k") == "value"


def test_a_waiter_takes_over_when_the_loop_of_the_leader_ends():
    cache = Cache()
    begun = threading.Event()

    async def for_ever():
        begun.set()
        await asyncio.sleep(3600)

    async def main():
        asyncio.ensure_future(cache.get_or_compute_async("k", for_ever))
        await asyncio.get_running_loop().run_in_executor(None, joined, cache, 1)

    loop = threading.Thread(target=lambda: asyncio.run(main()))
    loop.start()
    begun.wait()
    assert cache.get_or_compute("k", lambda: "mine") == "mine"
    loop.join()


def test_a_waiter_takes_over_when_the_loop_of_the_leader_is_closed_without_a_word():
    cache = Cache()
    begun = threading.Event()

    async def for_ever():
        begun.set()
        await asyncio.sleep(3600)

    def lead():
        loop = asyncio.new_event_loop()
        loop.create_task(cache.get_or_compute_async("k", for_ever))
        loop.call_later(0.1, loop.stop)
        loop.run_forever()
        joined(cache, 1)
        loop.close()

    thread = threading.Thread(target=lead)
    thread.start()
    begun.wait()
    assert cache.get_or_compute("k", lambda: "mine") == "mine"
    thread.join()


def test_a_wait_ends_in_time_and_the_computation_goes_on():
    cache = Cache()
    release = threading.Event()
    begun = threading.Event()

    def compute():
        begun.set()
        release.wait()
        return "value"

    leader = threading.Thread(target=lambda: cache.get_or_compute("k", compute))
    leader.start()
    begun.wait()
    with pytest.raises(WaitTimeoutError, match="0.05 s"):
        cache.get_or_compute("k", compute, timeout_seconds=0.05)

    async def waiting():
        await cache.get_or_compute_async("k", None, timeout_seconds=0.0)

    with pytest.raises(TimeoutError):
        asyncio.run(waiting())
    release.set()
    leader.join()
    assert cache.get("k") == "value"


# Cycles.


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


# Many at once.


def test_32_threads_and_loops_at_once_agree_with_the_function():
    """Every caller gets the value of its key, whoever computes it, while entries are evicted and invalidated."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    cache = Cache(max_entries=8)
    lru = LRUCache(max_size=8)
    decorated = cached_result_sync(cache=lru, name="square")(lambda n: (n, n * n))

    @cached_result(cache=lru, name="square")
    async def decorated_async(n):
        await asyncio.sleep(0)
        return (n, n * n)

    def by_thread(rng):
        for _ in range(150):
            n = rng.randrange(20)
            choice = rng.randrange(10)
            if choice == 0:
                cache.invalidate(n)
            elif choice == 1:
                cache.invalidate_tag(f"{n % 3}")
            elif choice == 2:
                lru.clear()
            elif choice < 6:
                # A computation that calls back into the cache, always for a smaller key: no cycles.
                compute = lambda n=n: (n, n * n, n and cache.get_or_compute(n - 1, lambda: inner(n - 1))[0])  # noqa: E731
                assert cache.get_or_compute(n, compute, tags=[f"{n % 3}"])[:2] == (n, n * n)
            else:
                assert decorated(n) == (n, n * n)

    def inner(n):
        return (n, n * n, None)

    async def task(rng):
        for _ in range(40):
            n = rng.randrange(20)

            async def compute(n=n):
                await asyncio.sleep(0)
                return (n, n * n, None)

            assert (await cache.get_or_compute_async(n, compute))[:2] == (n, n * n)
            assert await decorated_async(n) == (n, n * n)

    async def tasks(rng):
        await asyncio.gather(*(task(random.Random(rng.random())) for _ in range(10)))

    def work(number):
        rng = random.Random(f"{seed}/{number}")
        if number % 8 == 0:
            asyncio.run(tasks(rng))
        else:
            by_thread(rng)

    results = in_threads(32, work)
    assert results == [None] * 32, [result for result in results if result is not None][0]
    assert len(cache._flights) == len(lru._flights) == 0
    assert len(cache) <= 8 and len(lru) <= 8


# Processes.


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_has_empty_working_caches():
    script = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import refrain_cache
from refrain_cache import Cache, LRUCache, cached_result_sync, get_cache

class Finalized:
    def __del__(self):
        if os.getpid() != parent:
            os._exit(3)

parent = os.getpid()
caches = [Cache(max_entries=7), Cache(ttl_seconds=60), LRUCache(7)]
for cache in (*caches, get_cache()):
    cache.set("k", Finalized())
    cache.get("k")

stop = threading.Event()
def churn():
    n = 0
    while not stop.is_set():
        n += 1
        for cache in caches:
            cache.set(n % 50, n, ttl_seconds=0.001)
            cache.get(n % 50)
def compute_for_ever():
    caches[0].get_or_compute("running", lambda: stop.wait() and "parent")
threads = [threading.Thread(target=churn) for _ in range(3)] + [threading.Thread(target=compute_for_ever)]
[thread.start() for thread in threads]
while caches[0].stats()["running"] == 0:
    time.sleep(0.001)

for _ in range(20):
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(10, exit=True)
        for cache in (*caches, get_cache()):
            assert len(cache) == 0, cache
            assert cache.get("k") is None
            cache.set("k", "child", ttl_seconds=60)
            assert cache.get("k") == "child"
        assert caches[0].limits()["max_entries"] == caches[2].max_size == 7
        assert caches[0].get_or_compute("running", lambda: "child") == "child"
        assert caches[2].stats["hits"] == 1
        assert cached_result_sync()(lambda: 5)() == 5
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop.set()
[thread.join() for thread in threads]
assert caches[0].get("running") == "parent"
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert done.stdout == "fine\n", done.stderr


def test_a_program_ends_while_entries_expire_and_threads_wait():
    script = """
import threading, refrain_cache
cache = refrain_cache.Cache()
for n in range(1000):
    cache.set(n, object(), ttl_seconds=0.001)
threading.Thread(target=lambda: cache.get_or_compute("k", threading.Event().wait), daemon=True).start()
threading.Thread(target=lambda: cache.get_or_compute("k", lambda: 1), daemon=True).start()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
