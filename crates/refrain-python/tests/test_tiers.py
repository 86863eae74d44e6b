"""`Cache` with a disk below it: one cache whose results outlive the process, and nothing invalidated comes back."""

from __future__ import annotations

import asyncio
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from callers import in_threads, joined
from refrain_cache import BypassWarning, Cache, DiskError, DiskTier


@pytest.fixture
def tier(tmp_path):
    with DiskTier(tmp_path / "results") as tier:
        yield tier


@pytest.fixture
def cache(tier):
    return Cache(disk=tier)


class Slow:
    """Lookups of the tier stop after reading, until they are let go."""

    def __init__(self, tier):
        self.read, self.go = threading.Event(), threading.Event()
        self._decoded, self._tier = tier._decoded, tier
        tier._decoded = self

    def __call__(self, codec, content):
        found = self._decoded(codec, content)
        self.read.set()
        assert self.go.wait(20)
        return found

    def step_aside(self):
        """Those who look from now on are not stopped."""
        self._tier._decoded = self._decoded

    def end(self):
        self.step_aside()
        self.go.set()


def never():
    raise AssertionError("it is stored")


def test_what_is_not_in_memory_comes_from_disk_and_is_put_there(tier):
    Cache(disk=tier).set("k", "value", cost_seconds=90, tags=["t"], ttl_seconds=60)
    cache = Cache(disk=tier)
    assert "k" in cache and len(cache) == 0
    assert cache.get("k") == "value"
    info = cache.info("k")
    assert (info["cost_seconds"], info["tags"]) == (90, ["t"]) and 50 < info["expires_in_seconds"] <= 60
    assert cache.get("k") == cache.get_or_compute("k", never) == "value"
    stats = cache.stats()
    # What was loaded is neither a miss nor a computation.
    assert (stats["hits"], stats["loads"], stats["misses"], stats["disk"]["hits"]) == (2, 1, 0, 1)
    assert (stats["computations"], stats["seconds_spent"], stats["seconds_saved_by_loads"]) == (0, 0, 90)
    assert cache.get("absent", 5) == 5 and "absent" not in cache
    assert cache.stats()["misses"] == 1


@pytest.mark.parametrize("way", ["get_or_compute", "get_or_compute_async", "cached", "cached async"])
def test_what_is_computed_is_there_in_the_next_process(tmp_path, way):
    calls = []

    def compute():
        calls.append(1)
        return ["value"]

    async def compute_async():
        return compute()

    def ask(cache):
        if way == "get_or_compute":
            return cache.get_or_compute("k", compute, tags=["t"], cost_seconds=3)
        if way == "get_or_compute_async":
            return asyncio.run(cache.get_or_compute_async("k", compute_async, tags=["t"], cost_seconds=3))
        decorated = cache.cached(key=lambda: "k", name="compute", tags=["t"], cost_seconds=3)(compute if way == "cached" else compute_async)
        keys.append(decorated.cache_key())
        return decorated() if way == "cached" else asyncio.run(decorated())

    keys = ["k"]
    for _ in range(2):
        with DiskTier(tmp_path) as tier:
            assert ask(Cache(disk=tier)) == ask(Cache(disk=tier)) == ["value"]
            entry = tier.entry(keys[-1])
            own = ("function:compute",) if way.startswith("cached") else ()
            assert (entry.tags, entry.cost_seconds, entry.codec) == (("t", *own), 3, "json")
    assert len(calls) == 1


def test_the_time_to_live_of_the_cache_holds_on_disk(tmp_path, clock):
    with DiskTier(tmp_path, clock=clock) as tier:
        cache = Cache(ttl_seconds=10, disk=tier, clock=clock)
        cache.set("set", 1)
        cache.get_or_compute("computed", lambda: 1)
        cache.get_or_compute("longer", lambda: 1, ttl_seconds=20)
        clock.advance(10)
        cache = Cache(disk=tier, clock=clock)
        assert [cache.get(key) for key in ("set", "computed", "longer")] == [None, None, 1]
        clock.advance(10)
        assert cache.get("longer") is None


