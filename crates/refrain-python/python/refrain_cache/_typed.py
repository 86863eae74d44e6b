"""What decorated functions are to a type checker: the same call, the same result, and what hangs on them.

Imported by type checkers only. When a program runs, decorated functions are a native callable or a coroutine function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar, overload

from typing_extensions import Concatenate, ParamSpec, Self

from ._handles import Explanation

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
K = TypeVar("K")
S = TypeVar("S")


class Cached(Protocol[P, R, K]):
    """A decorated function; found on an object, one that has it as its first argument. Keys are of type `K`."""

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __get__(self, instance: None, owner: Any = None, /) -> Self: ...
    @overload
    def __get__(
        self: Cached[Concatenate[S, Q], R, K], instance: object, owner: Any = None, /
    ) -> Cached[Q, R, K]: ...

    def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> K: ...
    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool: ...
    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R | None: ...
    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation: ...
    def clear(self) -> int: ...
    def info(self) -> dict[str, Any]: ...


class CachedAsync(Protocol[P, R, K]):
    """The same of an asynchronous function."""

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]: ...

    @overload
    def __get__(self, instance: None, owner: Any = None, /) -> Self: ...
    @overload
    def __get__(
        self: CachedAsync[Concatenate[S, Q], R, K], instance: object, owner: Any = None, /
    ) -> CachedAsync[Q, R, K]: ...

    def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> K: ...
    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool: ...
    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R | None: ...
    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]: ...
    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation: ...
    def clear(self) -> int: ...
    def info(self) -> dict[str, Any]: ...


class Decorator(Protocol):
    """`cached_result_sync(…)`."""

    def __call__(self, function: Callable[P, R], /) -> Cached[P, R, Any]: ...


class AsyncDecorator(Protocol):
    """`cached_result(…)`."""

    def __call__(self, function: Callable[P, Awaitable[R]], /) -> CachedAsync[P, R, Any]: ...


class AnyDecorator(Protocol, Generic[K]):
    """`Cache.cached(…)`, for asynchronous functions and others."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> CachedAsync[P, R, K]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Cached[P, R, K]: ...
