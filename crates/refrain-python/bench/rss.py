"""Memory that a full `Cache` really takes, beside its limit.

    python crates/refrain-python/bench/rss.py [--entries 1000000] [--megabytes 64]

For each kind of value a process of its own inserts distinct values, many more than fit, and prints by how much its
resident memory has grown, divided by the limit. Needs the wheel, and numpy and Pillow for their kinds.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys

KINDS = {
    "int": "lambda n: n + 10**6",
    "str of 100": "lambda n: f'{n:0100}'",
    "bytes of 1 kB": "lambda n: n.to_bytes(1024, 'big')",
    "dict": "lambda n: {'number': n + 10**6, 'text': f'{n:050}'}",
    "tuple of floats": "lambda n: tuple(float(n + i) for i in range(20))",
    "array of 10 kB": "lambda n: numpy.full(1280, n, dtype='f8')",
    "row of an array": "lambda n: numpy.full((64, 1 << 9), n, dtype='f8')[0]",
    "memoryview": "lambda n: memoryview(bytes(1 << 16))[:10]",
    "picture": "lambda n: Image.new('RGB', (64, 64), (n % 256, 0, 0))",
}


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def grow(kind, entries, megabytes):
    from refrain_cache import Cache

    space = {}
    if "numpy" in KINDS[kind]:
        import numpy

        space["numpy"] = numpy
    if "Image" in KINDS[kind]:
        from PIL import Image

        space["Image"] = Image
    make = eval(KINDS[kind], space)
    cache = Cache(max_bytes=megabytes << 20)
    cache.set("warm", make(0))
    gc.collect()
    before = resident_bytes()
    for number in range(entries):
        cache.set(number, make(number))
    gc.collect()
    stats = cache.stats()
    print(f"{kind:16} {(resident_bytes() - before) / (megabytes << 20):6.2f} of the limit, {len(cache)} entries, {stats['bytes'] >> 20} MB accounted")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--kind", choices=KINDS)
    given = parser.parse_args()
    if given.kind:
        grow(given.kind, given.entries, given.megabytes)
    else:
        for each in KINDS:
            subprocess.run([sys.executable, __file__, "--kind", each, "--entries", str(given.entries), "--megabytes", str(given.megabytes)], check=True)