def test_what_is_too_large_for_memory_is_on_disk(tier):
    cache = Cache(max_bytes=1000, disk=tier)
    assert cache.set("k", bytes(5000)) is True
    assert len(cache) == 0
    assert cache.get("k") == cache.get_or_compute("k", never) == bytes(5000)


def test_a_value_that_no_codec_takes_is_in_memory_only_and_replaces_what_is_on_disk(tier, cache):
    cache.set("k", "older")
    newer = object()
    with pytest.warns(BypassWarning, match="an? object is kept in memory only") as warned:
        assert cache.set("k", newer) is True
        assert cache.get_or_compute("other", lambda: newer) is newer
    assert len(warned) == 1
    assert cache.get("k") is newer
    assert len(tier) == 0


def test_a_result_that_can_be_read_once_is_stored_nowhere(tmp_path):
    with DiskTier(tmp_path, codec="pickle") as tier:
        cache = Cache(disk=tier)
        with pytest.warns(BypassWarning, match="read only once"):
            assert list(cache.get_or_compute("k", lambda: iter([1]))) == [1]
        assert len(tier) == len(cache) == 0


def test_entries_go_from_both(tier, cache):
    for number in range(6):
        cache.get_or_compute(number, lambda: number, tags=["all", f"model:{number % 2}"])
    assert cache.invalidate(0) and not cache.invalidate(0)
    Cache(disk=tier).set(7, 7, tags=["model:1"])
    assert cache.invalidate_tag("model:1") == 4
    assert [number in cache for number in range(6)] == [False, False, True, False, True, False]
    assert cache.clear() == 2
    assert (len(cache), len(tier)) == (0, 0)


def test_refresh_looks_at_neither(tier, cache):
    cache.set("k", "old")
    assert cache.get_or_compute("k", lambda: "new", refresh=True) == "new"
    assert cache.get("k") == tier.get("k") == "new"


def test_a_failed_refresh_leaves_what_there_was(tier, cache):
    cache.set("k", "old")
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("k", lambda: 1 / 0, refresh=True)
    assert cache.get("k") == tier.get("k") == "old"


