"""What hangs on a cached function: questions about its calls, and changes to what is kept of them."""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
import inspect
import logging
import threading
import time
from typing import Any, Callable, Iterable, Union

from ._describe import describe
from ._errors import UnkeyableError
from ._native import Lookup, Recipe, key_of
from ._notices import Notices, log
from ._paths import path_of, unwrapped
from ._sizes import estimate_bytes
from ._streams import is_single_use

#: What hangs on a cached function and takes the arguments of a call.
OF_CALLS = frozenset(["cache_key", "explain", "invalidate", "peek", "refresh"])

#: Misses that a function remembers the parts of.
_MISSES_REMEMBERED = 8

#: Seconds between two misses that are remembered, once there are enough: callers that come together cost each other nothing.
_BETWEEN_MISSES = 0.01

#: Bytes up to which a part is digested for that.
_LARGEST_PART = 1 << 16


#: How callers get values of their own: by `copy.deepcopy`, by a function, or not at all.
Copy = Union[Callable[[Any], Any], str, None]


def copier_of(given: Copy) -> Callable[[Any], Any] | None:
    if given is None or callable(given):
        return given
    if given == "deep":
        return copy.deepcopy
    raise ValueError(f"`copy` is {given!r} but must be 'deep', a function that copies, or None")


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What is in the key of a call."""

    #: The key, or why there is none.
    key: str
    #: Path or name of the function, and the digest of what it is.
    function: str
    identity: str
    #: For each part that counts, the beginning of its digest, or why it has none.
    parts: dict[str, str]
    #: Whether a result is stored.
    stored: bool
    #: What differs from the remembered miss that is nearest to this call: its parts, `function`, or nothing.
    differs: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.function}: {'stored' if self.stored else 'not stored'}", f"  key       {self.key}", f"  function  {self.identity}"]
        lines += [f"  {name:9} {digest}" for name, digest in self.parts.items()]
        if self.differs:
            lines.append(f"  differs from the nearest call in {', '.join(self.differs)}")
        return "\n".join(lines)


class Handles:
    """What a cached function knows of its calls. The caches say what is stored."""

    def __init__(
        self,
        function: Callable[..., Any],
        key: Recipe | Callable[..., Any],
        store: Any,
        ignored: Iterable[str],
        frames: int,
        copies: Copy = None,
    ) -> None:
        self._copy = copier_of(copies)
        self._function = function
        self._recipe = key if isinstance(key, Recipe) else None
        self._ignored = frozenset(ignored)
        self._path = path_of(function)
        self._lock = threading.RLock()
        self._misses: collections.deque[tuple[str, dict[str, str]]] = collections.deque(maxlen=_MISSES_REMEMBERED)
        self._last_miss = 0.0
        self.notices = Notices(function, frames=frames)
        self.owner = hash((self._path, getattr(unwrapped(function), "__code__", None))) & (1 << 64) - 1 or 1
        # Functions that share a name share on purpose.
        meets = self._meets if self._recipe is None else None
        self.lookup = Lookup(key, store, self.owner, meets, functools.partial(log.debug, "hit of %s", self._path), self._copy)
        self._watch_log()

    def _watch_log(self) -> bool:
        logs = log.isEnabledFor(logging.DEBUG)
        self.lookup.logs_hits = logs
        return logs

    def _meets(self, key: Any) -> None:
        self.notices.tell(
            "<key>",
            f"{self._path} is answered with a result of another function, since their key functions both give "
            f"{str(key)[:80]!r}; let the key name the function, as ({self._function.__name__!r}, …)",
        )

    def missed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A miss, for `explain` to compare with."""
        if self._watch_log():
            log.debug("miss of %s", self._path)
        now = time.monotonic()
        if len(self._misses) == _MISSES_REMEMBERED and now < self._last_miss + _BETWEEN_MISSES:
            return
        self._last_miss = now
        try:
            identity = self._identity()
            parts = self._parts(args, kwargs, _LARGEST_PART)
        except Exception:
            return  # Nothing that is only told may fail a call.
        with self._lock:
            self._misses.append((identity, parts))

    def handed_out(self, value: Any) -> Any:
        """The value as a caller gets it: what is stored is never handed out where copies are."""
        if self._copy is None or is_single_use(value):
            return value
        try:
            return self._copy(value)
        except Exception as error:
            self.notices.failed(error)
            return value

    def info(self) -> dict[str, Any]:
        """Hits, misses and bypasses of this function; the latter by the argument or error that was the reason."""
        hits, misses = self.lookup.counts()
        return {"hits": hits, "misses": misses, "bypasses": dict(self.notices.bypasses)}

    def explain(
        self, key_of_call: Callable[..., Any], is_stored: Callable[[Any], bool], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Explanation:
        identity = self._identity()
        parts = self._parts(args, kwargs, None)
        short = self._parts(args, kwargs, _LARGEST_PART)
        try:
            made = key_of_call(*args, **kwargs)
            key, stored = str(made), is_stored(made)
        except Exception as error:
            key, stored = f"none: {error}", False
        with self._lock:
            misses = list(self._misses)
        differences = [_differences((identity, short), miss) for miss in misses]
        nearest = min(filter(None, differences), key=len, default=())
        generator, fingerprint = ("", "") if self._recipe is None else self._recipe.identified()
        return Explanation(
            key, generator or self._path, fingerprint, {name: value[:16] if len(value) == 64 else value for name, value in parts.items()},
            stored, () if any(each == () for each in differences) else nearest,
        )  # fmt: skip

    def _identity(self) -> str:
        return "" if self._recipe is None else "/".join(self._recipe.identified())

    def _parts(self, args: tuple[Any, ...], kwargs: dict[str, Any], largest: int | None) -> dict[str, str]:
        try:
            bound = inspect.signature(self._function).bind(*args, **kwargs)
        except (TypeError, ValueError):
            return {"*args": _digest(args, largest), "**kwargs": _digest(kwargs, largest)}
        bound.apply_defaults()
        return {name: _digest(value, largest) for name, value in bound.arguments.items() if name not in self._ignored}


def _digest(value: Any, largest: int | None) -> str:
    if largest is not None and estimate_bytes(value) > largest:
        return f"a large {type(value).__qualname__}"
    try:
        return str(key_of("python", "part", {"value": value}, describe))
    except UnkeyableError as error:
        return f"none: {error}"


def _differences(one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]) -> tuple[str, ...]:
    parts = [name for name in {**one[1], **other[1]} if one[1].get(name) != other[1].get(name)]
    return (*(["function"] if one[0] != other[0] else []), *parts)
