"""The errors of this package, each a `RefrainError` and the built-in that fits."""

from __future__ import annotations

import copy
import io


class RefrainError(Exception):
    """The base of all errors of this package."""


class UnkeyableError(RefrainError, TypeError):
    """A value that cannot be part of a key; `part` names it, as in `prompt[2].style`."""

    def __init__(self, message: str, part: str = "") -> None:
        super().__init__(message)
        self.part = part

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.args[0], self.part)


class RecursiveComputationError(RefrainError, RecursionError):
    """A computation needs its own result, directly or through others, so waiting would never end."""


class WaitTimeoutError(RefrainError, TimeoutError):
    """The result was not there in time. The computation goes on."""


class SharedComputationError(RefrainError):
    """The computation that a caller waited for failed with the error that is the cause, which cannot be copied."""


class CodecError(RefrainError, ValueError):
    """A value that no codec takes, or bytes that are not what their codec writes."""


class DiskError(RefrainError, OSError):
    """The disk refused; what the operating system said is the cause."""


class DiskInUseError(DiskError):
    """Another process, or another tier of this one, writes to the folder."""


class DiskReadOnlyError(DiskError, io.UnsupportedOperation):
    """The folder is only read here."""


class ServerError(RefrainError):
    """The server refused a request; the fields are those of its problem document (RFC 9457)."""

    def __init__(self, status: int, kind: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{status} {kind}: {detail}")
        self.status = status
        self.kind = kind
        self.detail = detail
        self.field = field


class ServerUnreachableError(RefrainError, ConnectionError):
    """No server answered at the address."""


class BypassWarning(UserWarning):
    """A call went past the cache, because it could not be keyed or the cache failed. Told once per function or folder."""


def own_error(error: Exception) -> Exception:
    """The same error as an object of its own: one that many raise would have the contexts and tracebacks of all."""
    kind = type(error)
    for make in (_copied, _made_anew):
        try:
            own = make(error)
        except Exception:
            continue
        if type(own) is kind and own is not error:
            return own.with_traceback(None)
    return SharedComputationError(f"{kind.__qualname__}, which cannot be copied")


def _copied(error: Exception) -> Exception:
    return copy.copy(error)


def _made_anew(error: Exception) -> Exception:
    """Without its `__init__`, which may want other arguments than it handed on."""
    own: Exception = type(error).__new__(type(error), *error.args)
    own.args = error.args
    own.__dict__.update(error.__dict__)
    return own
