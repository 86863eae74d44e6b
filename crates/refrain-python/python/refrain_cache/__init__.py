"""A result cache for expensive generation: never generate the same thing twice.

`LRUCache`, `get_cache`, `clear_cache`, `cached_result` and `cached_result_sync` are for code that has a cache of its
own already; `Cache` does more; `Client` asks a running `refrain serve`. See docs/python.md of the project.
"""

from ._cache import Cache
from ._decorators import cached_result, cached_result_sync
from ._errors import (
    BypassWarning,
    CodecError,
    RecursiveComputationError,
    RefrainError,
    UnkeyableError,
    WaitTimeoutError,
)
from ._lru import LRUCache, clear_cache, get_cache
from ._native import Json, Key, Media, __version__
from ._sizes import estimate_bytes, estimate_mb

__all__ = [
    "BypassWarning",
    "Cache",
    "CodecError",
    "Json",
    "Key",
    "LRUCache",
    "Media",
    "RecursiveComputationError",
    "RefrainError",
    "UnkeyableError",
    "WaitTimeoutError",
    "__version__",
    "cached_result",
    "cached_result_sync",
    "clear_cache",
    "estimate_bytes",
    "estimate_mb",
    "get_cache",
]
