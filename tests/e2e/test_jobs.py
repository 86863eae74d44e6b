"""Long work without a long request: 202, a job to look at, its events, and leaving."""

from __future__ import annotations

import re
from datetime import datetime

import pictures
from http_answers import KEY, assert_problem, cache_status, event_stream
from server_process import eventually

ASYNC = {"Prefer": "respond-async"}
STATES = ("queued", "running", "done", "failed", "cancelled")
FIELDS = {
    "id", "generator", "key", "state", "progress", "step", "outcome", "result_url", "error",
    "created_at", "finished_at", "url", "events_url",
}  # fmt: skip


def submit(server, picture: bytes, **fields) -> dict:
    answer = server.generate(picture, headers=ASYNC, **fields)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Preference-Applied"] == "respond-async"
    job = answer.json()
    assert answer.headers["Location"] == job["url"]
    assert_job(job)
    return job


def assert_job(job: dict) -> None:
    assert FIELDS <= set(job), FIELDS - set(job)
    assert job["state"] in STATES
    assert job["url"] == f"/api/jobs/{job['id']}"
    assert job["events_url"] == job["url"] + "/events"
    assert job["generator"] == "relief"
    assert KEY.fullmatch(job["key"])
    assert 0 <= job["progress"] <= 1
    final = job["state"] in ("done", "failed", "cancelled")
    assert (job["finished_at"] is not None) == final
    assert (job["result_url"] is not None) == (job["state"] == "done")
    assert (job["error"] is not None) == (job["state"] == "failed")
    assert job["outcome"] in ("hit", "miss", "collapsed", None)
    if job["state"] == "done":
        assert job["progress"] == 1
        assert job["result_url"] == f"/api/results/{job['key']}"
        assert job["outcome"] is not None
    created = moment(job["created_at"])
    if final:
        assert moment(job["finished_at"]) >= created


def moment(value) -> float:
    """RFC 3339 text or seconds since 1970: one and the same everywhere is asserted elsewhere."""
    if isinstance(value, str):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value), value
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return float(value)


def look(server, job: dict) -> dict:
    answer = server.http.get(job["url"])
    assert answer.status_code == 200, answer.text
    assert_job(answer.json())
    return answer.json()


def finished(server, job: dict) -> dict:
    return eventually(
        lambda: (now := look(server, job)) and now["state"] in ("done", "failed", "cancelled") and now,
        within=60,
        what="the end of the job",
    )


def test_progress_only_rises_and_is_seen_between_0_and_1(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    job = submit(server, picture, **fields)
    seen = [job]
    while seen[-1]["state"] in ("queued", "running"):
        seen.append(look(server, job))
    assert seen[-1]["state"] == "done"
    progress = [state["progress"] for state in seen]
    assert progress == sorted(progress)
    assert len({value for value in progress if 0 < value < 1}) >= 3, "progress jumped"
    order = [STATES.index(state["state"]) for state in seen]
    assert order == sorted(order)
    assert len({state["step"] for state in seen}) >= 2, "the step never changed"


def test_the_events_tell_the_same_story_and_end_with_the_job(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    job = submit(server, picture, **fields)
    with server.http.stream("GET", job["events_url"]) as stream:
        assert stream.status_code == 200
        assert stream.headers["Content-Type"].split(";")[0] == "text/event-stream"
        assert "no-cache" in stream.headers.get("Cache-Control", "") or "no-store" in stream.headers["Cache-Control"]
        events = list(event_stream(stream.iter_lines()))
    for name, document in events:
        assert_job(document)
        assert (name == "progress") == (document["state"] in ("queued", "running")), name
    assert [name for name, _ in events].count("done") == 1
    assert events[-1][0] == "done"
    progress = [document["progress"] for _, document in events]
    assert progress == sorted(progress)
    assert len({value for value in progress if 0 < value < 1}) >= 3
    assert look(server, job) == events[-1][1]


def test_many_can_watch_one_job(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    job = submit(server, picture, **fields)
    from server_process import at_once

    def watch():
        with server.http.stream("GET", job["events_url"]) as stream:
            return list(event_stream(stream.iter_lines()))[-1]

    last = at_once([watch] * 10)
    assert all(name == "done" for name, _ in last)


def running(server, job: dict) -> dict:
    return eventually(
        lambda: (now := look(server, job)) and now["state"] == "running" and now["progress"] > 0 and now,
        what="the job running",
    )


def test_leaving_a_job_that_nobody_else_waits_for_cancels_the_work(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    job = submit(server, picture, **fields)
    running(server, job)
    left = server.http.delete(job["url"])
    assert (left.status_code, left.content) == (204, b"")
    after = server.http.get(job["url"])
    assert after.status_code == 404 or after.json()["state"] == "cancelled"
    again = server.generate(picture, **fields)
    assert cache_status(again).generated, "the cancelled work was not cancelled"
    assert server.stats()["current_items"] == 1


def test_leaving_does_not_disturb_a_caller_who_waits(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    job = submit(server, picture, **fields)
    running(server, job)
    from server_process import at_once

    def leave():
        running(server, job)
        return server.http.delete(job["url"])

    answer, left = at_once([lambda: server.generate(picture, **fields), leave])
    assert left.status_code == 204
    assert answer.status_code == 200


def test_a_failed_job_says_why(serve):
    server = serve()
    truncated = pictures.png(pictures.photo(900, 900, 41))[:-5000]
    answer = server.generate(truncated, headers=ASYNC, quality=10)
    if answer.status_code == 400:
        assert_problem(answer, 400)
        return
    job = finished(server, answer.json())
    assert job["state"] == "failed"
    assert job["error"]["status"] == 400
    assert job["error"]["type"].startswith("urn:refrain:problem:")
    events = list(event_stream(server.http.get(job["events_url"]).text.split("\n")))
    assert [name for name, _ in events] == ["failed"]


