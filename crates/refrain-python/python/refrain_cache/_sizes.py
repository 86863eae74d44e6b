"""The estimated size of a value: an entry is charged with it unless the caller gives one."""

from __future__ import annotations

import collections
import functools
import gc
import sys
import types
from typing import Any

#: Objects looked at before the rest is estimated from these: a value of millions of small objects takes no longer.
_MOST_LOOKED_AT = 10_000

BYTES_PER_MB = 1_048_576

#: What an entry of a `Cache` takes beside its value, as measured with a million of them.
ENTRY_BYTES = 136


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
    # Python hands out memory in steps of 16 bytes.
    size = -(-sys.getsizeof(item, 64) // 16) * 16
    if item is None or isinstance(item, (bytes, bytearray, str, int, float, complex, type)):
        return size, []
    if isinstance(item, dict):
        return size, [*item.keys(), *item.values(), *getattr(item, "__dict__", {}).values()]
    if isinstance(item, (list, tuple, set, frozenset, collections.deque)):
        return size, [*item, *getattr(item, "__dict__", {}).values()]
    if type(item) is memoryview:
        # A view keeps alive all that it is a view of.
        return size, [item.obj]
    whole = _whole_of(item, size)
    if whole is not None:
        return whole
    inner = list(vars(item).values()) if hasattr(item, "__dict__") else []
    for kind in type(item).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in [names] if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__") and hasattr(item, name):
                inner.append(getattr(item, name))
    if isinstance(item, _HOLDERS):
        inner.extend(gc.get_referents(item))
    return size, inner


#: Types of Python that hold others out of sight.
_HOLDERS: tuple[Any, ...] = (functools.partial, types.MappingProxyType, types.CellType, types.MethodType, collections.defaultdict)


def _whole_of(item: Any, size: int) -> tuple[int, list[Any]] | None:
    """Of arrays, tensors and pictures: with what they are views of, and with what is written beside their data."""
    data = getattr(item, "nbytes", None)
    storage = getattr(item, "untyped_storage", None)
    if callable(storage):
        # Of a tensor, its whole storage: it may be a view of a part.
        return size + int(storage().nbytes()), []
    if isinstance(data, int):
        base = getattr(item, "base", None)
        if base is None or type(base).__name__ == "mmap":
            return max(size, data), []
        return size, [base]
    if callable(getattr(item, "getbands", None)):
        width, height = item.size
        deep = {"I": 4, "F": 4, "I;16": 2, "1": 1, "L": 1, "P": 1}.get(item.mode, 4)
        beside = [getattr(item, name, None) for name in ("info", "_exif", "palette", "text", "tag_v2", "app", "applist")]
        return size + int(width * height * deep), beside
    if callable(getattr(item, "element_size", None)) and callable(getattr(item, "nelement", None)):
        return int(item.element_size() * item.nelement()), []
    if callable(getattr(item, "getbuffer", None)):
        return max(size, int(item.getbuffer().nbytes)), []
    return None
