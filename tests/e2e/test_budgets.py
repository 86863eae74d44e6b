"""Clients that are slow on purpose: memory stays within its bound, and everybody else is served."""

from __future__ import annotations

import contextlib
import json
import resource
import selectors
import socket
import statistics
import threading
import time

import httpx
import pictures
import pytest
from http_answers import cache_status
from server_process import Server, base64_text, eventually

MEGABYTE = 1_048_576
HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"


def post(body: bytes, length: int | None = None) -> bytes:
    head = b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + JSON
    return head + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


class SlowReaders(threading.Thread):
    """Connections that each send a request and then read `rate` bytes a second of the answer, until they are stopped."""

    def __init__(self, server: Server, requests: list[bytes], rate: int):
        super().__init__(daemon=True)
        self.rate = rate
        self.stopping = threading.Event()
        self.connections = []
        for request in requests:
            connection = socket.socket()
            # What the kernel takes for the client is no memory of the server, and makes the client look quicker than it is.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(request)
            connection.setblocking(False)
            self.connections.append(connection)
        self.heads = [b""] * len(requests)
        self.ended = [False] * len(requests)

    def run(self) -> None:
        while not self.stopping.wait(0.2):
            for number, connection in enumerate(self.connections):
                if self.ended[number]:
                    continue
                try:
                    part = connection.recv(self.rate // 5)
                except BlockingIOError:
                    continue
                except OSError:
                    part = b""
                self.ended[number] = not part
                self.heads[number] = self.heads[number] or part[:12]

    def stop(self) -> None:
        self.stopping.set()
        self.join()
        for connection in self.connections:
            connection.close()


class Probe(threading.Thread):
    """Asks the same questions again and again, and keeps what each took."""

    def __init__(self, url: str, questions: dict[str, tuple]):
        super().__init__(daemon=True)
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.questions = questions
        self.took: dict[str, list[float]] = {name: [] for name in questions}
        self.wrong: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.02):
            for name, (method, path, options, expected) in self.questions.items():
                began = time.monotonic()
                answer = self.client.request(method, path, **options)
                self.took[name].append(time.monotonic() - began)
                if answer.status_code != 200 or (expected is not None and answer.content != expected):
                    self.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")

    def stop(self) -> dict[str, list[float]]:
        self.stopping.set()
        self.join()
        self.client.close()
        return self.took


def questions(server: Server) -> dict[str, tuple]:
    picture = pictures.fresh_png()
    request = {"json": {"image": base64_text(picture), "quality": 1}}
    expected = server.generate(picture, quality=1).content
    return {
        "hit": ("POST", "/api/generate/relief", request, expected),
        "health": ("GET", "/health", {}, None),
        "stats": ("GET", "/api/cache/stats", {}, None),
        "config": ("POST", "/api/cache/config", {"json": {"max_size": 1000}}, None),
    }


def assert_quick(took: dict[str, list[float]], seconds: float = 0.1) -> None:
    for name, times in took.items():
        assert len(times) >= 20, f"{name} was asked {len(times)} times only"
        # The machine of the tests has other work too: nine of ten, and none far off.
        assert statistics.quantiles(times, n=10)[-1] < seconds, f"{name}: {sorted(times)[-20:]}"
        assert max(times) < 10 * seconds, f"{name}: {sorted(times)[-20:]}"


def test_slow_readers_leave_memory_within_its_bound_and_everybody_else_served(serve):
    """60 readers of 15 MB at 60 KB a second: a seventh of what docs/limits.md says of 105 MB, with budgets a seventh of the default."""
    server = serve("--max-memory-mb", "64", "--answer-memory-mb", "64", "--generation-threads", "2", "--log", "warn")
    asked = questions(server)
    server.generate(pictures.fresh_png(), quality=8)
    server.forget_peak_rss()
    baseline = server.rss_bytes()
    picture = pictures.fresh_png()
    bodies = [json.dumps({"image": base64_text(picture), "quality": 8, "dimensions": {"width": 100 + n}}).encode() for n in range(60)]
    readers = SlowReaders(server, [post(body) for body in bodies], 60_000)
    probe = Probe(server.url, asked)
    readers.start()
    probe.start()
    try:
        eventually(lambda: all(readers.heads), 60, "an answer to each")
        # Another large result, for a client that reads as fast as it can.
        fast = {"image": base64_text(pictures.fresh_png()), "quality": 8}

        def served():
            answer = server.http.post("/api/generate/relief", json=fast)
            assert answer.status_code in (200, 503), answer.text
            assert answer.status_code == 200 or answer.headers["Retry-After"] == "5"
            return answer.status_code == 200 and answer

        answer = eventually(served, 30, "a large answer for a client that reads")
        assert len(answer.content) == 14_976_084
        peak = server.peak_rss_bytes() - baseline
    finally:
        readers.stop()
        took = probe.stop()
    assert not probe.wrong
    statuses = [head.split()[1] for head in readers.heads]
    assert statuses.count(b"200") >= 3 and statuses.count(b"503") >= 30, statuses
    # The cache, the answers, the one that waits, what two generations take, and the allocator's slack.
    assert peak < (64 + 64 + 15 + 2 * 19 + 40) * MEGABYTE, f"{peak / MEGABYTE:.0f} MB more"
    assert_quick(took)


