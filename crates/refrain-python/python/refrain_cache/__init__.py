"""A result cache for expensive generation: never generate the same thing twice.

`LRUCache`, `get_cache`, `clear_cache`, `cached_result` and `cached_result_sync` are for code that has a cache of its
own already; `Cache` does more; `DiskTier` keeps results in files;
`Client` asks a running `refrain serve`. See docs/python.md of the project.
"""

from typing import TYPE_CHECKING

from . import codecs
from ._cache import Cache
from ._decorators import cached_result, cached_result_sync
from ._disk import DiskEntry, DiskTier
from ._errors import (
    BypassWarning,
    CodecError,
    DiskError,
    DiskInUseError,
    DiskReadOnlyError,
    RecursiveComputationError,
    RefrainError,
    ServerError,
    ServerUnreachableError,
    SharedComputationError,
    UnkeyableError,
    WaitTimeoutError,
)
from ._lru import LRUCache, clear_cache, get_cache
from ._native import DiskTicket, Json, Key, Media, __version__
from ._sizes import estimate_bytes, estimate_mb

if TYPE_CHECKING:
    from ._client import Client, Job, Result
    from ._requests import HttpRequest, make_key
else:
    #: What needs HTTP and mail headers of the standard library, by its module: imported when it is used.
    _LATER = {"Client": "_client", "Job": "_client", "Result": "_client", "HttpRequest": "_requests", "make_key": "_requests"}

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "BypassWarning",
    "Cache",
    "Client",
    "CodecError",
    "DiskEntry",
    "DiskError",
    "DiskInUseError",
    "DiskReadOnlyError",
    "DiskTicket",
    "DiskTier",
    "HttpRequest",
    "Job",
    "Json",
    "Key",
    "LRUCache",
    "Media",
    "RecursiveComputationError",
    "RefrainError",
    "Result",
    "ServerError",
    "ServerUnreachableError",
    "SharedComputationError",
    "UnkeyableError",
    "WaitTimeoutError",
    "__version__",
    "cached_result",
    "cached_result_sync",
    "clear_cache",
    "codecs",
    "estimate_bytes",
    "estimate_mb",
    "get_cache",
    "make_key",
]
