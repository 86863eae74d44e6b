"""Processes that fork or end while caches are in use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_has_empty_working_caches():
    script = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import refrain_cache
from refrain_cache import Cache, LRUCache, cached_result_sync, get_cache

class Finalized:
    def __del__(self):
        if os.getpid() != parent:
            os._exit(3)

parent = os.getpid()
caches = [Cache(max_entries=7), Cache(ttl_seconds=60), LRUCache(7)]
for cache in (*caches, get_cache()):
    cache.set("k", Finalized())
    cache.get("k")

stop = threading.Event()
def churn():
    n = 0
    while not stop.is_set():
        n += 1
        for cache in caches:
            cache.set(n % 50, n, ttl_seconds=0.001)
            cache.get(n % 50)
def compute_for_ever():
    caches[0].get_or_compute("running", lambda: stop.wait() and "parent")
threads = [threading.Thread(target=churn) for _ in range(3)] + [threading.Thread(target=compute_for_ever)]
[thread.start() for thread in threads]
while caches[0].stats()["running"] == 0:
    time.sleep(0.001)

for _ in range(20):
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(10, exit=True)
        for cache in (*caches, get_cache()):
            assert len(cache) == 0, cache
            assert cache.get("k") is None
            cache.set("k", "child", ttl_seconds=60)
            assert cache.get("k") == "child"
        assert caches[0].limits()["max_entries"] == caches[2].max_size == 7
        assert caches[0].get_or_compute("running", lambda: "child") == "child"
        assert caches[2].stats["hits"] == 1
        assert cached_result_sync()(lambda: 5)() == 5
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop.set()
[thread.join() for thread in threads]
assert caches[0].get("running") == "parent"
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert done.stdout == "fine\n", done.stderr


def test_a_program_ends_while_entries_expire_and_threads_wait():
    script = """
import threading, refrain_cache
cache = refrain_cache.Cache()
for n in range(1000):
    cache.set(n, object(), ttl_seconds=0.001)
threading.Thread(target=lambda: cache.get_or_compute("k", threading.Event().wait), daemon=True).start()
threading.Thread(target=lambda: cache.get_or_compute("k", lambda: 1), daemon=True).start()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
