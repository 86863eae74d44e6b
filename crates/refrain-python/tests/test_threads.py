"""Threads that use one cache at once, with the interpreter's lock and without: nothing is lost, counted twice or done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import sysconfig
import threading
from collections import Counter

import pytest

import refrain_cache
from callers import in_threads
from refrain_cache import BypassWarning, Cache, LRUCache, cached_result_sync, get_cache
from refrain_cache._flights import Flight

THREADS = 8


def without_errors(results):
    """The results, none of which may be an error."""
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter has its lock always")
def test_importing_the_package_leaves_the_interpreter_lock_off():
    script = "import sys, refrain_cache; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_every_lookup_and_every_entry_is_counted_once():
    cache = LRUCache(max_size=100)

    def work(thread):
        dice, seen = random.Random(thread), Counter()
        for number in range(3000):
            seen["stored"] += cache.set((thread, number), number, size_mb=1.0)
            key = (dice.randrange(THREADS), max(0, number - dice.randrange(20)))
            seen["misses" if cache.get(key) is None else "hits"] += 1
            seen["deleted"] += cache.delete((thread, number - dice.randrange(20)))
        return seen

    seen = sum(without_errors(in_threads(THREADS, work)), Counter())
    stats = cache.get_stats()
    assert (stats["hits"], stats["misses"]) == (seen["hits"], seen["misses"])
    assert stats["evictions"] == stats["evictions_by_count"] > 0
    # All keys are different, so nothing is replaced: what was stored has been evicted or deleted, or is there.
    assert stats["current_items"] == seen["stored"] - stats["evictions"] - seen["deleted"]
    assert stats["current_items"] == stats["current_memory_mb"] == len(cache.get_entries_summary()) <= 100


def test_the_order_of_use_is_whole_after_threads_have_used_the_cache():
    cache = LRUCache(max_size=50)

    def work(thread):
        dice = random.Random(thread)
        for _ in range(3000):
            key = dice.randrange(100)
            dice.choice([cache.get, cache.delete, cache.peek, lambda key: cache.set(key, key)])(key)

    without_errors(in_threads(THREADS, work))
    in_order = [entry["key"] for entry in cache.get_entries_summary()]
    assert len(in_order) == len(set(in_order)) == len(cache)
    assert all(cache.peek(key) == key for key in in_order)
    cache.update_config(max_size=len(in_order))
    for number, oldest in enumerate(in_order):
        assert oldest in cache
        cache.set(("new", number), 1)
        assert oldest not in cache


class Slow:
    """A key that Python compares: other threads use the cache meanwhile."""

    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return self.number % 3

    def __eq__(self, other):
        return self.number == other.number


def test_a_key_has_one_entry_though_threads_store_it_while_it_is_compared():
    cache = LRUCache(max_size=8)

    def work(thread):
        dice = random.Random(thread)
        for _ in range(500):
            number = dice.randrange(10)
            cache.set(Slow(number), number)
            number = dice.randrange(10)
            assert cache.get(Slow(number)) in (number, None)
            if dice.random() < 0.1:
                cache.delete(Slow(dice.randrange(10)))

    without_errors(in_threads(THREADS, work))
    held = [entry["key"].number for entry in cache.get_entries_summary()]
    assert len(held) == len(set(held)) == len(cache)


@pytest.mark.parametrize("decorate", ["cached_result_sync", "Cache.cached"])
def test_a_decorated_function_runs_once_for_each_argument_and_every_call_is_counted_once(decorate):
    count, calls = 200, []
    cache = LRUCache() if decorate == "cached_result_sync" else Cache()
    decorator = cached_result_sync(cache=cache) if decorate == "cached_result_sync" else cache.cached()

    @decorator
    def compute(number, text="x"):
        calls.append(number)
        return object()

    def work(thread):
        order = list(range(count)) * 5
        random.Random(thread).shuffle(order)
        return Counter((number, id(compute(number))) for number in order)

    results = sum(without_errors(in_threads(THREADS, work)), Counter())
    assert sorted(calls) == list(range(count))
    assert len(results) == count
    assert set(results.values()) == {THREADS * 5}
    if isinstance(cache, LRUCache):
        # Each call looks once. Those that waited for the one that computes had looked, and found nothing.
        assert cache.stats["hits"] + cache.stats["misses"] == THREADS * count * 5
        assert cache.stats["current_items"] == count
    else:
        stats = cache.stats()
        assert (stats["misses"], stats["entries"], stats["running"]) == (count, count, 0)
        assert stats["hits"] + stats["misses"] + stats["collapsed"] == THREADS * count * 5


def test_every_call_is_counted_once_though_entries_are_evicted_meanwhile():
    cache = Cache(max_entries=20, policy="lru")

    @cache.cached()
    def compute(number):
        return number

    def work(thread):
        dice = random.Random(thread)
        return all(compute(number) == number for number in dice.choices(range(60), k=3000))

    assert all(without_errors(in_threads(THREADS, work)))
    stats = cache.stats()
    assert stats["hits"] + stats["misses"] + stats["collapsed"] == THREADS * 3000


def test_the_process_has_one_cache_though_threads_ask_for_it_at_once(monkeypatch):
    for _ in range(50):
        monkeypatch.setattr("refrain_cache._lru._process_wide", None)
        caches = in_threads(THREADS, lambda _: get_cache())
        assert len(set(map(id, caches))) == 1 and isinstance(caches[0], LRUCache)


def test_threads_that_go_past_the_cache_are_told_once_together():
    @cached_result_sync(cache=LRUCache())
    def compute(unkeyable):
        return 5

    with pytest.warns(BypassWarning) as told:
        assert in_threads(THREADS, lambda _: [compute(object()) for _ in range(50)]) == [[5] * 50] * THREADS
    assert len(told) == 1


def test_a_set_that_another_thread_changes_does_not_break_the_call():
    items, done = set(range(1000)), threading.Event()

    @cached_result_sync(cache=LRUCache())
    def compute(items):
        return 5

    def work(thread):
        if thread == 0:
            while not done.is_set():
                items.add(1000)
                items.discard(1000)
            return 5
        try:
            return {compute(items) for _ in range(2000)}.pop()
        finally:
            done.set()

    assert without_errors(in_threads(2, work)) == [5, 5]


def test_the_first_who_ends_a_computation_tells_how_it_ended():
    flights = [Flight("key", None, None) for _ in range(2000)]

    def work(thread):
        for flight in flights:
            flight.end("value", thread)

    without_errors(in_threads(THREADS, work))
    assert all(flight.ended for flight in flights)


def test_limits_that_threads_set_at_once_are_the_limits_that_hold():
    cache = Cache(max_entries=1, policy="lru")

    def work(thread):
        for _ in range(300):
            cache.set_limits(max_entries=10 + thread)

    without_errors(in_threads(THREADS, work))
    for number in range(30):
        cache.set(number, number)
    assert len(cache) == cache.limits()["max_entries"] >= 10
