"""`Cache`: tags, cost, time to live, limits; what is stored, and what no longer is."""

from __future__ import annotations

import asyncio
import gc
import math
import time
import weakref

import pytest

from refrain_cache import BypassWarning, Cache


def test_a_value_is_kept_as_it_is_under_any_keyable_key():
    cache = Cache()
    value = object()
    cache.set({"prompt": "a cat", "seed": 7}, value)
    assert cache.get({"seed": 7, "prompt": "a cat"}) is value
    assert cache.get({"seed": 7.0, "prompt": "a cat"}) is None
    assert {"seed": 7, "prompt": "a cat"} in cache


def test_an_empty_cache_is_truthy():
    assert Cache() and len(Cache()) == 0


def test_hits_and_misses_are_counted_once():
    cache = Cache()
    cache.get_or_compute("a", lambda: 1)
    cache.get_or_compute("a", lambda: 2)
    cache.get("a")
    cache.get("b")
    stats = cache.stats()
    assert (stats["hits"], stats["misses"]) == (2, 2)
    cache.reset_stats()
    assert cache.stats()["hits"] == 0


def test_entries_go_by_tag():
    cache = Cache()
    for number in range(6):
        cache.get_or_compute(number, lambda: number, tags=["all", f"model:{number % 2}"])
    assert cache.invalidate_tag("model:1") == 3
    assert [number in cache for number in range(6)] == [True, False] * 3
    assert cache.invalidate_tag("all") == 3


@pytest.mark.parametrize(
    "during",
    [
        lambda cache: cache.invalidate("k"),
        lambda cache: cache.invalidate_tag("t"),
        lambda cache: cache.clear(),
        lambda cache: cache.set("k", "newer"),
    ],
    ids=["key", "tag", "clear", "set"],
)
def test_what_is_invalidated_while_it_is_computed_is_not_stored(during):
    cache = Cache()

    def compute():
        during(cache)
        # Somebody who asks now does not get what was begun before.
        return "older" if cache.get("k") is None else "older still"

    assert cache.get_or_compute("k", compute, tags=["t"]).startswith("older")
    assert cache.get("k") in (None, "newer")

    async def compute_async():
        during(cache)
        return "older"

    cache.clear()
    assert asyncio.run(cache.get_or_compute_async("k", compute_async, tags=["t"])) == "older"
    assert cache.get("k") in (None, "newer")


def test_an_unrelated_invalidation_stops_nothing():
    cache = Cache()
    cache.get_or_compute("k", lambda: (cache.invalidate("other"), cache.invalidate_tag("other"))[0], tags=["t"])
    assert "k" in cache


def test_entries_expire(clock):
    cache = Cache(ttl_seconds=10, clock=clock)
    cache.set("default", 1)
    cache.set("short", 1, ttl_seconds=1)
    cache.set("long", 1, ttl_seconds=1e300)
    cache.set("not at all", 1, ttl_seconds=0)
    assert len(cache) == 3
    clock.advance(1)
    assert ("short" in cache, "default" in cache) == (False, True)
    clock.advance(9)
    assert [cache.get(key) for key in ("default", "long")] == [None, 1]
    clock.advance(1e17)
    assert cache.get("long") == 1
    assert cache.stats()["expirations"] == 2


def test_an_expired_value_is_let_go_without_a_read():
    class Value:
        pass

    cache = Cache()
    value = Value()
    gone = weakref.ref(value)
    cache.set("k", value, ttl_seconds=0.05)
    del value
    deadline = time.monotonic() + 20
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone() is None


def test_limits_hold_and_smaller_ones_evict_at_once():
    cache = Cache(max_entries=3, max_bytes=1000, policy="lru")
    for number in range(5):
        cache.set(number, number, size_bytes=100)
    assert sorted(number for number in range(5) if number in cache) == [2, 3, 4]
    cache.set_limits(max_bytes=100)
    assert len(cache) == 1
    assert cache.limits() == {"max_entries": 3, "max_bytes": 100, "ttl_seconds": None}
    assert cache.set("large", 1, size_bytes=101) is False
    assert cache.stats()["overweight"] == 1


def test_what_is_expensive_for_its_size_stays():
    cache = Cache(max_bytes=1000, policy="hazard")
    cache.set("dear", 1, size_bytes=500, cost_seconds=100.0)
    for number in range(10):
        cache.set(number, 1, size_bytes=500, cost_seconds=0.1)
    assert "dear" in cache


