"""Sizes, limits and times that are negative, not a number, or enormous: what becomes of each."""

from __future__ import annotations

import math

import pytest

from refrain_cache import LRUCache


@pytest.mark.parametrize("max_size", [0, -1, -(2**63)])
def test_a_limit_of_no_entries_is_refused(max_size):
    with pytest.raises(ValueError, match="`max_size` is .* 1 or more"):
        LRUCache(max_size=max_size)


@pytest.mark.parametrize("max_memory_mb", [0, 0.0, -1, math.nan, -math.inf])
def test_a_limit_of_no_memory_is_refused(max_memory_mb):
    with pytest.raises(ValueError, match="`max_memory_mb` is"):
        LRUCache(max_memory_mb=max_memory_mb)


@pytest.mark.parametrize("ttl", [0, -1, math.nan])
def test_a_default_time_to_live_of_nothing_is_refused(ttl):
    with pytest.raises(ValueError, match="`default_ttl_seconds` is"):
        LRUCache(default_ttl_seconds=ttl)


@pytest.mark.parametrize("wrong", ["10", 1.5, None, [], 2**63])
def test_limits_of_the_wrong_type_are_refused(wrong):
    with pytest.raises((TypeError, OverflowError)):
        LRUCache(max_size=wrong)


def test_a_refused_change_changes_nothing():
    cache = LRUCache(max_size=5, max_memory_mb=5.0, default_ttl_seconds=5)
    for wrong in ({"max_size": 0}, {"max_memory_mb": math.nan}, {"default_ttl_seconds": -1}):
        with pytest.raises(ValueError):
            cache.update_config(**{"max_size": 1, "max_memory_mb": 1.0, "default_ttl_seconds": 1, **wrong})
    assert cache.get_config() == {"max_size": 5, "max_memory_mb": 5.0, "default_ttl_seconds": 5.0}


def test_for_ever_is_infinite():
    cache = LRUCache(max_memory_mb=math.inf, default_ttl_seconds=5)
    assert cache.max_memory_mb == math.inf
    assert cache.update_config(default_ttl_seconds=math.inf)["default_ttl_seconds"] is None
    cache.set("a", 1, size_mb=math.inf)
    assert cache.get_stats()["memory_utilization_percent"] == 0.0


@pytest.mark.parametrize("size_mb", [-1, -1e-9, math.nan, -math.inf])
def test_a_size_below_nothing_is_refused_and_nothing_changes(size_mb):
    cache = LRUCache()
    cache.set("a", "old")
    with pytest.raises(ValueError, match="`size_mb` is"):
        cache.set("a", "new", size_mb=size_mb)
    assert cache.get("a") == "old"


@pytest.mark.parametrize("size_mb", [513, 1e300, math.inf])
def test_an_enormous_size_is_not_stored(size_mb):
    cache = LRUCache()
    cache.set("a", 1)
    assert cache.set("b", 2, size_mb=size_mb) is False
    assert len(cache) == 1


@pytest.mark.parametrize("ttl", [0, 0.0, -0.0, -1, -math.inf, -1e300])
def test_a_time_to_live_of_nothing_stores_nothing_and_evicts_nothing(ttl):
    cache = LRUCache(max_size=1)
    cache.set("a", 1)
    assert cache.set("b", 2, ttl_seconds=ttl) is False
    assert cache.get("a") == 1
    assert cache.set("a", 2, ttl_seconds=ttl) is False
    assert len(cache) == 0


@pytest.mark.parametrize("ttl", [1e9, 1e300, math.inf, 10**400])
def test_an_enormous_time_to_live_is_for_ever(ttl):
    cache = LRUCache()
    try:
        cache.set("a", 1, ttl_seconds=ttl)
    except OverflowError:
        assert ttl == 10**400  # Python cannot make a float of it.
        return
    assert cache.get("a") == 1


def test_a_time_to_live_that_is_no_number_is_refused_and_nothing_changes():
    cache = LRUCache()
    cache.set("a", "old")
    for wrong in (math.nan, "5", [], object()):
        with pytest.raises((TypeError, ValueError)):
            cache.set("a", "new", ttl_seconds=wrong)
    assert cache.get("a") == "old"
