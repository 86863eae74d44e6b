"""Callers at once, for tests of what they share."""

from __future__ import annotations

import threading
import time


def in_threads(count, work):
    """What `work(n)` gives or raises in so many threads at once."""
    results = [None] * count
    start = threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


def joined(cache, count):
    """Waits until so many callers wait for a computation of the cache."""
    while cache.stats()["collapsed"] < count:
        time.sleep(0.001)
