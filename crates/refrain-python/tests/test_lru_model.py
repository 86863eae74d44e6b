"""`LRUCache` does what the model does: values, order, counters and sizes, after every step."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lru_model import LruModel

from refrain_cache import LRUCache

# Few keys, so that they meet; equal ones of different types, and equal ones that are other objects.
KEYS = st.sampled_from(["a", "b", "".join(["long", "er"]), 1, 1.0, True, 2, b"a", (1, "a"), (1.0, "a"), None])
# Whole, decimal and binary fractions of the limit, nothing, and too much.
SIZES = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 1.0, 1 / 1024, 1.000001, 3.5])
TTLS = st.sampled_from([None, None, None, 1.0, 5.0, 0.0, -3.0])


class LruMachine(RuleBasedStateMachine):
    @initialize(
        max_size=st.integers(1, 6), max_memory_mb=st.sampled_from([0.3, 0.6, 1.0, 1.5, 512.0]), ttl=st.sampled_from([None, 4.0])
    )
    def begin(self, max_size, max_memory_mb, ttl):
        self.now = 0.0
        clock = lambda: self.now  # noqa: E731
        self.cache = LRUCache(max_size, max_memory_mb, ttl, clock=clock)
        self.model = LruModel(max_size, max_memory_mb, ttl, clock)
        self.count = 0

    @rule(key=KEYS)
    def get(self, key):
        assert self.cache.get(key) == self.model.get(key)

    @rule(key=KEYS, size_mb=SIZES, ttl=TTLS)
    def set(self, key, size_mb, ttl):
        self.count += 1
        assert self.cache.set(key, self.count, size_mb, ttl) == self.model.set(key, self.count, size_mb, ttl)

    @rule(key=KEYS)
    def delete(self, key):
        assert self.cache.delete(key) == self.model.delete(key)

    @rule()
    def clear(self):
        assert self.cache.clear() == len(self.model.entries)
        self.model.entries.clear()

    @rule()
    def reset_stats(self):
        self.cache.reset_stats()
        self.model.hits = self.model.misses = self.model.by_count = self.model.by_size = 0

    @rule(
        max_size=st.none() | st.integers(1, 6),
        max_memory_mb=st.none() | st.sampled_from([0.3, 0.6, 1.0, 512.0]),
        ttl=st.none() | st.sampled_from([2.0, 8.0]),
    )
    def update_config(self, max_size, max_memory_mb, ttl):
        self.cache.update_config(max_size, max_memory_mb, ttl)
        self.model.update(max_size, max_memory_mb, ttl)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @invariant()
    def all_is_as_in_the_model(self):
        if not hasattr(self, "model"):
            return
        model = self.model
        stats = self.cache.stats
        assert dict(stats) == {
            "hits": model.hits,
            "misses": model.misses,
            "hit_rate_percent": 100.0 * model.hits / (model.hits + model.misses) if model.hits + model.misses else 0.0,
            "evictions": model.by_count + model.by_size,
            "evictions_by_count": model.by_count,
            "evictions_by_size": model.by_size,
            "current_items": len(model.entries),
            "current_memory_mb": near(model.used, stats["current_memory_mb"]),
            "max_items": model.max_size,
            "max_memory_mb": float(model.max_memory_mb),
            "memory_utilization_percent": near(
                100 * model.used / model.max_memory_mb, stats["memory_utilization_percent"]
            ),
            "max_memory_seen_mb": near(model.max_seen, stats["max_memory_seen_mb"]),
        }
        assert len(self.cache) == len(model.entries)
        found = [
            (entry["key"], entry["access_count"], entry["age_seconds"], entry["expired"])
            for entry in self.cache.get_entries_summary()
        ]
        assert found == [
            (key, entry.access_count, self.now - entry.written, entry.expires is not None and self.now >= entry.expires)
            for key, entry in model.entries.items()
        ]


def near(expected, found) -> float:
    """`found`, if it is the expected number up to what a float can tell of a sum in millionths of a byte."""
    assert abs(float(expected) - found) < 1e-9, (expected, found)
    return found


LruMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
test_the_cache_does_what_the_model_does = LruMachine.TestCase
