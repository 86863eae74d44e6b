"""What users are told of their functions and folders: warnings that are given once, counts, and lines of the log."""

from __future__ import annotations

import collections
import logging
import sys
import threading
import warnings
from typing import Any

from ._errors import BypassWarning, UnkeyableError

log = logging.getLogger("refrain_cache")


class Notices:
    """What the users of a function or folder are told, once: that calls went past the cache, or that keeping failed."""

    def __init__(self, function: object, frames: int | None = 4) -> None:
        #: Frames from the warning to the caller of the function; `None` if their number is not always the same.
        self._frames = frames
        self._function = getattr(function, "__qualname__", repr(function))
        self._told: set[str] = set()
        #: How often calls went past the cache, by the argument or error that was the reason.
        self.bypasses: collections.Counter[str] = collections.Counter()
        self._lock = threading.RLock()

    def bypassed(self, error: Exception) -> None:
        part = error.part if isinstance(error, UnkeyableError) else type(error).__name__
        # Of `items[3].x` it is the argument that counts.
        argument = part.partition("[")[0].partition(".")[0]
        reason = str(error) or type(error).__name__
        with self._lock:
            self.bypasses[argument] += 1
        log.debug("bypass of %s: %s", self._function, reason)
        self.tell(argument, f"{self._function} is called without the cache: {reason}")

    def failed(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.tell(type(error).__name__, f"a result of {self._function} was not kept: {reason}")

    def gives_stream(self) -> None:
        self.tell("<stream>", f"a result of {self._function} is not kept: it can be read only once; return a list or bytes", True)

    def tell(self, about: str, message: str, searched: bool = False) -> None:
        """Warns, unless this has been told already; where the user's code is, is `searched` for if calls are not direct."""
        with self._lock:
            if about in self._told:
                return
            self._told.add(about)
        try:
            frames = _frames_to_user() if searched or self._frames is None else self._frames
            warnings.warn(message, BypassWarning, stacklevel=frames)
        except BypassWarning:
            # Warnings are errors here, but a call must not fail for the sake of its cache.
            log.warning(message)


def _frames_to_user() -> int:
    """Frames up to the caller: the first one that is not of this package."""
    frames, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frames, frame = frames + 1, frame.f_back
    return frames
