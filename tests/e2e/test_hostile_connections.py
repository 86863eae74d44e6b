"""What no HTTP library would send: garbage, dribbles, endless bodies, smuggling, connections that say nothing."""

from __future__ import annotations

import contextlib
import socket
import time

import pictures
import pytest
from http_answers import cache_status
from server_process import Server

MEGABYTE = 1_048_576
HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("hostile")) as server:
        server.generate(pictures.fresh_png(), quality=1)
        server.baseline = server.rss_bytes()
        yield server


def assert_well(server) -> None:
    assert server.http.get("/health").status_code == 200
    assert cache_status(server.generate(pictures.fresh_png(), quality=1)).stored
    assert server.peak_rss_bytes() - server.baseline < 200 * MEGABYTE


def exchange(server, data: bytes, seconds: float = 10) -> bytes:
    """Sends, then reads until the server closes or falls silent."""
    received = b""
    with server.raw(timeout=seconds) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        # To the server a closed half is a client that hung up, so it comes only when nothing more is said.
        connection.settimeout(1)
        with contextlib.suppress(ConnectionResetError):
            while True:
                try:
                    part = connection.recv(65536)
                except TimeoutError:
                    break
                if not part:
                    return received
                received += part
        connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    return received


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


BAD_REQUESTS = {
    "garbage": b"\x00\x01\x02\x03\xff\xfe garbage\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "an HTTP/2 preface cut short": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a line without end": b"GET /health",
    "no version": b"GET /health\r\n\r\n",
    "version 9.9": b"GET /health HTTP/9.9\r\n" + HOST + b"\r\n",
    "a header without colon": b"GET /health HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "a space before the colon": b"GET /health HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n",
    "a NUL in a header": b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "a path with a NUL": b"GET /health\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "two content lengths": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "negative content length": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "content length not a number": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n",
    "content length beyond 64 bits": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length and chunked": b"POST /api/batch HTTP/1.1\r\n" + HOST
    + b"Content-Type: application/json\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    "unknown transfer encoding": b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunky\r\n\r\n",
    "a broken chunk size": b"POST /api/batch HTTP/1.1\r\n" + HOST
    + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nXYZ\r\n[]\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": b"POST /api/batch HTTP/1.1\r\n" + HOST
    + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "a header of 1 MB": b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * MEGABYTE + b"\r\n\r\n",
    "ten thousand headers": b"GET /health HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 10_000 + b"\r\n",
    "a path of 1 MB": b"GET /" + b"a" * MEGABYTE + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of 1 MB": b"G" * MEGABYTE + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no Host header": b"GET /health HTTP/1.1\r\n\r\n",
    "two Host headers": b"GET /health HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_request_that_is_not_http_is_refused_and_the_next_one_served(target, data):
    target.forget_peak_rss()
    answer = exchange(target, data)
    status = status_of(answer)
    # A connection that is simply closed is an answer, too; a success is not.
    assert status is None or 400 <= status < 500 or status == 505, answer[:200]
    assert b"smuggled" not in answer
    assert_well(target)


def test_a_body_in_chunks_is_the_same_request(target):
    picture = pictures.fresh_png()
    first = target.generate(picture, quality=1)
    import json

    from server_process import base64_text

    body = json.dumps({"image": base64_text(picture), "quality": 1}).encode()

    def pieces():
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    again = target.http.post("/api/generate/relief", content=pieces(), headers={"Content-Type": "application/json"})
    assert cache_status(again).hit
    assert again.content == first.content


def test_an_endless_body_in_chunks_is_stopped_at_the_limit(target):
    target.forget_peak_rss()
    head = b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b" " * MEGABYTE + b"\r\n"
    sent, answer = 0, b""
    with target.raw(head) as connection:
        try:
            while sent < 1000:
                connection.sendall(piece)
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(65536)
    assert sent < 1000, "a gigabyte was read"
    assert status_of(answer) in (413, None)
    assert target.peak_rss_bytes() - target.baseline < 200 * MEGABYTE
    assert_well(target)


def test_a_content_length_over_the_limit_is_refused_before_the_body_is_sent(target):
    head = b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n"
    with target.raw(head, timeout=10) as connection:
        assert status_of(connection.recv(65536)) == 413


def test_expect_100_continue_is_answered(target):
    head = b"POST /api/batch HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with target.raw(head, timeout=10) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(b"[7]")
        assert b"HTTP/1.1 " in connection.recv(65536)


def test_a_body_cut_off_by_the_client_leaves_no_trace(target):
    before = target.stats()["current_items"]
    for _ in range(20):
        target.raw(
            b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"
        ).close()
    assert target.stats()["current_items"] == before
    assert_well(target)


def test_silent_and_dribbling_connections_do_not_keep_others_out(target):
    quiet = [target.raw() for _ in range(200)]
    dribbling = [target.raw(b"POST /api/generate/relief HTTP/1.1\r\nX") for _ in range(200)]
    began = time.monotonic()
    assert_well(target)
    assert time.monotonic() - began < 10
    for connection in quiet + dribbling:
        connection.close()


def test_requests_sent_in_one_go_are_answered_in_order(target):
    one = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
    two = b"GET /nothing HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    answer = b""
    # The client's side stays open: closing it would be hanging up.
    with target.raw(one + two, timeout=10) as connection:
        while part := connection.recv(65536):
            answer += part
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 404")


def test_http_1_0_is_served(target):
    answer = exchange(target, b"GET /health HTTP/1.0\r\n" + HOST + b"\r\n")
    assert b" 200 " in answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize("path", ["/../etc/passwd", "/api/../../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"])
def test_a_path_that_climbs_finds_nothing(target, path):
    answer = exchange(target, f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"Connection: close\r\n\r\n")
    assert status_of(answer) in (400, 404)
    assert b"root:" not in answer


def test_slow_readers_do_not_hold_others_up(target):
    picture = pictures.fresh_png()
    target.generate(picture, quality=8)
    import json

    from server_process import base64_text

    body = json.dumps({"image": base64_text(picture), "quality": 8}).encode()
    head = b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    slow = [target.raw(head % len(body) + body) for _ in range(30)]
    began = time.monotonic()
    assert_well(target)
    assert time.monotonic() - began < 10
    for connection in slow:
        connection.close()
