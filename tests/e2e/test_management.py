"""The management API of a real server: its defaults, its memory, and many who change it at once.

Names, meanings and refusals, field by field, are in crates/refrain-server/tests/it/management.rs.
"""

from __future__ import annotations

import time
from datetime import datetime

import pictures
import pytest
from server_process import at_once

MEGABYTE = 1_048_576


def fill(server, count: int, **fields) -> list:
    return [server.generate(pictures.fresh_png(), **{"quality": 1, **fields}) for _ in range(count)]


def seconds(value) -> float:
    return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() if isinstance(value, str) else float(value)


def test_the_statistics_and_limits_of_a_new_server(serve):
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
    config = server.config()
    assert (config["max_size"], config["max_memory_mb"], config["default_ttl_seconds"]) == (1000, 512, 86400)


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
