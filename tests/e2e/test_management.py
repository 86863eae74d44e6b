"""The management API that users already have: names, units, rounding and meanings, field by field."""

from __future__ import annotations

import time
from datetime import datetime

import pictures
import pytest
from http_answers import KEY, assert_problem, cache_status
from server_process import at_once

MEGABYTE = 1_048_576


def fill(server, count: int, **fields) -> list:
    return [server.generate(pictures.fresh_png(), **{"quality": 1, **fields}) for _ in range(count)]


def seconds(value) -> float:
    return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() if isinstance(value, str) else float(value)


def test_the_statistics_of_a_new_server(serve):
    server = serve()
    document = server.http.get("/api/cache/stats").json()
    assert {"status", "cache_enabled", "stats", "timestamp"} <= set(document)
    assert document["status"] == "ok"
    assert document["cache_enabled"] is True
    assert abs(seconds(document["timestamp"]) - time.time()) < 60
    expected = {
        "hits": 0,
        "misses": 0,
        "hit_rate_percent": 0,
        "evictions": 0,
        "evictions_by_count": 0,
        "evictions_by_size": 0,
        "current_items": 0,
        "current_memory_mb": 0,
        "max_items": 1000,
        "max_memory_mb": 512,
        "memory_utilization_percent": 0,
        "max_memory_seen_mb": 0,
    }
    assert {name: document["stats"].get(name) for name in expected} == expected


def test_the_statistics_after_hits_and_misses(serve):
    server = serve()
    picture = pictures.fresh_png()
    made = server.generate(picture, quality=6)
    for _ in range(2):
        server.generate(picture, quality=6)
    stats = server.stats()
    assert (stats["hits"], stats["misses"], stats["current_items"]) == (2, 1, 1)
    assert stats["hit_rate_percent"] == 66.67
    size_mb = len(made.content) / MEGABYTE
    assert size_mb <= stats["current_memory_mb"] + 0.005
    assert stats["current_memory_mb"] < size_mb * 1.01 + 0.02
    assert stats["memory_utilization_percent"] == pytest.approx(stats["current_memory_mb"] / 512 * 100, abs=0.01)
    assert stats["max_memory_seen_mb"] == stats["current_memory_mb"]
    for name in ("hit_rate_percent", "current_memory_mb", "memory_utilization_percent", "max_memory_seen_mb"):
        assert stats[name] == round(stats[name], 2), name
    for name in ("hits", "misses", "evictions", "evictions_by_count", "evictions_by_size", "current_items"):
        assert isinstance(stats[name], int), name


def test_looking_at_the_cache_counts_nothing(serve):
    server = serve()
    fill(server, 2)
    before = server.stats()
    for path in ("/health", "/api/cache/stats", "/api/cache/config", "/api/cache/entries", "/api/openapi.json"):
        assert server.http.get(path).status_code == 200
    assert server.stats() == before


def test_the_entries_field_by_field(serve):
    server = serve("--ttl-seconds", "500")
    picture = pictures.fresh_png()
    made = server.generate(picture, quality=4)
    server.generate(picture, quality=4)
    document = server.entries()
    assert {"entries", "total", "timestamp"} <= set(document)
    assert (document["total"], document["page"], document["pages"]) == (1, 1, 1)
    (entry,) = document["entries"]
    assert {"key", "size_mb", "timestamp", "age_seconds", "access_count", "expires_at", "expired"} <= set(entry)
    assert entry["key"] == made.headers["Refrain-Key"]
    assert entry["size_mb"] == pytest.approx(len(made.content) / MEGABYTE, rel=0.05, abs=0.011)
    assert entry["access_count"] == 1
    assert entry["expired"] is False
    assert abs(seconds(entry["timestamp"]) - time.time()) < 60
    assert seconds(entry["expires_at"]) - seconds(entry["timestamp"]) == pytest.approx(500, abs=1)
    assert 0 <= entry["age_seconds"] < 60


def test_listing_does_not_count_as_access(serve):
    server = serve()
    fill(server, 1)
    for _ in range(3):
        server.entries()
    assert server.entries()["entries"][0]["access_count"] == 0


def test_entries_without_time_to_live_do_not_expire(serve):
    server = serve("--ttl-seconds", "0") if ttl_zero_means_forever() else None
    if server is None:
        pytest.skip("no setting switches the time to live off")
    fill(server, 1)
    assert server.entries()["entries"][0]["expires_at"] is None


