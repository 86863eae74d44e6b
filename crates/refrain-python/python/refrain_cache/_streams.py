"""Results that can be read only once, such as generators: they are not kept, nor shared."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import itertools
import types
from typing import Any, Iterator


def is_single_use(value: Any) -> bool:
    """Whether it can be read only once, or has something in it that can: a second caller would get nothing from it."""
    left = _MOST_LOOKED_INTO
    waiting = [(value, 0)]
    try:
        while waiting and left:
            item, depth = waiting.pop()
            left -= 1
            kind = type(item)
            if kind in _PLAIN:
                continue
            if isinstance(item, (types.CoroutineType, types.AsyncGeneratorType, asyncio.Future)):
                return True
            # Asked of the value too: mocks are instances of everything.
            if isinstance(item, collections.abc.Iterator) and iter(item) is item:
                return True
            if depth < _DEEPEST_LOOKED_INTO:
                waiting.extend((inner, depth + 1) for inner in _inside(item, left))
    except Exception:
        pass
    return False


#: What cannot be read only once.
_PLAIN = (str, bytes, int, float, bool, type(None))
_MOST_LOOKED_INTO = 1000
_DEEPEST_LOOKED_INTO = 4


def _inside(item: Any, most: int) -> Iterator[Any]:
    if isinstance(item, dict):
        return itertools.islice(item.values(), most)
    if isinstance(item, (list, tuple)):
        return itertools.islice(item, most)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return itertools.islice(vars(item).values(), most) if hasattr(item, "__dict__") else iter(())
    return iter(())
