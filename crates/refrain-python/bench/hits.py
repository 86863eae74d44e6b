"""Hits of the Python package beside other caches, in one run.

    python crates/refrain-python/bench/hits.py [--seconds 60]

Needs the wheel and `bench/requirements.txt` installed. Caches take turns in short slices, in an order that changes
each round, so that a busy moment of the machine meets all of them. What is printed is the median of the slices, and
the median of the ratios within a round. 1000 entries of text keys of 64 digits; lookups in a shuffled order, with keys
that are equal to the stored ones but other objects. No entry has a time to live. Decorated calls are measured with
20,000 keys too, more than the package remembers the digests of.
"""

from __future__ import annotations

import argparse
import functools
import gc
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import OrderedDict

import cachebox
import cachetools
import diskcache

import refrain_cache
from refrain_cache import Cache, LRUCache, cached_result_sync

ENTRIES = 1000
MANY_ENTRIES = 20_000
SLICE_LOOKUPS = 20_000


class Entry:
    """What a plain cache keeps beside a value."""

    def __init__(self, value, size_mb, expires_at):
        self.value = value
        self.size_mb = size_mb
        self.timestamp = time.time()
        self.access_count = 0
        self.expires_at = expires_at


class PlainLru:
    """The cache that code bases have: `OrderedDict`, `RLock`, and the same statistics."""

    def __init__(self, max_size=1000):
        self.max_size = max_size
        self.entries = OrderedDict()
        self.lock = threading.RLock()
        self.stats = {"hits": 0, "misses": 0, "evictions": 0}

    def get(self, key):
        with self.lock:
            entry = self.entries.get(key)
            if entry is None:
                self.stats["misses"] += 1
                return None
            if entry.expires_at is not None and time.time() >= entry.expires_at:
                del self.entries[key]
                self.stats["misses"] += 1
                return None
            entry.access_count += 1
            self.entries.move_to_end(key)
            self.stats["hits"] += 1
            return entry.value

    def set(self, key, value, size_mb=0.0):
        with self.lock:
            while len(self.entries) >= self.max_size:
                self.entries.popitem(last=False)
                self.stats["evictions"] += 1
            self.entries[key] = Entry(value, size_mb, None)


def keys(entries=ENTRIES):
    rng = random.Random(7)
    return [f"{rng.getrandbits(256):064x}" for _ in range(entries)]