def ttl_zero_means_forever() -> bool:
    return False


def test_pages_hold_every_entry_once_in_order(serve):
    server = serve()
    keys = {answer.headers["Refrain-Key"] for answer in fill(server, 23)}
    for per_page in (1, 5, 10, 23, 100):
        pages = -(-23 // per_page)
        seen = []
        for page in range(1, pages + 1):
            document = server.entries(page=page, per_page=per_page)
            assert (document["total"], document["page"], document["per_page"]) == (23, page, per_page)
            assert document["pages"] == pages
            assert len(document["entries"]) == min(per_page, 23 - per_page * (page - 1))
            seen += [entry["key"] for entry in document["entries"]]
        assert len(seen) == len(set(seen)) == 23
        assert set(seen) == keys
        beyond = server.http.get("/api/cache/entries", params={"page": pages + 1, "per_page": per_page})
        assert_problem(beyond, 404)


def test_the_first_page_of_an_empty_cache_is_empty(serve):
    server = serve()
    document = server.entries()
    assert (document["entries"], document["total"], document["page"]) == ([], 0, 1)
    assert_problem(server.http.get("/api/cache/entries?page=2"), 404)


@pytest.mark.parametrize(
    ("sort", "field"),
    [
        ("key", "key"),
        ("size", "size_mb"),
        ("age", "age_seconds"),
        ("timestamp", "timestamp"),
        ("access_count", "access_count"),
        ("expires_at", "expires_at"),
    ],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_entries_are_sorted_as_asked_across_pages(serve, sort, field, order):
    server = serve()
    for number in range(7):
        picture = pictures.fresh_png()
        for _ in range(1 + number * 3 % 7):
            server.generate(picture, quality=1 + number % 4)
    listed = []
    for page in (1, 2, 3):
        listed += server.entries(sort=sort, order=order, page=page, per_page=3)["entries"]
    values = [entry[field] for entry in listed]
    if field == "age_seconds":
        # Read at three moments, and an age grows: the times written do not.
        values = [-seconds(entry["timestamp"]) for entry in listed]
    assert values == sorted(values, reverse=order == "desc")
    if sort in ("key", "size", "access_count"):
        assert len(set(values)) > 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=1.5", "page"),
        ("page=99999999999999999999999", "page"),
        ("page=", "page"),
        ("per_page=0", "per_page"),
        ("per_page=-5", "per_page"),
        ("per_page=1000000000", "per_page"),
        ("per_page=NaN", "per_page"),
        ("sort=colour", "sort"),
        ("sort=", "sort"),
        ("order=up", "order"),
        ("colour=red", "colour"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused_by_name(server, query, field):
    assert_problem(server.http.get("/api/cache/entries?" + query), 400, field=field)


def test_the_configuration_can_be_read(serve):
    config = serve().config()
    assert {name: config.get(name) for name in ("max_size", "max_memory_mb", "default_ttl_seconds")} == {
        "max_size": 1000,
        "max_memory_mb": 512,
        "default_ttl_seconds": 86400,
    }


def test_the_configuration_changes_at_once_and_only_where_asked(serve):
    server = serve()
    answer = server.http.post("/api/cache/config", json={"max_size": 7})
    assert answer.status_code == 200, answer.text
    assert answer.json()["config"]["max_size"] == 7
    assert (server.config()["max_size"], server.config()["max_memory_mb"]) == (7, 512)
    server.http.post("/api/cache/config", json={"max_memory_mb": 1.5, "default_ttl_seconds": 60})
    assert server.config()["max_memory_mb"] == 1.5
    assert server.config()["max_size"] == 7
    stats = server.stats()
    assert (stats["max_items"], stats["max_memory_mb"]) == (7, 1.5)
    picture = pictures.fresh_png()
    server.generate(picture, quality=1)
    assert 58 <= cache_status(server.generate(picture, quality=1)).ttl <= 60


BAD_CHANGES = [
    ({"max_size": 0}, "max_size"),
    ({"max_size": -1}, "max_size"),
    ({"max_size": 2.5}, "max_size"),
    ({"max_size": "many"}, "max_size"),
    ({"max_size": "7"}, "max_size"),
    ({"max_size": True}, "max_size"),
    ({"max_size": []}, "max_size"),
    ({"max_size": 2**80}, "max_size"),
    ({"max_memory_mb": 0}, "max_memory_mb"),
    ({"max_memory_mb": -3}, "max_memory_mb"),
    ({"max_memory_mb": "512"}, "max_memory_mb"),
    ({"max_memory_mb": 1e300}, "max_memory_mb"),
    ({"max_memory_mb": False}, "max_memory_mb"),
    ({"default_ttl_seconds": -1}, "default_ttl_seconds"),
    ({"default_ttl_seconds": "long"}, "default_ttl_seconds"),
    ({"default_ttl_seconds": 1e300}, "default_ttl_seconds"),
    ({"default_ttl_seconds": {}}, "default_ttl_seconds"),
    ({"maxsize": 5}, "maxsize"),
]


@pytest.mark.parametrize(("change", "field"), BAD_CHANGES, ids=lambda value: str(value))
def test_a_bad_field_changes_nothing_and_is_named(serve_once, change, field):
    server = serve_once
    good = {"max_size": 50, "max_memory_mb": 20, "default_ttl_seconds": 30}
    good.pop(field, None)
    before = server.config()
    for document in ({**change, **good}, {**good, **change}, change):
        assert_problem(server.http.post("/api/cache/config", json=document), 400, field=field)
        assert server.config() == before


@pytest.fixture(scope="module")
def serve_once(tmp_path_factory):
    from server_process import Server

    with Server(tmp_path_factory.mktemp("config")) as server:
        yield server


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"7", b'"text"', b'{"max_size":5,"max_size":6}', b'{"max_size":NaN}', b"\xff\xfe{}"],
)
def test_a_configuration_that_is_not_a_json_object_is_refused(serve_once, body):
    before = serve_once.config()
    answer = serve_once.http.post(
        "/api/cache/config", content=body, headers={"Content-Type": "application/json"}
    )
    assert_problem(answer, 400)
    assert serve_once.config() == before


def test_configurations_written_at_once_never_mix(serve):
    """Both limits belong together: every reading shows a pair that somebody wrote."""
    server = serve()
    pairs = [{"max_size": 100 + number, "max_memory_mb": 200 + number} for number in range(16)]
    seen = []

    def write(pair):
        for _ in range(5):
            assert server.http.post("/api/cache/config", json=pair).status_code == 200
            config = server.config()
            seen.append((config["max_size"], config["max_memory_mb"]))

    at_once([lambda p=p: write(p) for p in pairs])
    assert set(seen) <= {(pair["max_size"], pair["max_memory_mb"]) for pair in pairs}


def test_shrinking_by_count_evicts_at_once(serve):
    server = serve()
    fill(server, 10)
    server.http.post("/api/cache/config", json={"max_size": 4})
    stats = server.stats()
    assert stats["current_items"] == 4
    assert (stats["evictions"], stats["evictions_by_count"], stats["evictions_by_size"]) == (6, 6, 0)
    assert server.entries()["total"] == 4


def test_shrinking_by_memory_evicts_at_once(serve):
    server = serve()
    answers = fill(server, 8, quality=6)
    size_mb = len(answers[0].content) / MEGABYTE
    before = server.stats()
    server.http.post("/api/cache/config", json={"max_memory_mb": size_mb * 4.5})
    stats = server.stats()
    assert stats["current_items"] == 4
    assert stats["current_memory_mb"] <= size_mb * 4.5
    assert (stats["evictions"], stats["evictions_by_count"], stats["evictions_by_size"]) == (4, 0, 4)
    assert stats["max_memory_seen_mb"] == before["max_memory_seen_mb"]
    assert before["current_memory_mb"] == stats["max_memory_seen_mb"]


def test_the_limits_hold_while_results_pour_in(serve):
    server = serve("--max-size", "5")
    for _ in range(12):
        fill(server, 1)
        assert server.stats()["current_items"] <= 5
    stats = server.stats()
    # The default policy may refuse a result that is worth less than what it would displace.
    assert stats["current_items"] == 5
    assert stats["evictions"] == stats["evictions_by_count"] <= 7


def test_a_result_larger_than_the_cache_is_answered_and_not_stored_and_evicts_nothing(serve):
    server = serve("--max-memory-mb", "1")
    small = fill(server, 1)[0]
    assert len(small.content) < MEGABYTE / 2
    large = server.generate(pictures.fresh_png(), quality=9)
    assert large.status_code == 200
    assert len(large.content) > MEGABYTE
    assert not cache_status(large).stored
    assert cache_status(large).detail, "no reason given"
    stats = server.stats()
    assert (stats["current_items"], stats["evictions"]) == (1, 0)


def test_deleting_an_entry_removes_it_alone(serve):
    server = serve()
    first, second = fill(server, 2)
    key = first.headers["Refrain-Key"]
    answer = server.http.delete(f"/api/cache/entries/{key}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "ok", "key": key, "removed": True}
    assert server.entries()["total"] == 1
    assert server.http.get(first.headers["Content-Location"]).status_code == 404
    assert server.http.get(second.headers["Content-Location"]).status_code == 200
    assert_problem(server.http.delete(f"/api/cache/entries/{key}"), 404)
    assert server.stats()["evictions"] == 0


@pytest.mark.parametrize("key", ["0" * 64, "short", "z" * 64, "A" * 64, "..", "%00"])
def test_deleting_what_is_not_there_is_a_404_or_a_400(server, key):
    answer = server.http.delete(f"/api/cache/entries/{key}")
    assert answer.status_code in (400, 404, 405), answer.text
    assert_problem(answer, answer.status_code)
    if KEY.fullmatch(key):
        assert answer.status_code == 404


def test_clearing_empties_the_cache_and_keeps_the_counters(serve):
    server = serve()
    picture = pictures.fresh_png()
    for _ in range(3):
        server.generate(picture, quality=1)
    fill(server, 2)
    before = server.stats()
    answer = server.http.post("/api/cache/clear")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["status"], document["cleared"]) == ("ok", 3)
    assert isinstance(document["message"], str) and "3" in document["message"]
    after = server.stats()
    assert (after["current_items"], after["current_memory_mb"]) == (0, 0)
    for name in ("hits", "misses", "evictions", "max_memory_seen_mb", "hit_rate_percent"):
        assert after[name] == before[name], name
    assert server.entries()["total"] == 0
    assert cache_status(server.generate(picture, quality=1)).fwd == "miss"
    assert server.http.post("/api/cache/clear").json()["cleared"] == 1


def test_resetting_the_statistics_zeroes_the_counters_and_keeps_the_entries(serve):
    server = serve("--max-size", "2")
    picture = pictures.fresh_png()
    fill(server, 2)
    for _ in range(2):
        server.generate(picture, quality=1)
    assert server.stats()["evictions"] == 1
    answer = server.http.post("/api/cache/stats/reset")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    stats = server.stats()
    for name in ("hits", "misses", "hit_rate_percent", "evictions", "evictions_by_count", "evictions_by_size"):
        assert stats[name] == 0, name
    assert stats["current_items"] == 2
    assert cache_status(server.generate(picture, quality=1)).hit
    assert (server.stats()["hits"], server.stats()["hit_rate_percent"]) == (1, 100)


def test_a_result_whose_generation_began_before_a_clear_is_not_seen_after_it(serve):
    server = serve()
    picture, fields = pictures.slow_request()

    def clear_while_it_runs():
        from server_process import eventually

        eventually(lambda: server.stats()["misses"] == 1, what="the miss")
        return server.http.post("/api/cache/clear")

    made, _ = at_once([lambda: server.generate(picture, **fields), clear_while_it_runs])
    assert made.status_code == 200
    assert server.stats()["current_items"] == 0
    assert not cache_status(made).stored
    assert cache_status(server.generate(picture, **fields)).generated


def test_health_names_the_version(server):
    answer = server.http.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["version"].count(".") == 2


def test_memory_stays_with_what_is_stored(serve):
    """RSS growth against stored bytes: the cache costs less than a tenth, and a fixed sum for the work."""
    server = serve("--max-memory-mb", "200")
    fill(server, 3, quality=8)
    before, stored_before = server.rss_bytes(), server.stats()["current_memory_mb"]
    for _ in range(12):
        fill(server, 1, quality=9)
    stored = (server.stats()["current_memory_mb"] - stored_before) * MEGABYTE
    assert stored > 20 * MEGABYTE
    assert server.rss_bytes() - before < 1.1 * stored + 64 * MEGABYTE
