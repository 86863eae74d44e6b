"""The environment variables of the result cache, as the server and the Rust library read them."""

from __future__ import annotations

import os
from typing import Any

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}


def is_disabled() -> bool:
    """Whether `DISABLE_RESULT_CACHE` says that functions are called each time."""
    word = os.environ.get("DISABLE_RESULT_CACHE", "")
    try:
        return _WORDS[word.strip().lower()]
    except KeyError:
        raise _wrong("DISABLE_RESULT_CACHE", word, "0 or 1") from None


def limits() -> dict[str, Any]:
    """The limits of the cache of the process that the environment names."""
    named: dict[str, Any] = {}
    for variable, name, kind, allowed in (
        ("CACHE_MAX_SIZE", "max_size", int, "a whole number from 1 on"),
        ("CACHE_MAX_MEMORY_MB", "max_memory_mb", float, "a number above 0"),
        ("CACHE_TTL_SECONDS", "default_ttl_seconds", float, "a number of seconds above 0"),
    ):
        text = os.environ.get(variable)
        if not text:
            continue
        try:
            value = kind(text)
        except ValueError:
            raise _wrong(variable, text, allowed) from None
        if not value > 0:
            raise _wrong(variable, text, allowed)
        named[name] = value
    return named


def _wrong(variable: str, value: str, allowed: str) -> ValueError:
    return ValueError(f"the environment variable `{variable}` is {value!r} but must be {allowed}")
