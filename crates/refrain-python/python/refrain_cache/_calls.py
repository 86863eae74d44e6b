"""A function that is called through a cache: what decorators of every cache share.

If anything goes wrong with keys or the cache, the function is called and its result is returned.
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any, Callable

from ._flights import Flights, Results
from ._handles import OF_CALLS, Handles
from ._native import CachedFunction
from ._notices import Notices

#: The flights that compute a result on a miss, and the place where it is kept.
Keeping = Callable[[Notices, "tuple[Any, ...]", "dict[str, Any]"], "tuple[Flights, Results]"]


def remember(function: Callable[..., Any], handles: Handles, keeping: Keeping) -> Any:
    """The function as it is called through a cache: looked up natively, computed once for all callers."""
    notices = handles.notices

    def miss(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        handles.missed(args, kwargs or {})
        try:
            flights, results = keeping(notices, args, kwargs or {})
        except Exception as error:
            notices.bypassed(error)
            return function(*args, **(kwargs or {}))
        return handles.handed_out(flights.run(results, key, functools.partial(function, *args, **(kwargs or {}))))

    cached = CachedFunction(function, handles.lookup, miss, notices.bypassed)
    functools.update_wrapper(cached, function)
    return cached


def remember_async(function: Callable[..., Any], handles: Handles, keeping: Keeping) -> Any:
    """The same for a function whose result is awaited, if it is to be awaited."""
    notices, lookup = handles.notices, handles.lookup

    async def computed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    @functools.wraps(function)
    async def cached(*args: Any, **kwargs: Any) -> Any:
        try:
            is_hit, found = lookup.find(args, kwargs)
        except Exception as error:
            notices.bypassed(error)
            return await computed(args, kwargs)
        if is_hit:
            return found
        handles.missed(args, kwargs)
        try:
            flights, results = keeping(notices, args, kwargs)
        except Exception as error:
            notices.bypassed(error)
            return await computed(args, kwargs)
        return handles.handed_out(await flights.run_async(results, found, functools.partial(computed, args, kwargs)))

    return cached


def attribute_of_method(function: Any, instance: Any, name: str) -> Any:
    """An attribute of a cached function that was found on an object: what asks about calls is given the object."""
    if name == "__signature__":
        signature = inspect.signature(function)
        return signature.replace(parameters=list(signature.parameters.values())[1:])
    if name == "__wrapped__":
        return types.MethodType(function.__wrapped__, instance)
    found = getattr(function, name)
    return functools.partial(found, instance) if name in OF_CALLS else found
