"""HTTP requests and their keys, whatever framework they come from."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from ._describe import describe
from ._errors import UnkeyableError
from ._forms import File, read_fields
from ._native import Json, Key, Media, key_of, relief_key

_GENERATE = "/api/generate/"


@dataclasses.dataclass(frozen=True)
class HttpRequest:
    """A request with its whole body. Names of headers are lowercase."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, Any]) -> HttpRequest:
        """From the environment of a WSGI application; reads the body, so no other reader gets it."""
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.replace("_", "-").lower()] = environ[name]
        path = urllib.parse.quote(environ.get("PATH_INFO", "").encode("latin-1"), safe="/:@!$&'()*+,;=~")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return cls(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)

    @classmethod
    def from_asgi(cls, scope: Mapping[str, Any], body: bytes) -> HttpRequest:
        """From the scope of an ASGI application and the body it has received."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            text = value.decode("latin-1")
            known = headers.get(name.decode("latin-1").lower())
            headers[name.decode("latin-1").lower()] = text if known is None else f"{known}, {text}"
        raw = scope.get("raw_path")
        path = raw.decode("latin-1") if raw is not None else urllib.parse.quote(scope["path"])
        query = scope.get("query_string", b"").decode("latin-1")
        return cls(scope["method"], path.partition("?")[0], query, headers, body)


def make_key(
    request: HttpRequest,
    *,
    generator: str | None = None,
    fingerprint: str = "1",
    headers: Iterable[str] = (),
    namespace: str = "",
) -> Key:
    """The key under which a request is kept.

    Without `generator` it is the one that `refrain serve` gives to a generate request of its built-in generator; a
    request that the server would refuse is a `ValueError`. With `generator` the request is passed on to it as it is:
    method, path, query, the `headers` named, and the body count.
    """
    if generator is None:
        return _served_key(request)
    return _passed_on_key(request, generator, str(fingerprint), headers, namespace)


def _served_key(request: HttpRequest) -> Key:
    name = request.path[len(_GENERATE) :] if request.path.startswith(_GENERATE) else None
    if request.method != "POST" or name != "relief":
        raise ValueError(
            f"{request.method} {request.path} is not a request of the built-in generator; "
            "name the `generator` that it is passed on to"
        )
    return relief_key(read_fields(request.body, request.headers.get("content-type", "")))


def _passed_on_key(
    request: HttpRequest, generator: str, fingerprint: str, headers: Iterable[str], namespace: str
) -> Key:
    passed_on = {name.lower() for name in headers}
    query = urllib.parse.parse_qsl(request.query, keep_blank_values=True, errors="strict")
    parts: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "query": query,
        "headers": {name: value for name, value in request.headers.items() if name in passed_on},
        "body": _body(request),
    }
    return key_of(generator, fingerprint, parts, describe, namespace)


def _body(request: HttpRequest) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return Json(request.body)
        if kind == "multipart/form-data":
            fields = read_fields(request.body, request.headers["content-type"])
            return {
                name: Media(value.content) if isinstance(value, File) else str(value)
                for name, value in fields.items()
            }
    except ValueError as error:
        raise UnkeyableError(f"`body` cannot be part of a key: {error}", "body") from error
    return Media(request.body)