def test_a_thousand_connections_that_dribble_hold_nobody_up(serve):
    """Heads and bodies, small and huge by their own account, a byte every second or two."""
    server = serve("--log", "warn")
    asked = questions(server)
    baseline = server.rss_bytes()
    starts = [
        post(b"{", 73_000_000),
        post(b"{", 32_000_000),
        post(b"{", 1000),
        b"POST /api/generate/relief HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"POST /api/cache/config HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 50\r\n\r\n{",
        b"GET /health HTTP/1.1\r\nX-",
    ]
    connections = [server.raw(starts[number % len(starts)]) for number in range(1000)]
    probe = Probe(server.url, asked)
    probe.start()
    # A picture in the middle of it, from a client that sends as fast as it can.
    large = pictures.png(pictures.photo(2000, 2000, 99))
    for _ in range(4):
        for number, connection in enumerate(connections):
            with contextlib.suppress(OSError):
                connection.send(b" " if starts[number % len(starts)][-1:] == b"{" else b"1\r\n \r\n" if number % 6 == 3 else b"x")
        began = time.monotonic()
        assert server.generate(large, quality=1).status_code == 200
        assert time.monotonic() - began < 10
        time.sleep(0.5)
    took = probe.stop()
    for connection in connections:
        connection.close()
    assert not probe.wrong
    assert_quick(took)
    assert server.rss_bytes() - baseline < 150 * MEGABYTE


def test_dribbling_connections_that_take_all_places_make_room(serve):
    server = serve("--max-connections", "64", "--log", "warn")
    asked = questions(server)
    connections = [server.raw(post(b"{", 73_000_000)) for _ in range(64)]
    time.sleep(0.2)
    began = time.monotonic()
    for path in ("/health", "/api/cache/stats"):
        assert httpx.get(server.url + path, timeout=5, trust_env=False).status_code == 200
    assert time.monotonic() - began < 1
    # A hit waits until those that are slow have been told to hurry and have not.
    method, path, options, expected = asked["hit"]
    assert httpx.request(method, server.url + path, timeout=20, trust_env=False, **options).content == expected
    for connection in connections:
        connection.close()


def test_half_a_minute_of_dribbling_is_enough(serve):
    server = serve("--body-timeout-seconds", "1", "--log", "warn")
    with server.raw(post(b"{", 1000)) as connection, selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        began = time.monotonic()
        while not selector.select(0.1):
            connection.send(b" ")
            assert time.monotonic() - began < 10, "it may dribble for ever"
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert b"urn:refrain:problem:request-timeout" in answer


@pytest.mark.parametrize("quality", [7])
def test_readers_of_one_result_are_charged_once(serve, quality):
    server = serve("--answer-memory-mb", "12", "--log", "warn")
    picture = pictures.fresh_png()
    first = server.generate(picture, quality=quality)
    body = json.dumps({"image": base64_text(picture), "quality": quality}).encode()
    slow = SlowReaders(server, [post(body)] * 20, 60_000)
    slow.start()
    eventually(lambda: all(slow.heads), 20, "an answer to each")
    assert all(head.startswith(b"HTTP/1.1 200") for head in slow.heads)
    again = server.generate(picture, quality=quality)
    assert cache_status(again).hit and again.content == first.content
    slow.stop()


def test_a_result_for_which_there_is_no_memory_is_an_error_and_not_the_end(serve):
    """The address space is limited to little more than is taken, as in a container that is too small."""
    server = serve("--generation-threads", "2", "--log", "warn")
    picture = pictures.fresh_png()
    server.generate(picture, quality=1)
    taken = server.status_bytes("VmSize")
    for spare in range(20, 120, 10):
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (taken + spare * MEGABYTE, resource.RLIM_INFINITY))
        refused = server.generate(picture, quality=10)
        assert refused.status_code in (200, 503), refused.text
        assert refused.status_code == 200 or (refused.headers["Retry-After"] and "memory" in refused.json()["detail"])
        assert cache_status(server.generate(picture, quality=1)).hit
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert server.generate(picture, quality=10).status_code == 200
