"""What the contract says an `LRUCache` does, in the plainest Python: slow, and with exact numbers."""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction
from typing import Any


class ModelEntry:
    def __init__(self, value: Any, size_mb: Fraction, written: float, expires: float | None) -> None:
        self.value = value
        self.size_mb = size_mb
        self.written = written
        self.expires = expires
        self.access_count = 0


class LruModel:
    def __init__(self, max_size: int, max_memory_mb: float, default_ttl: float | None, clock: Any) -> None:
        self.max_size = max_size
        self.max_memory_mb = exact(max_memory_mb)
        self.default_ttl = default_ttl
        self.clock = clock
        self.entries: OrderedDict[Any, ModelEntry] = OrderedDict()
        self.hits = self.misses = self.by_count = self.by_size = 0
        self.max_seen = Fraction(0)

    @property
    def used(self) -> Fraction:
        return sum((entry.size_mb for entry in self.entries.values()), Fraction(0))

    def get(self, key: Any) -> Any:
        entry = self.entries.get(key)
        if entry is None:
            self.misses += 1
            return None
        if entry.expires is not None and self.clock() >= entry.expires:
            del self.entries[key]
            self.misses += 1
            return None
        entry.access_count += 1
        self.entries.move_to_end(key)
        self.hits += 1
        return entry.value

    def set(self, key: Any, value: Any, size_mb: float = 0.0, ttl: float | None = None) -> bool:
        ttl = self.default_ttl if ttl is None else ttl
        self.entries.pop(key, None)
        size = exact(size_mb)
        if size > self.max_memory_mb or (ttl is not None and ttl <= 0):
            return False
        while self.entries and len(self.entries) >= self.max_size:
            self.entries.popitem(last=False)
            self.by_count += 1
        while self.entries and self.used + size > self.max_memory_mb:
            self.entries.popitem(last=False)
            self.by_size += 1
        now = self.clock()
        self.entries[key] = ModelEntry(value, size, now, None if ttl is None else now + ttl)
        self.max_seen = max(self.max_seen, self.used)
        return True

    def delete(self, key: Any) -> bool:
        return self.entries.pop(key, None) is not None

    def update(self, max_size: int | None, max_memory_mb: float | None, ttl: float | None) -> None:
        self.max_size = self.max_size if max_size is None else max_size
        if max_memory_mb is not None:
            self.max_memory_mb = exact(max_memory_mb)
        self.default_ttl = self.default_ttl if ttl is None else ttl
        while len(self.entries) > self.max_size:
            self.entries.popitem(last=False)
            self.by_count += 1
        while self.used > self.max_memory_mb:
            self.entries.popitem(last=False)
            self.by_size += 1


def exact(megabytes: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(megabytes))
