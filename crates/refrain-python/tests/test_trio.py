"""Awaiting under trio: the same computations, shared with tasks of asyncio and with threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from callers import in_threads, joined
from refrain_cache import BypassWarning, Cache, LRUCache, RecursiveComputationError, WaitTimeoutError, cached_result

trio = pytest.importorskip("trio")
anyio = pytest.importorskip("anyio")


async def gathered(call, count):
    """What `call()` gives to so many tasks of trio at once."""
    results = []

    async def run():
        results.append(await call())

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(run)
    return results


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_of_anyio_share_one_computation(backend):
    calls = []

    @cached_result(cache=LRUCache())
    async def render(prompt):
        calls.append(prompt)
        await anyio.sleep(0.01)
        return [prompt]

    async def main():
        results = []

        async def run():
            results.append(await render("a cat"))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(run)
        results.append(await render("a cat"))
        return results

    results = anyio.run(main, backend=backend)
    assert len(results) == 21 and len(set(map(id, results))) == 1
    assert calls == ["a cat"]


@pytest.mark.parametrize("leader", ["thread", "asyncio", "trio"])
def test_threads_and_tasks_of_both_loops_share_one_computation(leader):
    cache, calls = Cache(), []
    begun = threading.Event()

    def compute():
        calls.append("thread")
        begun.set()
        joined(cache, 8)
        return "value"

    async def compute_in_asyncio():
        calls.append("asyncio")
        begun.set()
        await asyncio.get_running_loop().run_in_executor(None, joined, cache, 8)
        return "value"

    async def compute_in_trio():
        calls.append("trio")
        begun.set()
        await trio.to_thread.run_sync(joined, cache, 8)
        return "value"

    async def main():
        return await asyncio.gather(*(cache.get_or_compute_async("k", compute_in_asyncio) for _ in range(3)))

    ask = {
        "thread": lambda: in_threads(3, lambda _: cache.get_or_compute("k", compute)),
        "asyncio": lambda: asyncio.run(main()),
        "trio": lambda: trio.run(gathered, lambda: cache.get_or_compute_async("k", compute_in_trio), 3),
    }
    order = [leader, *(name for name in ask if name != leader)]

    def work(number):
        if number > 0:
            begun.wait()
        return ask[order[number]]()

    # Nine callers, of whom eight wait.
    assert in_threads(3, work) == [["value"] * 3] * 3
    assert calls == [leader]


def test_a_cancelled_caller_does_not_stop_the_computation_of_trio():
    cache, calls = Cache(), []

    async def compute():
        calls.append(1)
        await trio.sleep(0.05)
        return "value"

    async def main():
        with trio.move_on_after(0.01) as scope:
            await cache.get_or_compute_async("k", compute)
        assert scope.cancelled_caught
        assert await cache.get_or_compute_async("k", compute) == "value"

    trio.run(main)
    assert calls == [1]
    assert cache.get("k") == "value"


def test_a_waiter_takes_over_when_the_run_of_trio_ends():
    cache = Cache()
    begun = threading.Event()

    async def for_ever():
        begun.set()
        await trio.sleep_forever()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cache.get_or_compute_async, "k", for_ever)
            await trio.to_thread.run_sync(joined, cache, 1)
            nursery.cancel_scope.cancel()

    run = threading.Thread(target=lambda: trio.run(main))
    run.start()
    begun.wait()
    assert cache.get_or_compute("k", lambda: "mine") == "mine"
    run.join()


def test_a_failure_reaches_every_task_of_trio():
    cache = Cache()

    async def fail():
        await trio.sleep(0.01)
        raise ValueError("no GPU")

    async def call():
        with pytest.raises(ValueError, match="no GPU"):
            await cache.get_or_compute_async("k", fail)

    trio.run(gathered, call, 5)
    assert cache.stats()["collapsed"] == 4


def test_an_exit_in_a_computation_of_trio_is_for_its_caller():
    cache = Cache()

    async def leave():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        trio.run(cache.get_or_compute_async, "k", leave)
    assert len(cache._flights) == 0


def test_a_wait_in_trio_ends_in_time():
    cache = Cache()

    async def main():
        with pytest.raises(WaitTimeoutError, match="0.01 s"):
            await cache.get_or_compute_async("k", lambda: trio.sleep(0.1), timeout_seconds=0.01)
        assert len(cache._flights) == 1

    trio.run(main)


def test_a_computation_of_trio_that_needs_itself_is_told_so():
    cache = Cache()

    async def compute():
        return await cache.get_or_compute_async("k", compute)

    async def main():
        with trio.fail_after(10), pytest.raises(RecursiveComputationError):
            await cache.get_or_compute_async("k", compute)

    trio.run(main)


def test_blocking_trio_on_its_own_task_computes_instead():
    cache = Cache()

    async def slow():
        await trio.sleep(0.05)
        return "task"

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cache.get_or_compute_async, "k", slow)
            await trio.sleep(0.01)
            # A synchronous call on the thread of the loop that the value is waited from.
            assert cache.get_or_compute("k", lambda: "here") == "here"

    trio.run(main)


def test_without_a_known_loop_the_function_is_called():
    @cached_result(cache=LRUCache())
    async def render(prompt):
        return prompt

    with pytest.warns(BypassWarning, match="neither asyncio nor trio"), pytest.raises(StopIteration, match="a cat"):
        render("a cat").send(None)


def test_the_package_does_not_import_trio():
    script = "import sys, refrain_cache; assert 'trio' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
