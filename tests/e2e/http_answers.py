"""What an answer says: Cache-Status (RFC 9211), problem documents (RFC 9457), server-sent events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import httpx

KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CacheStatus:
    hit: bool
    fwd: str | None
    stored: bool
    collapsed: bool
    ttl: int | None
    detail: str | None

    @property
    def generated(self) -> bool:
        """This very request ran the generator."""
        return not self.hit and not self.collapsed


def cache_status(answer: httpx.Response) -> CacheStatus:
    text = answer.headers["Cache-Status"]
    member, *parameters = split_parameters(text)
    assert member == "refrain", f"Cache-Status names `{member}`, not refrain: {text}"
    values: dict[str, str | bool] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        assert re.fullmatch(r"[a-z*][a-z0-9_.*-]*", name), f"not a parameter name: {text}"
        assert name not in values, f"{name} twice: {text}"
        values[name] = value if equals else True
    assert set(values) <= {"hit", "fwd", "fwd-status", "ttl", "stored", "collapsed", "key", "detail"}, text
    assert ("hit" in values) != ("fwd" in values), f"either hit or fwd: {text}"
    for flag in ("hit", "stored", "collapsed"):
        assert values.get(flag, True) is True, f"{flag} is a boolean: {text}"
    if "fwd" in values:
        assert values["fwd"] in {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}
    detail = values.get("detail")
    if isinstance(detail, str):
        detail = detail.strip('"')
    return CacheStatus(
        hit="hit" in values,
        fwd=values.get("fwd"),
        stored="stored" in values,
        collapsed="collapsed" in values,
        ttl=int(values["ttl"]) if "ttl" in values else None,
        detail=detail,
    )


def split_parameters(text: str) -> list[str]:
    """Splits at semicolons outside quotes."""
    return [part.strip() for part in re.findall(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+', text)]


def assert_problem(answer: httpx.Response, status: int, field: str | None = None) -> dict:
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:500]}"
    media_type = answer.headers["Content-Type"].split(";")[0]
    assert media_type == "application/problem+json", f"{media_type}: {answer.text[:500]}"
    problem = answer.json()
    assert re.fullmatch(r"urn:refrain:problem:[a-z0-9]+(-[a-z0-9]+)*", problem["type"]), problem
    assert problem["status"] == status, problem
    assert isinstance(problem["title"], str) and problem["title"], problem
    assert isinstance(problem["detail"], str) and len(problem["detail"]) > 10, problem
    if field is not None:
        assert problem.get("field") == field, problem
        assert field.rpartition(".")[2] in problem["detail"], f"detail does not name {field}: {problem}"
    return problem


def events(lines) -> list[tuple[str, dict]]:
    """The server-sent events of a stream that ended."""
    return list(event_stream(lines))


def event_stream(lines):
    name, data = "message", []
    for line in lines:
        if line.startswith(":"):
            continue
        if line == "":
            if data:
                yield name, json.loads("\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
