"""A fixture for pytest, for programs whose functions are cached: `pytest_plugins = ["refrain_cache.testing"]` in a `conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import _forks
from ._cache import Cache
from ._lru import LRUCache


@pytest.fixture
def empty_caches() -> Iterator[None]:
    """Every cache of the process begins the test empty, with its counters at zero, and is left so. Folders are not touched."""
    _empty_all()
    yield
    _empty_all()


def _empty_all() -> None:
    for cache in _forks.all_caches():
        if isinstance(cache, LRUCache):
            cache.clear()
            cache.reset_stats()
        elif isinstance(cache, Cache):
            _empty(cache)
            cache.reset_stats()


def _empty(cache: Cache) -> None:
    """Its memory alone: a cleared cache would clear its folder too."""
    limits = cache._native.limits()
    cache._native.set_limits(0, *limits[1:])
    cache._native.set_limits(*limits)
