"""`DiskTier`: results in the files of a folder, shared with `refrain serve`."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Callable, Iterable

from . import _forks, codecs
from ._notices import Notices
from ._errors import CodecError, DiskError, DiskReadOnlyError
from ._native import DiskFolder, DiskTicket, Key
from ._options import check_limits, tags_of
from ._recipes import key_for

_MEDIA_TYPES = {
    "bytes": "application/octet-stream",
    "text": "text/plain; charset=utf-8",
    "json": "application/json",
    "numpy": "application/x-npy",
    "pil": "image/png",
    "values": "application/octet-stream",
    "pickle": "application/octet-stream",
}


@dataclasses.dataclass(frozen=True)
class DiskEntry:
    """What is stored, every byte of it compared with its digest."""

    content: bytes
    codec: str
    media_type: str
    file_name: str
    tags: tuple[str, ...]
    cost_seconds: float
    age_seconds: float
    expires_in_seconds: float | None


class DiskTier:
    """Results in the files of the folder `path`, which survive a crash. One tier writes to a folder, others read it.

    Keys are those of `Cache`. Values are bytes, texts, JSON, arrays and pictures, each by its codec; `codec` names one
    for all. Pickle is only read by a tier made with `codec="pickle"`: reading it runs whatever is in it.

    In a child process (`fork`), and after `close`, a tier is as one made with `read_only`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = 10 << 30,
        max_entries: int | None = None,
        policy: str = "hazard",
        codec: str | None = None,
        read_only: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        check_limits(max_entries, max_bytes)
        if codec is not None and codec not in _MEDIA_TYPES:
            raise ValueError(f"`codec` is {codec!r} but must be one of {', '.join(_MEDIA_TYPES)}, or None")
        if read_only and clock is not None:
            raise TypeError("`clock` is for a tier that writes; one that is `read_only` has the machine's")
        self._path = os.path.abspath(os.fspath(path))
        self._codec = codec
        self._native = DiskFolder(self._path, max_entries, max_bytes, policy, read_only, clock)
        self._notices = Notices(self, frames=None)
        _forks.forget_in_children(self)

    @property
    def path(self) -> str:
        """The folder."""
        return self._path

    @property
    def read_only(self) -> bool:
        """Whether nothing is written here, or no longer."""
        return self._native.is_read_only()

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or `default`. What the disk refuses is a miss. Waits for the disk."""
        found = self._fetch(key_for(key))
        return default if found is None else found[0]

    def entry(self, key: Any) -> DiskEntry | None:
        """The bytes and what is known of them, not made a value of."""
        return self._load(key_for(key))

    def set(
        self,
        key: Any,
        value: Any,
        *,
        codec: str | None = None,
        media_type: str | None = None,
        file_name: str = "",
        ttl_seconds: float | None = None,
        cost_seconds: float | None = None,
        tags: Iterable[str] = (),
        ticket: DiskTicket | None = None,
    ) -> bool:
        """Stores the value, in the place of an older one; false if it is not stored. True survives a power cut.

        With a `ticket` of `begin` it is not stored if the key or one of the tags has been invalidated since, or the key
        set. A value that the codec does not take is a `CodecError`.
        """
        if self.read_only:
            raise DiskReadOnlyError(f"the disk tier at `{self._path}` is only read here")
        name, content = self._encode(value, codec)
        kind = _MEDIA_TYPES[name] if media_type is None else media_type
        about = (name, kind, file_name, ttl_seconds, cost_seconds, tags_of(tags))
        return self._store(ticket, key_for(key), content, about)

    def begin(self) -> DiskTicket:
        """A ticket for a computation that begins now, for `set`."""
        ticket = self._native.begin()
        if ticket is None:
            raise DiskReadOnlyError(f"the disk tier at `{self._path}` is only read here")
        return ticket

    def invalidate(self, key: Any) -> bool:
        """Removes the entry, for good when this returns. A `DiskError` if the disk refuses."""
        return self._native.invalidate(key_for(key))

    def invalidate_tag(self, tag: str) -> int:
        """Removes all entries with the tag, and says how many. A `DiskError` if the disk refuses."""
        return self._native.invalidate_tag(tag)

    def clear(self) -> int:
        """Removes all entries, and says how many. A `DiskError` if the disk refuses."""
        return self._native.invalidate_all()

    def entries(self) -> list[tuple[Key, dict[str, Any]]]:
        """All keys, in no particular order, with bytes, cost, time left and tags of each entry."""
        return self._native.entries()

    def stats(self) -> dict[str, Any]:
        """Counters since the tier was opened, and what it holds; of one that is only read, what is known here."""
        return self._native.stats()

    def limits(self) -> dict[str, Any]:
        """The settings that `set_limits` changes."""
        return dict(zip(("max_entries", "max_bytes"), self._native.limits()))

    def set_limits(self, **limits: Any) -> None:
        """Changes `max_entries` and `max_bytes`; what is not given stays. Evicts at once."""
        unknown = set(limits) - {"max_entries", "max_bytes"}
        if unknown:
            raise TypeError(f"{', '.join(sorted(unknown))}: not a limit; max_entries, max_bytes are")
        changed = {**self.limits(), **limits}
        check_limits(**changed)
        self._native.set_limits(**changed)

    def close(self) -> None:
        """Lets go of the folder, for another one to write to it. Reading goes on."""
        if not self.read_only:
            self._native.close()

    def __enter__(self) -> DiskTier:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._native)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: Any) -> bool:
        try:
            return key_for(key) in self._native
        except DiskError as error:
            self._failed("looked for", error)
            return False

    def __repr__(self) -> str:
        return f"<DiskTier at {self._path!r}{', only read' if self.read_only else ''}>"

    def forget_everything(self) -> None:
        """From now on only reads. For child processes."""
        self._native.forget_everything()
        self._notices = Notices(self, frames=None)

    def _load(self, key: Key) -> DiskEntry | None:
        try:
            loaded = self._native.load(key)
        except DiskError as error:
            self._failed("read", error)
            return None
        if loaded is None:
            return None
        content, codec, media_type, file_name, tags, cost, age, left = loaded
        return DiskEntry(content, codec, media_type, file_name, tuple(tags), cost, age, left)

    def _fetch(self, key: Key) -> tuple[Any, DiskEntry] | None:
        """The value and its entry. What cannot be made a value of is not there."""
        entry = self._load(key)
        if entry is None:
            return None
        try:
            return self._decoded(entry.codec, entry.content), entry
        except CodecError:
            return None

    def _decoded(self, codec: str, content: bytes) -> Any:
        """The value; a `CodecError`, told once, if there is none to be made of the bytes."""
        try:
            if codec == "pickle" and self._codec != "pickle":
                raise CodecError('reading it would run whatever is in it; if you trust who writes there, say `codec="pickle"`')
            return codecs.decode(codec, content)
        except CodecError as error:
            self._native.count_undecoded()
            self._notices.tell(f"read as {codec}", f"{self!r} does not read an entry written as {codec}: {error}")
            raise

    def _encoded(self, value: Any) -> tuple[str, str, bytes]:
        """Codec, media type and bytes of a value."""
        name, content = self._encode(value)
        return name, _MEDIA_TYPES[name], content

    def _encode(self, value: Any, codec: str | None = None) -> tuple[str, bytes]:
        name = self._codec if codec is None else codec
        if name == "pickle" and self._codec != "pickle":
            raise ValueError('this tier does not read pickles; say `codec="pickle"` when it is made')
        return codecs.encode(value, name)

    def _store(
        self,
        ticket: DiskTicket | None,
        key: Key,
        content: bytes,
        about: tuple[str, str, str, float | None, float | None, list[str]],
    ) -> bool:
        try:
            return self._native.store(ticket, key, content, *about) == "stored"
        except DiskReadOnlyError:
            # Closed just now.
            return False
        except DiskError as error:
            self._failed("written", error)
            return False

    def _failed(self, what: str, error: DiskError) -> None:
        cause = "" if error.__cause__ is None else f": {error.__cause__}"
        self._notices.tell(what, f"an entry of {self!r} was not {what}: {error}{cause}")
