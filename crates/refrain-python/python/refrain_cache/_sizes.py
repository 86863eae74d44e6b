"""The estimated size of a value: an entry is charged with it unless the caller gives one."""

from __future__ import annotations

import sys
from typing import Any

#: Objects looked at before the rest is estimated from these: a value of millions of small objects takes no longer.
_MOST_LOOKED_AT = 10_000

BYTES_PER_MB = 1_048_576


def estimate_bytes(value: Any) -> int:
    """Bytes of the value and of what it holds. Never raises; what cannot be asked counts as a few bytes."""
    seen: set[int] = set()
    waiting = [value]
    total = 0
    while waiting:
        if len(seen) >= _MOST_LOOKED_AT:
            return total + total // len(seen) * len(waiting)
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        try:
            size, inner = _look_at(item)
        except Exception:
            size, inner = 64, []
        total += size
        waiting.extend(inner)
    return total


def estimate_mb(value: Any) -> float:
    """The same in MB of 1,048,576 bytes."""
    return estimate_bytes(value) / BYTES_PER_MB


def _look_at(item: Any) -> tuple[int, list[Any]]:
    """Bytes of the object itself, and the objects in it."""
    size = sys.getsizeof(item, 64)
    if item is None or isinstance(item, (bytes, bytearray, str, int, float, complex, type)):
        return size, []
    if isinstance(item, dict):
        return size, [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple, set, frozenset)):
        return size, list(item)
    data = _bytes_of_data(item)
    if data is not None:
        return max(size, data), []
    inner = list(vars(item).values()) if hasattr(item, "__dict__") else []
    for kind in type(item).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in [names] if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__") and hasattr(item, name):
                inner.append(getattr(item, name))
    return size, inner


def _bytes_of_data(item: Any) -> int | None:
    """Of arrays, tensors, memory views and pictures."""
    data = getattr(item, "nbytes", None)
    if isinstance(data, int):
        return data
    if callable(getattr(item, "getbands", None)):
        width, height = item.size
        deep = {"I": 4, "F": 4, "I;16": 2}.get(item.mode, len(item.getbands()))
        return int(width * height * deep)
    if callable(getattr(item, "element_size", None)) and callable(getattr(item, "nelement", None)):
        return int(item.element_size() * item.nelement())
    if callable(getattr(item, "getbuffer", None)):
        return int(item.getbuffer().nbytes)
    return None
