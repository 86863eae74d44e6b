"""`LRUCache`: entries and hits are native, what is told about them is here."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from . import _environment, _forks
from ._flights import Flights
from ._native import ExactLru


class LRUCache(ExactLru):
    """A cache of any objects, in exact least-recently-used order, limited in entries and in stated memory."""

    def __init__(
        self,
        max_size: int = 1000,
        max_memory_mb: float = 512.0,
        default_ttl_seconds: float | None = None,
        *,
        clock: Any = None,
    ) -> None:
        # The arguments are taken by `__new__`.
        self._flights = Flights()
        _forks.forget_in_children(self)

    @property
    def stats(self) -> LiveStats:
        """The statistics as they are at each look, not rounded."""
        return LiveStats(self)

    def get_stats(self) -> dict[str, Any]:
        """The statistics now; sizes and rates rounded to two decimals."""
        return {
            name: round(value, 2) if isinstance(value, float) else value
            for name, value in self.stats.items()
        }

    def get_config(self) -> dict[str, Any]:
        """The limits and the default time to live."""
        return {
            "max_size": self.max_size,
            "max_memory_mb": self.max_memory_mb,
            "default_ttl_seconds": self.default_ttl_seconds,
        }

    def update_config(
        self,
        max_size: int | None = None,
        max_memory_mb: float | None = None,
        default_ttl_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Changes what is given, all or nothing, and evicts at once what no longer fits.

        `None` leaves a setting as it is; `math.inf` seconds are for ever.
        """
        self.change_limits(max_size, max_memory_mb, default_ttl_seconds)
        return self.get_config()

    def forget_everything(self) -> None:
        """Empties the cache and its counters without dropping what it holds. For child processes."""
        self._flights = Flights()
        super().forget_everything()

    def __repr__(self) -> str:
        return f"<LRUCache {len(self)} of {self.max_size} entries, limit {self.max_memory_mb:g} MB>"


_NAMES = (
    "hits",
    "misses",
    "hit_rate_percent",
    "evictions",
    "evictions_by_count",
    "evictions_by_size",
    "current_items",
    "current_memory_mb",
    "max_items",
    "max_memory_mb",
    "memory_utilization_percent",
    "max_memory_seen_mb",
)


class LiveStats(Mapping[str, Any]):
    """The statistics of an `LRUCache`, read anew at each look."""

    __slots__ = ("_cache",)

    def __init__(self, cache: LRUCache) -> None:
        self._cache = cache

    def _read(self) -> dict[str, Any]:
        hits, misses, by_count, by_size, items, memory_mb, max_seen_mb = self._cache.counters()
        limit_mb = self._cache.max_memory_mb
        lookups = hits + misses
        values = (
            hits,
            misses,
            100.0 * hits / lookups if lookups else 0.0,
            by_count + by_size,
            by_count,
            by_size,
            items,
            memory_mb,
            self._cache.max_size,
            limit_mb,
            0.0 if limit_mb == math.inf else 100.0 * memory_mb / limit_mb,
            max_seen_mb,
        )
        return dict(zip(_NAMES, values))

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    # One reading each, so that the numbers fit together.
    def items(self) -> Any:
        return self._read().items()

    def values(self) -> Any:
        return self._read().values()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LiveStats):
            return self._read() == other._read()
        return self._read() == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._read())


_process_wide: LRUCache | None = None
_making = threading.RLock()


def get_cache(
    max_size: int | None = None,
    max_memory_mb: float | None = None,
    default_ttl_seconds: float | None = None,
) -> LRUCache:
    """The cache of the whole process. The first call makes it; later ones ignore their arguments.

    What is not given is what `CACHE_MAX_SIZE`, `CACHE_MAX_MEMORY_MB` and `CACHE_TTL_SECONDS` say, or 1000 entries, 512 MB
    and no time to live.
    """
    global _process_wide
    if _process_wide is None:
        with _making:
            if _process_wide is None:
                given = {
                    "max_size": max_size,
                    "max_memory_mb": max_memory_mb,
                    "default_ttl_seconds": default_ttl_seconds,
                }
                given = {name: value for name, value in given.items() if value is not None}
                _process_wide = LRUCache(**{**_environment.limits(), **given})
    return _process_wide


def clear_cache() -> None:
    """Empties the cache of the whole process, if there is one; its counters stay."""
    if _process_wide is not None:
        _process_wide.clear()


def _new_locks() -> None:
    global _making
    _making = threading.RLock()


_forks.call_in_children(_new_locks)
