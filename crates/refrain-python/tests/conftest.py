"""What all tests share: an empty cache of the process, and a clock that is moved by hand."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

import refrain_cache

# Where the server starter is that the end-to-end tests use as well.
REPOSITORY = pathlib.Path(os.environ.get("REFRAIN_REPOSITORY", pathlib.Path(__file__).parents[3]))
sys.path.append(str(REPOSITORY / "tests" / "kit"))


@pytest.fixture(autouse=True)
def empty_process_wide_cache():
    cache = refrain_cache.get_cache()
    cache.clear()
    cache.reset_stats()
    yield cache


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()
