"""Keys as Python has them: equal ones of different types, and ones whose `__hash__` and `__eq__` do anything."""

from __future__ import annotations

import random
import threading

import pytest

from refrain_cache import LRUCache


def test_keys_are_equal_as_in_a_dict():
    cache = LRUCache()
    cache.set(1, "one")
    assert cache.get(1.0) == cache.get(True) == "one"
    cache.set(("a", 1), "tuple")
    assert cache.get(("".join(["a"]), 1.0)) == "tuple"
    nan = float("nan")
    cache.set(nan, "nan")
    assert cache.get(nan) == "nan"
    assert cache.get(float("nan")) is None


def test_an_unhashable_key_is_a_type_error_and_changes_nothing():
    cache = LRUCache()
    for use in (cache.get, cache.delete, cache.peek, lambda key: cache.set(key, 1)):
        with pytest.raises(TypeError, match="unhashable"):
            use([])
    assert cache.stats["misses"] == 0 and len(cache) == 0


class Colliding:
    """All have one hash; equality runs what the test wants."""

    def __init__(self, name, on_eq=lambda: None):
        self.name = name
        self.on_eq = on_eq

    def __hash__(self):
        return 7

    def __eq__(self, other):
        self.on_eq()
        return isinstance(other, Colliding) and self.name == other.name


def test_keys_of_one_hash_are_told_apart():
    cache = LRUCache()
    for name in "abcdef":
        cache.set(Colliding(name), name)
    assert [cache.get(Colliding(name)) for name in "fedcba"] == list("fedcba")
    assert cache.delete(Colliding("c"))
    assert cache.get(Colliding("c")) is None
    assert cache.get(Colliding("d")) == "d"


def test_an_equality_that_raises_is_the_callers_error():
    def fail():
        raise RuntimeError("no comparison today")

    cache = LRUCache()
    cache.set(Colliding("a", fail), 1)
    with pytest.raises(RuntimeError, match="no comparison"):
        cache.get(Colliding("b"))
    assert len(cache) == 1


def test_an_equality_may_use_the_cache():
    cache = LRUCache()

    def meddle():
        cache.get("other")
        cache.set("other", random.random())
        cache.delete("another")

    for name in "abc":
        cache.set(Colliding(name, meddle), name)
    assert cache.get(Colliding("b", meddle)) == "b"


def test_an_equality_may_remove_what_is_looked_for():
    cache = LRUCache()
    meddling = Colliding("a", cache.clear)
    cache.set(meddling, 1)
    assert cache.get(Colliding("a")) is None
    cache.set(meddling, 1)
    cache.set(Colliding("a"), 2)
    assert [entry["key"] is meddling for entry in cache.get_entries_summary()] == [False]


def test_a_key_that_changes_its_hash_is_evicted_all_the_same():
    class Fickle:
        hash = 1

        def __hash__(self):
            return Fickle.hash

    cache = LRUCache(max_size=2)
    cache.set(Fickle(), 1)
    Fickle.hash = 2
    cache.set("b", 2)
    cache.set("c", 3)
    assert [entry["key"] for entry in cache.get_entries_summary()] == ["b", "c"]


def test_a_finalizer_may_use_the_cache():
    cache = LRUCache(max_size=1)

    class Noisy:
        def __del__(self):
            cache.get("b")
            len(cache)

    cache.set("a", Noisy())
    cache.set("b", 1)
    cache.set("b", Noisy())
    cache.clear()
    assert len(cache) == 0


def test_numbers_that_would_collide_in_a_plain_table_do_not_slow_it_down():
    cache = LRUCache(max_size=100_000)
    for number in range(100_000):
        cache.set(number << 40, number)
    assert all(cache.get(number << 40) == number for number in range(0, 100_000, 997))


def test_many_threads_leave_the_counters_exact():
    cache = LRUCache(max_size=64, max_memory_mb=8.0)
    lookups, threads = 3000, 8

    def work(seed):
        rng = random.Random(seed)
        for _ in range(lookups):
            key = rng.choice([rng.randrange(100), f"k{rng.randrange(100)}", Colliding(rng.randrange(5))])
            if cache.get(key) is None:
                cache.set(key, key, size_mb=rng.choice([0.0, 0.25, 1.0]))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    stats = cache.stats
    assert stats["hits"] + stats["misses"] == lookups * threads
    entries = cache.get_entries_summary()
    assert len(entries) == stats["current_items"] <= 64
    assert sum(entry["size_mb"] for entry in entries) == stats["current_memory_mb"] <= 8.0
