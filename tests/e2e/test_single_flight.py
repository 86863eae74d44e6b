"""Never paid twice: one computation per key, however many ask, even if the first who asked hangs up."""

from __future__ import annotations

import json
import random

import httpx
import pictures
from http_answers import cache_status
from server_process import at_once, base64_text, eventually


def generations(answers) -> int:
    return sum(cache_status(answer).generated for answer in answers)


def test_50_identical_requests_at_once_run_the_generator_once(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    before = server.stats()
    answers = at_once([lambda: server.generate(picture, **fields)] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert generations(answers) == 1
    statuses = [cache_status(answer) for answer in answers]
    assert sum(status.collapsed for status in statuses) >= 25, "hardly any met while it ran"
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    after = server.stats()
    assert after["current_items"] == before["current_items"] + 1
    assert after["misses"] - before["misses"] == 1, after
    # Every request is counted once: as the miss, as collapsed with it, or as a hit if it came late.
    assert after["hits"] + after["collapsed"] - before["hits"] - before["collapsed"] == 49, after


def test_50_spellings_of_one_request_at_once_run_the_generator_once(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    document = {"image": base64_text(picture), **fields}
    shuffled = random.Random(7)

    def as_json():
        items = list(document.items())
        shuffled.shuffle(items)
        return lambda: server.post_json(json.dumps(dict(items), indent=shuffled.choice([None, 2])))

    def as_multipart():
        return lambda: server.http.post(
            "/api/generate/relief",
            data={name: str(value) for name, value in fields.items()},
            files={"image": ("x.png", picture)},
        )

    answers = at_once([as_json() for _ in range(25)] + [as_multipart() for _ in range(25)])
    assert {answer.status_code for answer in answers} == {200}
    assert generations(answers) == 1
    assert len({answer.content for answer in answers}) == 1


def test_different_requests_at_once_each_run_and_get_their_own_bytes(serve):
    server = serve()
    requests = [(pictures.fresh_png(), {"quality": 1 + number % 3}) for number in range(12)]
    answers = at_once([lambda r=r: server.generate(r[0], **r[1]) for r in requests * 4])
    assert {answer.status_code for answer in answers} == {200}
    assert generations(answers) == len(requests)
    for start in range(len(requests)):
        assert len({answer.content for answer in answers[start :: len(requests)]}) == 1
    assert len({answer.content for answer in answers}) == len(requests)


def request_bytes(document: dict) -> bytes:
    body = json.dumps(document).encode()
    head = f"POST /api/generate/relief HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def hang_up_while_it_runs(server, document: dict) -> None:
    """Asks, waits until the server has taken the request as a miss, and closes the connection."""
    misses = server.stats()["misses"]
    leader = server.raw(request_bytes(document))
    eventually(lambda: server.stats()["misses"] > misses, what="the leader's miss")
    leader.close()


def test_when_the_leader_hangs_up_the_work_goes_on_and_the_next_gets_it(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    hang_up_while_it_runs(server, {"image": base64_text(picture), **fields})
    answer = server.generate(picture, **fields)
    assert answer.status_code == 200
    status = cache_status(answer)
    assert status.collapsed or status.hit, answer.headers["Cache-Status"]


def test_when_the_leader_hangs_up_and_nobody_asks_the_result_is_stored(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    hang_up_while_it_runs(server, {"image": base64_text(picture), **fields})
    eventually(lambda: server.stats()["current_items"] == 1, within=60, what="the abandoned result's arrival")
    assert cache_status(server.generate(picture, **fields)).hit


def test_when_half_of_the_callers_hang_up_the_others_get_one_computation(serve):
    server = serve()
    picture, fields = pictures.slow_request()
    document = {"image": base64_text(picture), **fields}
    message = request_bytes(document)

    def leave():
        server.raw(message).close()

    answers = at_once([leave if number % 2 else lambda: server.post_json(document) for number in range(40)])
    stayed = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert {answer.status_code for answer in stayed} == {200}
    assert generations(stayed) <= 1
    assert len({answer.content for answer in stayed}) == 1
    assert server.stats()["current_items"] == 1


def test_a_failed_generation_fails_for_everybody_and_stores_nothing(serve):
    server = serve()
    broken = pictures.png(pictures.photo(900, 900, 31))[:-4000]
    answers = at_once([lambda: server.generate(broken, quality=10)] * 20)
    assert {answer.status_code for answer in answers} == {400}
    assert server.stats()["current_items"] == 0
