"""What all tests share: a watchdog, since "never stuck" is a promise, and a clock that is moved by hand."""

from __future__ import annotations

import faulthandler

import pytest

import refrain_cache

#: Far more than any test takes. What hangs longer prints the stack of every thread and ends the run.
WATCHDOG_SECONDS = 60


@pytest.fixture(autouse=True)
def watchdog():
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


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
