"""Many requests in one: answered per item, in order, while it goes."""

from __future__ import annotations

import json

import pictures
import pytest
from http_answers import assert_problem, cache_status
from server_process import base64_text

FIELDS = {"item", "status", "outcome", "milliseconds", "result_url", "key", "bytes", "etag", "error"}


def item(picture: bytes, **fields) -> dict:
    return {"generator": "relief", "request": {"image": base64_text(picture), **fields}}


def run(server, document) -> list[dict]:
    answer = server.http.post("/api/batch", json=document)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    for number, line in enumerate(lines):
        assert FIELDS <= set(line), FIELDS - set(line)
        assert line["item"] == number
        assert line["milliseconds"] >= 0
        assert (line["error"] is None) == (line["outcome"] != "error")
        if line["error"] is None:
            assert line["status"] == 200
            assert line["result_url"] == f"/api/results/{line['key']}"
    return lines


def test_repeats_in_a_batch_are_not_generated_again(serve):
    server = serve()
    distinct = [pictures.fresh_png() for _ in range(6)]
    requests = [item(distinct[number % 6], quality=2) for number in range(20)]
    lines = run(server, {"items": requests})
    assert len(lines) == 20
    assert sum(line["outcome"] == "miss" for line in lines) == 6
    assert {line["outcome"] for line in lines} <= {"hit", "miss", "collapsed"}
    assert len({line["key"] for line in lines}) == 6
    assert server.stats()["current_items"] == 6
    for line in lines:
        result = server.http.get(line["result_url"])
        assert len(result.content) == line["bytes"]
        assert result.headers["ETag"] == line["etag"]


def test_a_bare_list_is_a_batch_too(server):
    picture = pictures.fresh_png()
    first = run(server, [item(picture, quality=1)])
    second = run(server, {"items": [item(picture, quality=1)], "parallel": 1})
    assert (first[0]["outcome"], second[0]["outcome"]) == ("miss", "hit")
    assert cache_status(server.generate(picture, quality=1)).hit


@pytest.mark.parametrize("parallel", [1, 2, 16])
def test_answers_come_in_order_whatever_finishes_first(serve, parallel):
    server = serve()
    qualities = [8, 1, 5, 1, 3, 1, 2, 1]
    requests = [item(pictures.fresh_png(), quality=quality) for quality in qualities]
    lines = run(server, {"items": requests, "parallel": parallel})
    sizes = [line["bytes"] for line in lines]
    assert sizes[0] == max(sizes) and sizes[2] > sizes[4] > sizes[6] > sizes[1] == sizes[3] == sizes[5] == sizes[7]


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


def test_a_bad_item_fails_alone(server):
    good = pictures.fresh_png()
    lines = run(
        server,
        [
            item(good, quality=1),
            item(good, quality=99),
            item(b"not a picture"),
            {"generator": "teapot", "request": {}},
            item(good, quality=1, colour="red"),
            item(good, quality=1),
        ],
    )
    assert [line["status"] for line in lines] == [200, 400, 400, 404, 400, 200]
    assert [line["outcome"] == "error" for line in lines] == [False, True, True, True, True, False]
    assert lines[1]["error"]["field"] == "quality"
    assert lines[4]["error"]["field"] == "colour"
    assert all(line["error"]["type"].startswith("urn:refrain:problem:") for line in lines[1:5])


def test_an_empty_batch_answers_nothing_or_is_refused(server):
    answer = server.http.post("/api/batch", json={"items": []})
    if answer.status_code == 200:
        assert answer.text == ""
    else:
        assert_problem(answer, 400)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"items": {}},
        {"items": None},
        {"items": "all"},
        {"items": [1]},
        {"items": [None]},
        {"items": [{}]},
        {"items": [{"generator": "relief"}]},
        {"items": [{"request": {}}]},
        {"items": [{"generator": 7, "request": {}}]},
        {"items": [], "parallel": 0},
        {"items": [], "parallel": -1},
        {"items": [], "parallel": "many"},
        {"items": [], "parallel": 1.5},
        {"items": [], "surprise": 1},
        7,
        "text",
        None,
    ],
    ids=json.dumps,
)
def test_a_batch_that_is_not_one_is_refused_or_its_items_are(server, document):
    content = json.dumps(document)
    answer = server.http.post("/api/batch", content=content, headers={"Content-Type": "application/json"})
    if answer.status_code == 200:
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines and all(line["status"] == 400 and line["outcome"] == "error" for line in lines)
    else:
        assert_problem(answer, 400)


def test_a_client_that_leaves_a_batch_leaves_the_server_well(serve):
    server = serve()
    slow, fields = pictures.slow_request()
    document = {"items": [item(pictures.fresh_png(), quality=1)] + [item(slow, **fields)] * 5, "parallel": 1}
    with server.http.stream("POST", "/api/batch", json=document) as stream:
        next(stream.iter_lines())
    assert server.http.get("/health").status_code == 200
    assert cache_status(server.generate(pictures.fresh_png(), quality=1)).fwd == "miss"
