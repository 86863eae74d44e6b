"""One computation per key, for threads and tasks together, whichever of them fails or leaves."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest

from callers import in_threads, joined
from refrain_cache import Cache, LRUCache, SharedComputationError, WaitTimeoutError, cached_result, cached_result_sync


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


class Stubborn(Exception):
    """Cannot be copied, nor made without what it was made with."""

    made = 0

    def __new__(cls, *args):
        cls.made += 1
        if cls.made > 1:
            raise RuntimeError("no copies")
        return super().__new__(cls, *args)


class Wordy(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")
        self.first = first


@pytest.mark.parametrize(
    "error, kind",
    [(KeyError("k"), KeyError), (Wordy("a", "b"), Wordy), (OSError(2, "gone", "file"), FileNotFoundError), (UnicodeDecodeError("utf-8", b"a", 0, 1, "bad"), UnicodeDecodeError), (Stubborn(), SharedComputationError)],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
@pytest.mark.parametrize("in_tasks", [False, True], ids=["threads", "tasks"])
def test_whoever_waits_raises_an_error_of_its_own(error, kind, in_tasks):
    cache = Cache()

    def fail():
        joined(cache, 7)
        raise error

    async def fail_async():
        while cache.stats()["collapsed"] < 7:
            await asyncio.sleep(0.001)
        raise error

    def work(number):
        try:
            try:
                raise RuntimeError(f"secret of request {number}")
            except RuntimeError:
                cache.get_or_compute("k", fail)
        except Exception as own:
            return own, str(own.__context__), own.__traceback__

    async def ask():
        return await asyncio.gather(*(cache.get_or_compute_async("k", fail_async) for _ in range(8)), return_exceptions=True)

    raised = asyncio.run(ask()) if in_tasks else [each[0] for each in in_threads(8, work)]
    assert len(set(map(id, raised))) == 8
    others = [each for each in raised if each is not error]
    assert len(others) == 7
    for each in others:
        assert type(each) is kind and each.__cause__ is error
        if kind is not SharedComputationError:
            assert str(each) == str(error) and each.args == error.args and vars(each) == vars(error)
        # A traceback of its own, however many wait.
        depth, frame = 0, each.__traceback__
        while frame is not None:
            depth, frame = depth + 1, frame.tb_next
        assert depth < 12


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


def test_32_threads_and_loops_at_once_agree_with_the_function():
    """Every caller gets the value of its key, whichever caller computes it, while entries are evicted and invalidated."""
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