def test_the_cost_is_measured_unless_told():
    cache = Cache()
    cache.get_or_compute("measured", lambda: time.sleep(0.02))
    cache.get_or_compute("told", lambda: None, cost_seconds=90)
    assert 0.02 <= cache.info("measured")["cost_seconds"] < 10
    info = cache.info("told")
    assert info["cost_seconds"] == 90
    cache.get("told")
    assert cache.stats()["seconds_saved"] == 90
    assert cache.info("absent") is None
    assert [key for key, _ in cache.entries()] != []


def test_refresh_computes_anew():
    cache = Cache()
    cache.set("k", "old")
    assert cache.get_or_compute("k", lambda: "new", refresh=True) == "new"
    assert cache.get("k") == "new"


def test_functions_are_decorated_by_the_cache():
    cache, calls = Cache(), []

    @cache.cached(tags=["thumbnails"], cost_seconds=3)
    def thumbnail(picture: bytes, width: int = 64):
        calls.append(picture)
        return (picture, width)

    @cache.cached(key=lambda prompt, **_: prompt)
    async def render(prompt, trace=None):
        calls.append(prompt)
        return prompt.upper()

    assert thumbnail(b"x") == thumbnail(b"x", width=64) == (b"x", 64)
    assert asyncio.run(render("a", trace=1)) == asyncio.run(render("a", trace=2)) == "A"
    assert calls == [b"x", "a"]
    assert cache.invalidate(thumbnail.cache_key(b"x"))
    with pytest.warns(BypassWarning, match="picture"):
        thumbnail(object())
    assert cache.stats()["seconds_saved"] >= 3


def test_methods_are_decorated_by_the_cache():
    cache, calls = Cache(), []

    class Painter:
        def __init__(self, style):
            self.style = style

        def __refrain_key__(self):
            return self.style

        @cache.cached()
        def paint(self, prompt):
            """Paints."""
            calls.append(prompt)
            return f"{self.style} {prompt}"

    assert [Painter(style).paint("cat") for style in ("oil", "oil", "ink")] == ["oil cat", "oil cat", "ink cat"]
    assert calls == ["cat", "cat"]
    assert Painter.paint.__doc__ == "Paints."


def test_a_cache_that_fails_means_the_function_is_called():
    def broken():
        if working:
            return 1.0
        raise OSError("no clock")

    working = True
    cache = Cache(clock=broken)
    cached = cache.cached()(lambda value: value + 1)
    assert cached(1) == 2
    working = False
    with pytest.warns(BypassWarning, match="no clock"):
        assert cached(1) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"max_entries": 0}, {"max_entries": -1}, {"max_entries": 1 << 64}, {"max_bytes": 0},
        {"ttl_seconds": 0}, {"ttl_seconds": -1}, {"ttl_seconds": math.nan}, {"policy": "best"},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Cache(**settings)
    cache = Cache()
    if "policy" not in settings:
        with pytest.raises(ValueError, match=next(iter(settings))):
            cache.set_limits(**settings)
        assert cache.limits() == Cache().limits()


@pytest.mark.parametrize(
    "options",
    [{"size_bytes": -1}, {"size_bytes": 1 << 64}, {"ttl_seconds": math.nan}, {"cost_seconds": math.nan}, {"tags": "t"}, {"tags": [1]}],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_but_lose_no_result(options):
    cache = Cache()
    with pytest.raises((TypeError, ValueError)):
        cache.set("k", 1, **options)
    assert len(cache) == 0
    if options.get("tags") != "t":
        with pytest.warns(BypassWarning):
            assert cache.get_or_compute("k", lambda: "result", **options) == "result"


def test_an_estimate_that_fails_loses_no_result():
    def broken(value):
        raise OSError("no scales")

    cache = Cache(size_of=broken)
    with pytest.warns(BypassWarning, match="no scales"):
        assert cache.get_or_compute("k", lambda: "result") == "result"


def test_a_hit_copies_nothing_and_values_leave_with_their_entries():
    class Value:
        pass

    cache = Cache()
    value = Value()
    gone = weakref.ref(value)
    cache.set("k", value)
    assert cache.get("k") is value
    del value
    cache.invalidate("k")
    gc.collect()
    assert gone() is None
