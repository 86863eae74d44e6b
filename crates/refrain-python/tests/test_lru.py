"""The contract of `LRUCache`, sentence by sentence."""

from __future__ import annotations

import gc
import math
import time
import weakref

import pytest

from refrain_cache import LRUCache, clear_cache, get_cache


def keys(cache):
    return [entry["key"] for entry in cache.get_entries_summary()]


def test_an_empty_cache_is_truthy():
    assert LRUCache()
    assert len(LRUCache()) == 0


def test_the_defaults_are_those_of_the_contract():
    cache = LRUCache()
    assert (cache.max_size, cache.max_memory_mb) == (1000, 512.0)
    assert cache.get_config() == {"max_size": 1000, "max_memory_mb": 512.0, "default_ttl_seconds": None}


def test_any_object_is_kept_as_it_is():
    cache = LRUCache()
    for value in (object(), [], lambda: None, type, None, float("nan"), iter(())):
        cache.set("k", value)
        assert cache.get("k") is value


def test_none_can_be_told_from_nothing_by_a_default():
    cache = LRUCache()
    nothing = object()
    cache.set("none", None)
    assert cache.get("none", nothing) is None
    assert cache.get("absent", nothing) is nothing


def test_the_least_recently_used_entry_goes_first():
    cache = LRUCache(max_size=3)
    for key in "abc":
        cache.set(key, key)
    cache.get("a")
    cache.set("d", "d")
    assert keys(cache) == ["c", "a", "d"]


def test_looking_without_counting_changes_no_order():
    cache = LRUCache(max_size=2)
    cache.set("a", 1)
    cache.set("b", 2)
    assert "a" in cache
    assert cache.peek("a") == 1
    cache.set("c", 3)
    assert keys(cache) == ["b", "c"]
    assert cache.stats["hits"] == 0


def test_an_overwrite_evicts_nothing_that_still_fits():
    cache = LRUCache(max_size=2, max_memory_mb=1.0)
    cache.set("a", 1, size_mb=0.5)
    cache.set("b", 2, size_mb=0.5)
    cache.set("a", 3, size_mb=0.5)
    assert keys(cache) == ["b", "a"]
    assert cache.stats["evictions"] == 0


def test_an_overwrite_begins_a_new_age_and_count(clock):
    cache = LRUCache(clock=clock)
    cache.set("a", 1)
    cache.get("a")
    clock.advance(10)
    cache.set("a", 2, size_mb=1.5)
    [entry] = cache.get_entries_summary()
    assert (entry["age_seconds"], entry["access_count"], entry["size_mb"]) == (0.0, 0, 1.5)


def test_sizes_that_add_up_to_the_limit_fit():
    # As floats 0.1 + 0.2 + 0.3 is more than 0.6.
    cache = LRUCache(max_memory_mb=0.6)
    for tenths in (1, 2, 3):
        cache.set(tenths, None, size_mb=tenths / 10)
    assert len(cache) == 3
    assert cache.stats["current_memory_mb"] == 0.6
    assert cache.stats["memory_utilization_percent"] == 100.0


def test_an_entry_larger_than_the_limit_is_not_stored_and_evicts_nothing():
    cache = LRUCache(max_memory_mb=1.0)
    cache.set("small", 1, size_mb=1.0)
    assert cache.set("large", 2, size_mb=1.1) is False
    assert keys(cache) == ["small"]
    assert cache.stats["evictions"] == 0


def test_a_value_too_large_to_keep_still_supersedes_the_older_one():
    cache = LRUCache(max_memory_mb=1.0)
    cache.set("a", "old")
    cache.set("b", "beside it", size_mb=1.0)
    assert cache.set("a", "new", size_mb=2.0) is False
    assert cache.get("a") is None
    assert keys(cache) == ["b"]
    assert cache.stats["evictions"] == 0


def test_an_expired_entry_is_removed_by_get_and_counts_as_a_miss(clock):
    cache = LRUCache(clock=clock)
    cache.set("a", 1, ttl_seconds=5)
    clock.advance(4.999)
    assert cache.get("a") == 1
    clock.advance(0.001)
    assert [entry["expired"] for entry in cache.get_entries_summary()] == [True]
    assert cache.get("a") is None
    assert len(cache) == 0
    assert (cache.stats["hits"], cache.stats["misses"], cache.stats["evictions"]) == (1, 1, 0)


