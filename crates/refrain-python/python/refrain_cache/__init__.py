"""A result cache for expensive generation: never generate the same thing twice.

`LRUCache`, `get_cache`, `clear_cache`, `cached_result` and `cached_result_sync` are for code that has a cache of its
own already; `Cache` does more; `DiskTier` keeps results in files;
`Client` asks a running `refrain serve`. See docs/python.md of the project.
"""

from . import codecs
from ._cache import Cache
from ._client import Client, Job, Result
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
    UnkeyableError,
    WaitTimeoutError,
)
from ._lru import LRUCache, clear_cache, get_cache
from ._native import DiskTicket, Json, Key, Media, __version__
from ._requests import HttpRequest, make_key
from ._sizes import estimate_bytes, estimate_mb

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