CHANGES = {
    "key": lambda cache: cache.invalidate("k"),
    "tag": lambda cache: cache.invalidate_tag("t"),
    "clear": lambda cache: cache.clear(),
    "set": lambda cache: cache.set("k", "newer"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("way", ["thread", "task"])
def test_what_is_invalidated_while_it_is_computed_is_stored_nowhere(tier, cache, change, way):
    def compute():
        change(cache)
        return "older"

    async def compute_async():
        return compute()

    if way == "thread":
        assert cache.get_or_compute("k", compute, tags=["t"]) == "older"
    else:
        assert asyncio.run(cache.get_or_compute_async("k", compute_async, tags=["t"])) == "older"
    expected = "newer" if change is CHANGES["set"] else None
    assert cache.get("k") == tier.get("k") == Cache(disk=tier).get("k") == expected


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("way", ["get", "get_or_compute"])
def test_what_is_invalidated_while_it_is_read_is_not_put_into_memory(tier, cache, change, way):
    tier.set("k", "older", tags=["t"])
    slow, results = Slow(tier), []
    ask = {"get": lambda: cache.get("k"), "get_or_compute": lambda: cache.get_or_compute("k", never)}[way]
    reader = threading.Thread(target=lambda: results.append(ask()))
    reader.start()
    assert slow.read.wait(20)
    change(cache)
    slow.step_aside()
    expected = "newer" if change is CHANGES["set"] else None
    assert cache.get("k") == expected
    # Who asks from now on does not wait for what was read before.
    assert cache.get_or_compute("k", lambda: "newest") == (expected or "newest")
    slow.go.set()
    reader.join()
    assert results == ["older"]
    assert cache.get("k") == tier.get("k") == (expected or "newest")


@pytest.mark.parametrize("way", ["get", "get_or_compute"])
def test_a_refresh_does_not_get_what_somebody_else_reads_from_disk(tier, cache, way):
    tier.set("k", "older")
    slow, results = Slow(tier), []
    ask = {"get": lambda: cache.get("k"), "get_or_compute": lambda: cache.get_or_compute("k", never)}[way]
    reader = threading.Thread(target=lambda: results.append(ask()))
    reader.start()
    assert slow.read.wait(20)
    assert cache.get_or_compute("k", lambda: "newer", refresh=True) == "newer"
    slow.end()
    reader.join()
    assert results == ["older"]
    assert cache.get("k") == tier.get("k") == "newer"


def test_a_look_does_not_wait_for_a_computation(tier, cache):
    begun, go = threading.Event(), threading.Event()

    def compute():
        begun.set()
        assert go.wait(20)
        return "computed"

    leader = threading.Thread(target=lambda: cache.get_or_compute("k", compute))
    leader.start()
    assert begun.wait(20)
    assert cache.get("k") is None
    # It goes on, and may be joined.
    waiter = threading.Thread(target=lambda: cache.get_or_compute("k", never))
    waiter.start()
    joined(cache, 1)
    go.set()
    [thread.join() for thread in (leader, waiter)]
    assert cache.get("k") == "computed"
    assert tier.stats()["stores"] == 1


def test_memory_and_disk_change_in_the_same_order(tier, cache):
    encoded, others = tier._encoded, []

    def encoded_while_another_one_sets(value):
        tier._encoded = encoded
        others.append(threading.Thread(target=lambda: cache.set("k", "second")))
        others[0].start()
        others[0].join()
        return encoded(value)

    tier._encoded = encoded_while_another_one_sets
    assert cache.set("k", "first") is False
    others[0].join()
    assert cache.get("k") == tier.get("k") == "second"


def test_who_asks_while_another_one_looks_shares_the_look(tier, cache):
    tier.set("k", "value")
    slow = Slow(tier)
    reader = threading.Thread(target=lambda: cache.get("k"))
    reader.start()
    assert slow.read.wait(20)
    threads = [threading.Thread(target=lambda: cache.get_or_compute("k", never)) for _ in range(4)]
    [thread.start() for thread in threads]
    joined(cache, 4)
    slow.end()
    [thread.join() for thread in (reader, *threads)]
    assert tier.stats()["hits"] == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_goes_on_while_the_disk_is_read_and_written(tier, cache, backend):
    anyio = pytest.importorskip("anyio")
    if backend == "trio":
        pytest.importorskip("trio")
    tier.set("stored", "value")
    slow, wrote, write = Slow(tier), threading.Event(), threading.Event()
    encoded = tier._encoded

    def slowly_encoded(value):
        wrote.set()
        assert write.wait(20)
        return encoded(value)

    tier._encoded = slowly_encoded

    async def compute():
        return "computed"

    async def main():
        async def ask(key, expected):
            assert await cache.get_or_compute_async(key, compute) == expected

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "stored", "value")
            tasks.start_soon(ask, "k", "computed")
            for step, go in ((slow.read, slow.go), (wrote, write)):
                while not step.is_set():
                    await anyio.lowlevel.checkpoint()
                go.set()

    anyio.run(main, backend=backend)
    assert tier.get("k") == cache.get("k") == "computed"


def test_a_loop_whose_threads_all_wait_for_the_result_gets_it(tier, cache):
    """The disk is not read in the loop's own threads."""

    async def main():
        loop, everybody_waits = asyncio.get_running_loop(), asyncio.Event()
        loop.set_default_executor(ThreadPoolExecutor(1))

        async def compute():
            await everybody_waits.wait()
            return "value"

        leader = loop.create_task(cache.get_or_compute_async("k", compute))
        await asyncio.sleep(0)
        waiter = loop.run_in_executor(None, cache.get_or_compute, "k", never)
        while cache.stats()["collapsed"] < 1:
            await asyncio.sleep(0)
        everybody_waits.set()
        return await leader, await waiter

    assert asyncio.run(main()) == ("value", "value")


def test_a_function_that_depends_on_what_is_around_it_needs_a_name(tier, cache):
    def scaled_by(factors, **settings):
        return cache.cached(**settings)(lambda value: value * factors[0])

    with pytest.raises(TypeError, match="factors"):
        scaled_by([2])
    assert [scaled_by([factor], name=f"by {factor}")(5) for factor in (2, 3)] == [10, 15]
    # What cannot change is told.
    assert [scaled_by((factor,))(5) for factor in (2, 3)] == [10, 15]
    assert len(tier) == 4
    cache = Cache()
    assert [scaled_by([factor])(5) for factor in (2, 3)] == [10, 15]


def test_a_disk_that_refuses_costs_no_result(tier, cache):
    cache.set("k", "value", tags=["t"])
    files = pathlib.Path(tier.path, "v2")
    files.rename(f"{files} of before")
    files.write_text("")
    with pytest.warns(BypassWarning, match="was not (written|removed)"):
        assert cache.get_or_compute("other", lambda: "computed") == "computed"
        assert cache.set("third", 3) is True
    assert (cache.get("other"), cache.get("third"), cache.get("k")) == ("computed", 3, "value")
    assert cache.stats()["disk"]["errors"] >= 2


FAST = 10_000


@pytest.fixture
def slow_disk(tmp_path):
    """A cache to whose clock every disk is slow: a hundredth of a second is longer than an operation may take."""
    with DiskTier(tmp_path / "slow") as tier:
        yield Cache(disk=tier, clock=lambda: time.monotonic() * FAST, max_bytes=None)


LARGE = bytes(150_000_000)


def test_a_disk_that_is_too_slow_costs_its_deadline_and_no_result(slow_disk):
    assert slow_disk.get_or_compute("k", lambda: LARGE) is LARGE
    (tier,) = slow_disk.stats()["tiers"]
    assert (tier["name"], tier["timeouts"], tier["stores"], tier["overdue"]) == ("disk", 1, 0, True)
    # Meanwhile it is not asked: nothing waits behind what stands still.
    assert slow_disk.get_or_compute("other", lambda: 1) == 1
    (tier,) = slow_disk.stats()["tiers"]
    assert (tier["timeouts"], tier["skipped"] >= 1) == (1, True)
    assert slow_disk.stats()["computations"] == 2
    while slow_disk.stats()["tiers"][0]["overdue"]:
        time.sleep(0.01)


def test_a_stored_result_that_comes_too_late_is_computed(slow_disk):
    DiskTier.set(slow_disk._disk, "k", LARGE)
    assert slow_disk.get_or_compute("k", lambda: "computed") == "computed"
    (tier,) = slow_disk.stats()["tiers"]
    assert tier["timeouts"] >= 1 and slow_disk.stats()["loads"] == 0


@pytest.mark.filterwarnings("ignore::refrain_cache.BypassWarning")
def test_a_disk_that_fails_again_and_again_is_left_alone_for_a_while(tmp_path, clock):
    with DiskTier(tmp_path, clock=clock) as tier:
        cache = Cache(disk=tier, clock=clock)
        files = pathlib.Path(tier.path, "v2")
        files.rename(f"{files} of before")
        files.write_text("")
        for number in range(4):
            assert cache.get_or_compute(number, lambda number=number: number) == number
        (told,) = cache.stats()["tiers"]
        assert (told["suspended"], told["errors"], told["skipped"]) == (True, 3, 1)
        files.unlink()
        clock.advance(5)
        assert cache.get_or_compute("k", lambda: "value") == "value"
        assert cache.stats()["tiers"][0]["suspended"] is False and tier.get("k") == "value"


@pytest.mark.parametrize("way", ["thread", "task"])
def test_a_loaded_value_is_no_computation_however_many_wait_for_it(tier, cache, way):
    tier.set("k", "value", cost_seconds=30)

    async def never_async():
        never()

    async def ask_at_once():
        return await asyncio.gather(*(cache.get_or_compute_async("k", never_async) for _ in range(5)))

    values = in_threads(5, lambda _: cache.get_or_compute("k", never)) if way == "thread" else asyncio.run(ask_at_once())
    assert values == ["value"] * 5
    stats = cache.stats()
    assert (stats["loads"], stats["computations"], stats["misses"], stats["tiers"][0]["hits"]) == (1, 0, 0, 1)
    assert stats["hits"] + stats["collapsed"] == 4


def test_what_is_invalidated_by_hand_while_it_is_computed_is_stored_by_no_cache_above(tier, cache):
    for change in (lambda: tier.invalidate("k"), lambda: tier.invalidate_tag("t"), tier.clear, lambda: tier.set("k", "newer")):

        def compute():
            change()
            return "older"

        assert cache.get_or_compute("k", compute, tags=["t"]) == "older"
        assert tier.get("k") in (None, "newer")
        cache.clear()


def test_an_interrupt_while_a_value_is_written_reaches_the_caller(tier, cache):
    def interrupted(value):
        raise KeyboardInterrupt

    tier._encoded = interrupted
    with pytest.raises(KeyboardInterrupt):
        cache.set("k", "value")
    del tier._encoded
    assert cache.get_or_compute("other", lambda: 1) == 1


def test_an_invalidation_that_the_disk_refuses_is_an_error_and_holds_in_this_process(tier, cache):
    cache.set("k", "value", tags=["t"])
    (file,) = pathlib.Path(tier.path).glob("v2/??/*")
    file.unlink()
    (file / "something").mkdir(parents=True)
    for promise in (lambda: cache.invalidate("k"), lambda: cache.invalidate_tag("t"), cache.clear):
        with pytest.raises(DiskError):
            promise()
        assert cache.get("k") is None


def test_a_tier_that_is_only_read_is_looked_at_and_left_as_it_is(tier):
    tier.set("k", "stored", tags=["t"])
    cache = Cache(disk=DiskTier(tier.path, read_only=True))
    assert cache.get_or_compute("k", never) == "stored"
    assert cache.get_or_compute("other", lambda: "computed") == cache.get("other") == "computed"
    assert cache.set("k", "set") is True and cache.get("k") == "set"
    assert (cache.invalidate("k"), cache.invalidate_tag("t"), cache.clear()) == (True, 0, 1)
    # Only memory has forgotten it.
    assert cache.get("k") == tier.get("k") == "stored"
    assert len(tier) == 1


def test_a_cache_goes_on_with_a_tier_that_was_closed(tier, cache):
    cache.set("k", "value")
    tier.close()
    assert cache.get_or_compute("other", lambda: 1) == 1
    assert cache.set("third", 3) and cache.invalidate("k")
    assert [cache.get(key) for key in ("other", "third", "k")] == [1, 3, "value"]


def test_an_invalidation_reaches_a_computation_that_began_after_another_one():
    """Also without a disk: the one begun first stands in front of it no more."""
    cache = Cache()
    events = {name: (threading.Event(), threading.Event()) for name in "ab"}

    def lead(name):
        begun, go = events[name]

        def compute():
            begun.set()
            assert go.wait(20)
            return name

        cache.get_or_compute("k", compute, tags=["t"])

    def start(name):
        thread = threading.Thread(target=lead, args=(name,))
        thread.start()
        assert events[name][0].wait(20)
        return thread

    def end(name, thread):
        events[name][1].set()
        thread.join()

    first = start("a")
    cache.invalidate_tag("t")
    second = start("b")
    cache.invalidate_tag("t")
    end("a", first)
    end("b", second)
    assert cache.get("k") is None
    [event.clear() for pair in events.values() for event in pair]
    first = start("a")
    cache.invalidate_tag("t")
    second = start("b")
    end("b", second)
    end("a", first)
    assert cache.get("k") == "b"


def test_threads_and_loops_at_once_agree_with_the_function(tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    tier = DiskTier(tmp_path, max_entries=12)
    cache = Cache(max_entries=3, disk=tier)

    def by_thread(rng):
        for _ in range(60):
            n = rng.randrange(16)
            choice = rng.randrange(12)
            if choice == 0:
                cache.invalidate(n)
            elif choice == 1:
                cache.invalidate_tag(f"{n % 3}")
            elif choice == 2:
                cache.set(n, [n, n * n], tags=[f"{n % 3}"])
            elif choice < 6:
                assert cache.get(n) in (None, [n, n * n])
            else:
                refresh = choice == 6
                assert cache.get_or_compute(n, lambda n=n: [n, n * n], tags=[f"{n % 3}"], refresh=refresh) == [n, n * n]

    async def task(rng):
        for _ in range(20):
            n = rng.randrange(16)

            async def compute(n=n):
                await asyncio.sleep(0)
                return [n, n * n]

            assert await cache.get_or_compute_async(n, compute, tags=[f"{n % 3}"]) == [n, n * n]

    async def tasks(rng):
        await asyncio.gather(*(task(random.Random(rng.random())) for _ in range(6)))

    def work(number):
        rng = random.Random(f"{seed}/{number}")
        if number % 4 == 0:
            asyncio.run(tasks(rng))
        else:
            by_thread(rng)

    results = in_threads(12, work)
    assert results == [None] * 12, [result for result in results if result is not None][0]
    assert len(cache._flights) == 0 and len(cache) <= 3 and len(tier) <= 12
    assert (tier.stats()["errors"], tier.stats()["damaged"]) == (0, 0)
    tier.close()
    with DiskTier(tmp_path) as again:
        assert all(again.get(key)[1] == again.get(key)[0] ** 2 for key, _ in again.entries())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_shares_the_folder_of_its_parent(tmp_path):
    script = """
import asyncio, gc, os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from refrain_cache import Cache, DiskTier
tier = DiskTier(sys.argv[1])
cache = Cache(max_entries=3, disk=tier)
tickets = [tier.begin() for _ in range(10)]
stop = threading.Event()
def churn():
    n = 0
    while not stop.is_set():
        n += 1
        cache.set(n % 10, n)
        cache.get(n % 10)
        cache.invalidate(n % 7)
threads = [threading.Thread(target=churn) for _ in range(3)]
[thread.start() for thread in threads]
async def value():
    return "computed"
cache.set("k", "of the parent")
asyncio.run(cache.get_or_compute_async("before", value))
for number in range(10):
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(20, exit=True)
        assert len(cache) == 0 and not tier.read_only
        assert cache.get("k") == "of the parent"
        assert cache.get_or_compute(("child", number), lambda: "computed") == cache.get(("child", number)) == "computed"
        assert asyncio.run(cache.get_or_compute_async(("async", number), value)) == "computed"
        assert tier.set(("tier", number), "of the child")
        assert cache.set("gone", "of the child") and cache.invalidate("gone")
        tickets.clear()
        gc.collect()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop.set()
[thread.join() for thread in threads]
assert tier.get("k") == cache.get("k") == "of the parent"
for number in range(10):
    assert cache.get(("child", number)) == tier.get(("async", number)) == "computed"
    assert tier.get(("tier", number)) == "of the child" and tier.get("gone") is None
tier.close()
DiskTier(sys.argv[1]).set("k", "again")
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=50)
    assert done.stdout == "fine\n", done.stderr
