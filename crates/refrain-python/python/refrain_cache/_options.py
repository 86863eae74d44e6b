"""The options of an entry or a cache, checked in one place for memory and disk."""

from __future__ import annotations

import datetime
import math
from typing import Any, Callable, Iterable

from ._sizes import ENTRY_BYTES, estimate_bytes


def tags_of(tags: Iterable[str]) -> list[str]:
    if isinstance(tags, str):
        raise TypeError(f"`tags` is the text {tags!r} but must be a list of texts: [{tags!r}]")
    return list(tags)


def seconds_of(ttl: float | datetime.timedelta | None, name: str = "ttl_seconds") -> float | None:
    """Seconds, given as such or as a duration; refused at once if it is neither."""
    if isinstance(ttl, datetime.timedelta):
        return ttl.total_seconds()
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
        raise TypeError(f"`{name}` is {ttl!r} but must be a number of seconds, a timedelta, or None")
    if math.isnan(ttl):
        raise ValueError(f"`{name}` is nan but must be a number of seconds, or None")
    return ttl


def check_limits(
    max_entries: int | None, max_bytes: int | None, ttl_seconds: float | None = None
) -> None:
    for name, limit in (("max_entries", max_entries), ("max_bytes", max_bytes)):
        if limit is not None and not 0 < limit < 1 << 64:
            raise ValueError(f"`{name}` is {limit} but must be 1 or more, or None for no limit")
    if ttl_seconds is not None and not ttl_seconds > 0:
        raise ValueError(f"`ttl_seconds` is {ttl_seconds} but must be above 0, or None for ever")


def size_of_value(value: Any, size_of: Callable[[Any], int], size_bytes: int | None) -> int:
    """Bytes that the entry is charged with: what the caller says, or what `size_of` estimates."""
    if size_bytes is not None:
        size = size_bytes
    elif size_of is estimate_bytes:
        size = estimate_bytes(value) + ENTRY_BYTES
    else:
        size = size_of(value)
    if not 0 <= size < 1 << 64:
        raise ValueError(f"`size_bytes` is {size} but must be from 0 to 2^64 - 1")
    return int(size)
