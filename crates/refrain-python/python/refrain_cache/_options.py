"""The options of an entry or a cache, checked in one place for memory and disk."""

from __future__ import annotations

from typing import Any, Callable, Iterable


def tags_of(tags: Iterable[str]) -> list[str]:
    if isinstance(tags, str):
        raise TypeError(f"`tags` is the text {tags!r} but must be a list of texts: [{tags!r}]")
    return list(tags)


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
    size = size_of(value) if size_bytes is None else size_bytes
    if not 0 <= size < 1 << 64:
        raise ValueError(f"`size_bytes` is {size} but must be from 0 to 2^64 - 1")
    return int(size)