def shuffled(entries):
    """A slice of lookups: equal texts, other objects, their hashes known as those of a key that is used twice."""
    all_of_them = keys(entries) * (SLICE_LOOKUPS // entries)
    random.Random(8).shuffle(all_of_them)
    return all_of_them


KEYS = keys()


def explicit_key(key):
    return key


def lookups():
    """Each cache's lookup of one key."""
    plain, lru, cache = PlainLru(ENTRIES), LRUCache(ENTRIES), Cache(max_entries=ENTRIES * 2)
    boxed = cachebox.LRUCache(ENTRIES)
    tools, lock = cachetools.LRUCache(ENTRIES), threading.RLock()
    disk = diskcache.Cache(tempfile.mkdtemp(), size_limit=1 << 30)
    digests = {key: refrain_cache._recipes.key_for(key) for key in KEYS}
    for key in KEYS:
        plain.set(key, key)
        lru.set(key, key)
        cache.set(digests[key], key)
        boxed[key] = tools[key] = disk[key] = key

    def locked(key):
        with lock:
            return tools.get(key)

    def by_digest(key):
        return cache.get(digests[key])

    return {
        "OrderedDict + RLock": plain.get,
        "refrain LRUCache": lru.get,
        "refrain Cache (Key)": by_digest,
        "cachebox LRUCache": boxed.get,
        "cachetools LRUCache + lock": locked,
        "diskcache": disk.get,
    }


def calls(entries=ENTRIES):
    """Each decorator's call of one function."""
    size = entries * 2
    inner = functools.lru_cache(maxsize=size)(lambda key: key)
    # Two functions share it.
    lru = LRUCache(size * 2)

    def keyed(key):
        return inner(explicit_key(key))

    lock = threading.RLock()
    tools = cachetools.cached(cachetools.LRUCache(size), key=explicit_key, lock=lock)(lambda key: key)
    boxed = cachebox.cached(cachebox.LRUCache(size), key_maker=explicit_key)(lambda key: key)
    return {
        "functools.lru_cache": functools.lru_cache(maxsize=size)(lambda key: key),
        "lru_cache, explicit key": keyed,
        "refrain, cache_key_fn": cached_result_sync(explicit_key, cache=lru)(lambda key: key),
        "refrain, default key": cached_result_sync(cache=lru)(lambda key: key),
        "refrain Cache.cached": Cache().cached()(lambda key: key),
        "cachetools.cached, lock": tools,
        "cachetools.cached, its key": cachetools.cached(cachetools.LRUCache(size), lock=lock)(lambda key: key),
        "cachebox.cached": boxed,
        "cachebox.cached, its key": cachebox.cached(cachebox.LRUCache(size))(lambda key: key),
    }


def slice_of(function, lookups, threads):
    """Nanoseconds per call, of all threads together."""
    if threads == 1:
        began = time.perf_counter_ns()
        for key in lookups:
            function(key)
        return (time.perf_counter_ns() - began) / len(lookups)
    start, stop = threading.Barrier(threads + 1), threading.Barrier(threads + 1)

    def work():
        start.wait()
        for key in lookups:
            function(key)
        stop.wait()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    [worker.start() for worker in workers]
    start.wait()
    began = time.perf_counter_ns()
    stop.wait()
    took = time.perf_counter_ns() - began
    [worker.join() for worker in workers]
    return took / (len(lookups) * threads)


def compare(title, functions, baseline, threads, seconds, entries=ENTRIES):
    lookups = shuffled(entries)
    slow = {name for name in functions if name == "diskcache"}
    for function in functions.values():
        for key in keys(entries):
            function(key)
    slices = {name: [] for name in functions}
    rng, until = random.Random(9), time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until or rounds < 5:
        order = list(functions)
        rng.shuffle(order)
        for name in order:
            # A database is a thousand times slower, and need not be measured a thousand times.
            if name not in slow or rounds < 2:
                slices[name].append(slice_of(functions[name], lookups, threads))
        rounds += 1
    print(f"\n{title}, {threads} thread{'s' * (threads > 1)}, {rounds} rounds")
    print(f"{'':28} {'ns':>8}  {'times the throughput of ' + baseline}")
    for name, took in slices.items():
        ratios = [base / own for base, own in zip(slices[baseline], took)]
        print(f"{name:28} {statistics.median(took):8.0f}  {statistics.median(ratios):.2f}")
    return slices


def bytes_per_entry():
    """Memory of one entry beside its key and value, as Python and the allocator count it."""
    import ctypes.util

    libc = ctypes.CDLL(ctypes.util.find_library("c"))

    class Mallinfo(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

    libc.mallinfo2.restype = Mallinfo

    def native():
        info = libc.mallinfo2()
        return info.uordblks + info.hblkhd

    count = 200_000
    kept = [(f"{number:064x}", object()) for number in range(count)]
    print(f"\nbytes per entry beside key and value, {count} entries")
    for name, make in [("OrderedDict + entry", lambda: PlainLru(count)), ("refrain LRUCache", lambda: LRUCache(count))]:
        gc.collect()
        before = native()
        tracemalloc.start()
        cache = make()
        for key, value in kept:
            cache.set(key, value)
        python = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        # Python's small objects are in arenas that the allocator sees as a whole, so its own count is taken for
        # Python's cache, and the allocator's for the native one.
        total = max(python, native() - before) if isinstance(cache, LRUCache) else python
        print(f"{name:28} {total / count:8.0f}")
        del cache


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60, help="for all comparisons together")
    seconds = parser.parse_args().seconds
    print(f"Python {sys.version.split()[0]}, {platform.machine()}, {platform.processor() or 'processor unnamed'}")
    for threads in (1, 4):
        compare("get, hit", lookups(), "OrderedDict + RLock", threads, seconds / 6)
    for entries in (ENTRIES, MANY_ENTRIES):
        for threads in (1, 4):
            title = f"decorated call, hit, {entries} entries"
            compare(title, calls(entries), "cachetools.cached, its key", threads, seconds / 6, entries)
    bytes_per_entry()


if __name__ == "__main__":
    main()
