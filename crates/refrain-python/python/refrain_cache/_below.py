"""What is between the values of a `Cache` and the bytes in the folder below it."""

from __future__ import annotations

from typing import Any, Callable

from ._disk import DiskTier
from ._errors import CodecError
from ._notices import Notices
from ._options import size_of_value

#: Too heavy for any memory: the caller gets the value, and the folder keeps it.
_TOO_HEAVY = (1 << 64) - 1


class Below:
    """Called by the native cache, on any thread, with nothing locked."""

    def __init__(self, disk: DiskTier, size_of: Callable[[Any], int]) -> None:
        self._disk = disk
        self._size_of = size_of
        self._notices = Notices(disk, frames=None)

    def encode(self, value: Any) -> tuple[str, str, bytes] | None:
        """Codec, media type and bytes; `None` for a value that is in memory alone."""
        if self._disk.read_only:
            return None
        try:
            return self._disk._encoded(value)
        except CodecError as error:
            kind = type(value).__qualname__
            self._notices.tell(f"written {kind}", f"a {kind} is kept in memory only, not in {self._disk!r}: {error}")
            return None

    def decode(self, codec: str, content: bytes) -> tuple[Any, int]:
        """The value, and the bytes that its entry in memory is charged with."""
        value = self._disk._decoded(codec, content)
        try:
            return value, size_of_value(value, self._size_of, None)
        except Exception as error:
            self._notices.failed(error)
            return value, _TOO_HEAVY

    def tell_failure(self) -> None:
        """Warns of a store that the disk refused."""
        failure = self._disk._native.take_failure()
        if failure is not None:
            self._notices.tell("written", f"an entry of {self._disk!r} was not written: {failure}")
