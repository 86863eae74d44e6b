"""A client for a running `refrain serve`. One connection for each request, so it is safe in threads."""

from __future__ import annotations

import dataclasses
import email.message
import http.client
import json
import os
import secrets
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._errors import ServerError, ServerUnreachableError, WaitTimeoutError
from ._native import Key


@dataclasses.dataclass(frozen=True)
class Result:
    """A generated file, and how the server came to it."""

    content: bytes
    content_type: str
    file_name: str
    key: Key | None
    etag: str
    age_seconds: int
    cache_status: str
    url: str | None

    @property
    def is_hit(self) -> bool:
        """Whether it was stored already."""
        return "; hit" in self.cache_status


@dataclasses.dataclass(frozen=True)
class Job:
    """A generation as the server tells of it; `document` has all of its fields."""

    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def state(self) -> str:
        """`queued`, `running`, `done`, `failed` or `cancelled`."""
        return str(self.document["state"])

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "running")


class Client:
    """Asks the server at `url`; `token` is the admin token, where one is set."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:5000",
        *,
        token: str | None = None,
        timeout_seconds: float = 600.0,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"`url` is {url!r} but must be like http://127.0.0.1:5000")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._timeout_seconds = timeout_seconds

    def generate(self, generator: str, fields: Mapping[str, Any], *, cache_control: str | None = None) -> Result:
        """Has it generated, or gets what is stored. Fields that are bytes or paths are sent as files.

        `cache_control` is what the request asks of the cache, such as `no-cache` or `only-if-cached`.
        """
        headers = {} if cache_control is None else {"cache-control": cache_control}
        response, content = self._post_fields(generator, fields, headers)
        return _result(response, content)

    def submit(self, generator: str, fields: Mapping[str, Any]) -> Job:
        """Begins a generation, and does not wait for it."""
        _, content = self._post_fields(generator, fields, {"prefer": "respond-async"})
        return Job(json.loads(content))

    def job(self, job: Job | str) -> Job:
        """The job as it is now."""
        return Job(self._json("GET", self._job_path(job)))

    def wait(self, job: Job | str, *, timeout_seconds: float | None = None) -> Job:
        """The job when it has ended, however it ended."""
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause = 0.02
        while True:
            now = self.job(job)
            if now.has_ended:
                return now
            if until is not None and time.monotonic() >= until:
                raise WaitTimeoutError(f"job {now.id} is {now.state} after {timeout_seconds} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def leave(self, job: Job | str) -> None:
        """Leaves a job; its work stops if no other client waits for it."""
        self._request("DELETE", self._job_path(job))

    def result(self, of: Key | str | Job) -> Result:
        """A stored result, by its key or of a job that is done."""
        if isinstance(of, Job):
            path = of.document["result_url"]
            if path is None:
                raise ValueError(f"job {of.id} is {of.state} and has no result")
        else:
            path = f"/api/results/{of}"
        return _result(*self._request("GET", path))

    def batch(self, items: Iterable[tuple[str, Mapping[str, Any]]], *, parallel: int | None = None) -> Iterator[dict[str, Any]]:
        """Many requests in one: for each, in order, the line that the server writes for it, as soon as it is there.

        Fields are JSON here: files are text in base64.
        """
        document: dict[str, Any] = {
            "items": [{"generator": generator, "request": dict(fields)} for generator, fields in items]
        }
        if parallel is not None:
            document["parallel"] = parallel
        headers = {"content-type": "application/json"}
        connection, response = self._open("POST", "/api/batch", json.dumps(document).encode(), headers)
        try:
            for line in response:
                if line.strip():
                    yield json.loads(line)
        finally:
            connection.close()

    def health(self) -> dict[str, Any]:
        """Whether the server is well, and its version."""
        return self._json("GET", "/health")

    def stats(self) -> dict[str, Any]:
        """The statistics of its cache."""
        return dict(self._json("GET", "/api/cache/stats")["stats"])

    def config(self) -> dict[str, Any]:
        """The limits of its cache."""
        return dict(self._json("GET", "/api/cache/config")["config"])

    def update_config(self, **settings: Any) -> dict[str, Any]:
        """Changes `max_size`, `max_memory_mb` and `default_ttl_seconds`, those that are given."""
        return dict(self._json("POST", "/api/cache/config", settings)["config"])

    def clear(self) -> int:
        """Empties its cache; says how many entries there were."""
        return int(self._json("POST", "/api/cache/clear")["cleared"])

    def reset_stats(self) -> None:
        """Zeroes its counters."""
        self._json("POST", "/api/cache/stats/reset")

    def entries(self, *, per_page: int = 1000) -> Iterator[dict[str, Any]]:
        """What its cache holds, page by page."""
        page = pages = 1
        while page <= pages:
            listing = self._json("GET", f"/api/cache/entries?page={page}&per_page={per_page}&sort=key")
            yield from listing["entries"]
            page, pages = page + 1, listing["pages"]

    def delete(self, key: Key | str) -> bool:
        """Removes an entry; says whether there was one."""
        try:
            self._json("DELETE", f"/api/cache/entries/{key}")
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _job_path(self, job: Job | str) -> str:
        name = job.id if isinstance(job, Job) else job
        return f"/api/jobs/{urllib.parse.quote(name, safe='')}"

    def _post_fields(
        self, generator: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        body, content_type = _encoded(fields)
        path = f"/api/generate/{urllib.parse.quote(generator, safe='')}"
        return self._request("POST", path, body, {**headers, "content-type": content_type})

    def _json(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        _, content = self._request(method, path, body, headers)
        told = json.loads(content)
        if not isinstance(told, dict):
            raise ServerUnreachableError(f"{self._host} answered {path} as no server of refrain does")
        return told

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection, response = self._open(method, path, body, headers or {})
        try:
            return response, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        make = http.client.HTTPSConnection if self._scheme == "https" else http.client.HTTPConnection
        connection = make(self._host, self._port, timeout=self._timeout_seconds)
        authorized = dict(headers)
        if self._token is not None:
            authorized["authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, self._prefix + path, body, authorized)
            response = connection.getresponse()
            if response.status >= 400:
                raise _problem(response)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _unreachable(self, error: Exception) -> ServerUnreachableError:
        where = f"{self._host}:{self._port or self._scheme}"
        return ServerUnreachableError(f"no answer from {where}: {error or type(error).__name__}")


def _encoded(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    if not any(isinstance(value, (bytes, bytearray, os.PathLike)) for value in fields.values()):
        return json.dumps(dict(fields)).encode(), "application/json"
    boundary = secrets.token_hex(16)
    body = bytearray()
    for name, value in fields.items():
        body += f'--{boundary}\r\ncontent-disposition: form-data; name="{_quoted(name)}"'.encode()
        if isinstance(value, os.PathLike):
            with open(value, "rb") as file:
                value = file.read()
        if isinstance(value, (bytes, bytearray)):
            body += b'; filename="file"\r\ncontent-type: application/octet-stream'
        else:
            value = (value if isinstance(value, str) else json.dumps(value)).encode()
        body += b"\r\n\r\n" + value + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return bytes(body), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _result(response: http.client.HTTPResponse, content: bytes) -> Result:
    disposition = email.message.Message()
    disposition["content-disposition"] = response.getheader("content-disposition", "")
    key = response.getheader("refrain-key")
    return Result(
        content=content,
        content_type=response.getheader("content-type", ""),
        file_name=disposition.get_filename("") or "",
        key=None if key is None else Key(key),
        etag=response.getheader("etag", ""),
        age_seconds=int(response.getheader("age", "0")),
        cache_status=response.getheader("cache-status", ""),
        url=response.getheader("content-location"),
    )


def _problem(response: http.client.HTTPResponse) -> ServerError:
    content = response.read()
    try:
        told = json.loads(content)
        kind = str(told["type"]).rpartition(":")[2]
        return ServerError(response.status, kind, str(told.get("detail", "")), told.get("field"))
    except (ValueError, TypeError, KeyError):
        return ServerError(response.status, "unknown", content[:200].decode(errors="replace"))