def test_entries_expire_by_the_clock_of_the_machine_too():
    cache = LRUCache()
    cache.set("a", 1, ttl_seconds=1e-9)
    while time.monotonic() == time.monotonic():
        pass
    assert cache.get("a") is None


def test_the_default_ttl_is_for_entries_without_one(clock):
    cache = LRUCache(default_ttl_seconds=5, clock=clock)
    cache.set("default", 1)
    cache.set("own", 1, ttl_seconds=50)
    cache.set("never", 1, ttl_seconds=math.inf)
    clock.advance(5)
    assert [cache.get(key) for key in ("default", "own", "never")] == [None, 1, 1]


def test_times_in_the_summary_are_seconds_since_1970():
    cache = LRUCache()
    cache.set("a", 1, ttl_seconds=60)
    [entry] = cache.get_entries_summary()
    assert abs(entry["timestamp"] - time.time()) < 5
    assert entry["expires_at"] == pytest.approx(entry["timestamp"] + 60)
    assert list(entry) == ["key", "size_mb", "timestamp", "age_seconds", "access_count", "expires_at", "expired"]


def test_evictions_count_once_and_by_cause():
    cache = LRUCache(max_size=3, max_memory_mb=1.0)
    for key in "abc":
        cache.set(key, 1, size_mb=0.3)
    cache.set("d", 1)  # too many
    cache.set("e", 1, size_mb=1.0)  # too many, and then too large
    stats = cache.stats
    assert (stats["evictions"], stats["evictions_by_count"], stats["evictions_by_size"]) == (3, 2, 1)
    assert keys(cache) == ["d", "e"]


def test_smaller_limits_evict_at_once():
    cache = LRUCache(max_size=10)
    for number in range(10):
        cache.set(number, number, size_mb=1.0)
    assert cache.update_config(max_size=8)["max_size"] == 8
    cache.update_config(max_memory_mb=3.0)
    assert keys(cache) == [7, 8, 9]
    assert (cache.stats["evictions_by_count"], cache.stats["evictions_by_size"]) == (2, 5)


def test_clear_keeps_the_counters_and_reset_stats_zeroes_them():
    cache = LRUCache(max_size=1)
    cache.set("a", 1, size_mb=2.0)
    cache.set("b", 1)
    cache.get("b")
    cache.get("absent")
    assert cache.clear() == 1
    assert [cache.stats[name] for name in ("hits", "misses", "evictions", "current_items")] == [1, 1, 1, 0]
    cache.reset_stats()
    assert [cache.stats[name] for name in ("hits", "misses", "evictions")] == [0, 0, 0]
    assert cache.stats["max_memory_seen_mb"] == 2.0


def test_delete_says_whether_there_was_an_entry():
    cache = LRUCache()
    cache.set("a", 1)
    assert (cache.delete("a"), cache.delete("a")) == (True, False)


def test_stats_are_live_and_get_stats_is_rounded():
    cache = LRUCache(max_memory_mb=3.0)
    stats = cache.stats
    cache.set("a", 1, size_mb=1.0)
    cache.get("a"), cache.get("b"), cache.get("c")
    assert stats["hits"] == 1
    assert stats["hit_rate_percent"] == 100 / 3
    assert stats["memory_utilization_percent"] == 100 / 3
    rounded = cache.get_stats()
    assert rounded["hit_rate_percent"] == 33.33
    assert rounded["memory_utilization_percent"] == 33.33
    assert list(rounded) == list(stats)
    assert isinstance(rounded, dict)
    cache.get("a")
    assert rounded["hits"] == 1 and stats["hits"] == 2


def test_the_process_has_one_cache():
    cache = get_cache()
    assert get_cache(max_size=1) is cache
    assert cache.max_size != 1
    cache.set("a", 1)
    clear_cache()
    assert len(cache) == 0


def test_a_subclass_works():
    class Mine(LRUCache):
        def get(self, key, default=None):
            return super().get(key, default), "mine"

    cache = Mine(max_size=2)
    cache.set("a", 1)
    assert cache.get("a") == (1, "mine")


def test_cycles_through_entries_are_collected():
    class Holder:
        pass

    holder = Holder()
    holder.cache = LRUCache()
    holder.cache.set("me", holder)
    holder.cache.set(holder, 1)
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None


def test_values_leave_with_their_entries():
    class Value:
        pass

    cache = LRUCache(max_size=1)
    value = Value()
    gone = weakref.ref(value)
    cache.set("a", value)
    del value
    assert gone() is not None
    cache.set("b", 1)
    assert gone() is None
