"""What the answers say of the cache, and what requests may ask of it (RFC 9110, 9111, 9211)."""

from __future__ import annotations

import time

import pictures
import pytest
from http_answers import assert_problem, cache_status
from server_process import eventually

QUICK = {"quality": 2}


@pytest.fixture
def stored(server):
    """One result in the cache: its picture, the answer that made it, and where it is kept."""
    picture = pictures.fresh_png()
    return picture, server.generate(picture, **QUICK)


def test_a_miss_says_stored_and_has_age_0(stored):
    _, miss = stored
    status = cache_status(miss)
    assert (status.fwd, status.stored, status.collapsed) == ("miss", True, False)
    assert miss.headers["Age"] == "0"


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


@pytest.mark.parametrize("template", ["{}", '"other", {}', "W/{}", "*", '"a" , {} , "b"'])
def test_if_none_match_with_the_etag_answers_304_without_a_body(server, stored, template):
    _, miss = stored
    etag = miss.headers["ETag"]
    headers = {"If-None-Match": template.format(etag)}
    for method in ("GET", "HEAD"):
        answer = server.http.request(method, miss.headers["Content-Location"], headers=headers)
        assert answer.status_code == 304
        assert answer.content == b""
        assert answer.headers["ETag"] == etag
        assert "Cache-Status" in answer.headers


@pytest.mark.parametrize("value", ['"other"', '"a", "b"', "nonsense"])
def test_if_none_match_with_another_etag_answers_200(server, stored, value):
    _, miss = stored
    answer = server.http.get(miss.headers["Content-Location"], headers={"If-None-Match": value})
    assert answer.status_code == 200
    assert answer.content == miss.content


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
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, None),
        ("bytes=-100", -100, None),
        ("bytes=5-999999999", 5, None),
        ("bytes=-999999999", 0, None),
        ("bytes=5-99999999999999999999999999", 5, None),
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


@pytest.mark.parametrize("range_", ["bytes=999999999-", "bytes=-0", "bytes=999999999-9999999999"])
def test_a_range_beyond_the_end_answers_416_with_the_length(server, stored, range_):
    _, miss = stored
    answer = server.http.get(miss.headers["Content-Location"], headers={"Range": range_})
    assert_problem(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{len(miss.content)}"


@pytest.mark.parametrize("range_", ["bytes=9-5", "bytes=a-b", "lines=1-2", "bytes", "bytes=", "bytes=1-2-3", "bytes=--1"])
def test_a_range_that_makes_no_sense_is_ignored(server, stored, range_):
    _, miss = stored
    answer = server.http.get(miss.headers["Content-Location"], headers={"Range": range_})
    assert answer.status_code == 200
    assert answer.content == miss.content


def test_several_ranges_are_answered_whole_or_in_parts_but_never_wrongly(server, stored):
    _, miss = stored
    answer = server.http.get(miss.headers["Content-Location"], headers={"Range": "bytes=0-1,4-5"})
    assert answer.status_code in (200, 206)
    if answer.status_code == 200:
        assert answer.content == miss.content
    else:
        assert answer.headers["Content-Type"].startswith("multipart/byteranges")


def test_if_range_gives_the_part_only_of_the_same_bytes(server, stored):
    _, miss = stored
    part = {"Range": "bytes=10-19"}
    same = server.http.get(miss.headers["Content-Location"], headers={**part, "If-Range": miss.headers["ETag"]})
    assert (same.status_code, same.content) == (206, miss.content[10:20])
    for other in ('"other"', "W/" + miss.headers["ETag"], "Wed, 21 Oct 2015 07:28:00 GMT"):
        whole = server.http.get(miss.headers["Content-Location"], headers={**part, "If-Range": other})
        assert (whole.status_code, whole.content) == (200, miss.content), other


def test_no_cache_computes_anew_and_stores_the_new_result(server, stored):
    picture, _ = stored
    time.sleep(1.1)
    anew = server.generate(picture, headers={"Cache-Control": "no-cache"}, **QUICK)
    status = cache_status(anew)
    assert (status.fwd, status.stored, status.hit) == ("request", True, False)
    assert anew.headers["Age"] == "0"
    after = server.generate(picture, **QUICK)
    assert cache_status(after).hit
    assert int(after.headers["Age"]) < 1.1


def test_no_cache_on_what_is_not_there_computes_and_stores(server):
    picture = pictures.fresh_png()
    first = server.generate(picture, headers={"Cache-Control": "no-cache"}, **QUICK)
    assert first.status_code == 200
    assert cache_status(first).stored
    assert cache_status(server.generate(picture, **QUICK)).hit


def test_no_store_leaves_nothing_behind(serve):
    server = serve()
    picture = pictures.fresh_png()
    for _ in range(2):
        answer = server.generate(picture, headers={"Cache-Control": "no-store"}, **QUICK)
        assert answer.status_code == 200
        assert not cache_status(answer).stored and not cache_status(answer).hit
    assert server.stats()["current_items"] == 0
    assert cache_status(server.generate(picture, **QUICK)).fwd == "miss"


def test_only_if_cached_answers_504_on_a_miss_and_the_result_on_a_hit(server):
    picture = pictures.fresh_png()
    asking = {"Cache-Control": "only-if-cached"}
    miss = server.generate(picture, headers=asking, **QUICK)
    assert_problem(miss, 504)
    assert not cache_status(miss).hit
    made = server.generate(picture, **QUICK)
    assert cache_status(made).fwd == "miss", "the refused request generated after all"
    hit = server.generate(picture, headers=asking, **QUICK)
    assert hit.status_code == 200
    assert cache_status(hit).hit
    assert hit.content == made.content


@pytest.mark.parametrize("value", ["No-Cache", "foo, no-cache", "no-cache ,foo=1", 'x="y, z", NO-CACHE'])
def test_cache_control_is_read_as_a_list_and_in_any_case(server, stored, value):
    picture, _ = stored
    answer = server.generate(picture, headers={"Cache-Control": value}, **QUICK)
    assert cache_status(answer).fwd == "request"


@pytest.mark.parametrize("value", ["", ",,,", "=", "unknown-directive", 'extension="no-store"', "max-stale", "max-age=1000"])
def test_other_cache_control_directives_change_nothing(server, stored, value):
    picture, _ = stored
    answer = server.generate(picture, headers={"Cache-Control": value}, **QUICK)
    assert answer.status_code == 200
    assert cache_status(answer).hit


@pytest.mark.parametrize("value", ["max-age=0", "max-age=abc", "max-age", "min-fresh=9999999", "no-cache=x"])
def test_what_is_stored_is_not_served_against_the_clients_wish(server, stored, value):
    """A limit that cannot be read counts as the strictest."""
    picture, _ = stored
    answer = server.generate(picture, headers={"Cache-Control": value}, **QUICK)
    assert answer.status_code == 200
    assert not cache_status(answer).hit


def test_an_expired_result_is_a_miss_and_is_never_served(serve):
    server = serve("--ttl-seconds", "1")
    picture = pictures.fresh_png()
    made = server.generate(picture, **QUICK)
    assert cache_status(server.generate(picture, **QUICK)).hit
    time.sleep(1.2)
    assert server.http.get(made.headers["Content-Location"]).status_code == 404
    assert cache_status(server.generate(picture, **QUICK)).fwd == "miss"


def test_an_unknown_result_is_a_404_problem(server):
    assert_problem(server.http.get("/api/results/" + "0" * 64), 404)
