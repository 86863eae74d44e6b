"""Many requests in one, over a connection: what the router says of it is in crates/refrain-server/tests/it/batch.rs."""

from __future__ import annotations

import json

import pictures
from http_answers import cache_status
from server_process import base64_text


def item(picture: bytes, **fields) -> dict:
    return {"generator": "relief", "request": {"image": base64_text(picture), **fields}}


def test_a_line_is_sent_while_later_items_still_run(serve):
    server = serve()
    slow, fields = pictures.slow_request()
    document = {"items": [item(pictures.fresh_png(), quality=1), item(slow, **fields)], "parallel": 1}
    with server.http.stream("POST", "/api/batch", json=document) as stream:
        lines = stream.iter_lines()
        first = json.loads(next(lines))
        assert (first["item"], first["status"]) == (0, 200)
        assert server.stats()["current_items"] == 1, "the first line came after the second item was done"
        second = json.loads(next(lines))
        assert (second["item"], second["status"]) == (1, 200)
        assert list(lines) == []


def test_a_client_that_leaves_a_batch_leaves_the_server_well(serve):
    server = serve()
    slow, fields = pictures.slow_request()
    document = {"items": [item(pictures.fresh_png(), quality=1)] + [item(slow, **fields)] * 5, "parallel": 1}
    with server.http.stream("POST", "/api/batch", json=document) as stream:
        next(stream.iter_lines())
    assert server.http.get("/health").status_code == 200
    assert cache_status(server.generate(pictures.fresh_png(), quality=1)).fwd == "miss"
