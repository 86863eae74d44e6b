"""What goes over the connection with a cached result, and time that really passes (RFC 9110, 9111, 9211).

What requests may ask of the cache, directive by directive, is in crates/refrain-server/tests/it/generate.rs and fetching.rs.
"""

from __future__ import annotations

import time

import pictures
import pytest
from http_answers import cache_status
from server_process import eventually

QUICK = {"quality": 2}


@pytest.fixture
def stored(server):
    """One result in the cache: its picture, the answer that made it, and where it is kept."""
    picture = pictures.fresh_png()
    return picture, server.generate(picture, **QUICK)


def test_a_hit_says_how_long_it_stays_and_how_old_it_is(serve):
    server = serve("--ttl-seconds", "300")
    picture = pictures.fresh_png()
    server.generate(picture, **QUICK)
    hit = server.generate(picture, **QUICK)
    assert 290 <= cache_status(hit).ttl <= 300
    older = eventually(
        lambda: (answer := server.generate(picture, **QUICK)) and int(answer.headers["Age"]) >= 1 and answer,
        what="an age of 1 s",
    )
    assert int(older.headers["Age"]) + cache_status(older).ttl in (299, 300)


def test_the_etag_is_strong_and_names_the_bytes(server, stored):
    picture, miss = stored
    etag = miss.headers["ETag"]
    assert etag.startswith('"') and etag.endswith('"') and len(etag) >= 34
    assert server.generate(picture, quality=3).headers["ETag"] != etag
    assert server.http.get(miss.headers["Content-Location"]).headers["ETag"] == etag


def test_if_none_match_with_the_etag_answers_304_without_a_body(server, stored):
    _, miss = stored
    etag = miss.headers["ETag"]
    headers = {"If-None-Match": etag}
    for method in ("GET", "HEAD"):
        answer = server.http.request(method, miss.headers["Content-Location"], headers=headers)
        assert answer.status_code == 304
        assert answer.content == b""
        assert answer.headers["ETag"] == etag
        assert "Cache-Status" in answer.headers


def test_a_result_can_be_fetched_again_by_its_address(server, stored):
    _, miss = stored
    result = server.http.get(miss.headers["Content-Location"])
    assert result.status_code == 200
    assert result.content == miss.content
    assert result.headers["Content-Type"] == miss.headers["Content-Type"]
    assert result.headers["Accept-Ranges"] == "bytes"
    assert cache_status(result).hit
    head = server.http.head(miss.headers["Content-Location"])
    assert head.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == result.headers[name]


@pytest.mark.parametrize(
    ("range_", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, None),
        ("bytes=-100", -100, None),
        ("bytes=5-999999999", 5, None),
    ],
)
def test_a_range_answers_206_with_exactly_those_bytes(server, stored, range_, first, last):
    _, miss = stored
    whole = miss.content
    answer = server.http.get(miss.headers["Content-Location"], headers={"Range": range_})
    begin = first if first >= 0 else len(whole) + first
    end = len(whole) - 1 if last is None else last
    assert answer.status_code == 206
    assert answer.content == whole[begin : end + 1]
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end}/{len(whole)}"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.headers["ETag"] == miss.headers["ETag"]


def test_an_expired_result_is_a_miss_and_is_never_served(serve):
    server = serve("--ttl-seconds", "1")
    picture = pictures.fresh_png()
    made = server.generate(picture, **QUICK)
    assert cache_status(server.generate(picture, **QUICK)).hit
    time.sleep(1.2)
    assert server.http.get(made.headers["Content-Location"]).status_code == 404
    assert cache_status(server.generate(picture, **QUICK)).fwd == "miss"


