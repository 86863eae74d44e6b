"""Stopping: what runs may end, new work is refused, and nobody waits for ever."""

from __future__ import annotations

import signal
import threading
import time

import httpx
import pictures
import pytest
from http_answers import event_stream
from server_process import Server, eventually


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_running_generation_is_finished_and_its_answer_is_whole(tmp_path, order):
    server = Server(tmp_path)
    picture, fields = pictures.slow_request()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.generate(picture, **fields)))
    asking.start()
    eventually(lambda: server.stats()["misses"] == 1, what="the miss")
    server.process.send_signal(order)
    asking.join()
    assert server.process.wait(20) == 0
    assert answers[0].status_code == 200
    assert len(answers[0].content) == int(answers[0].headers["Content-Length"])
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url + "/health")
    server.stop()


def test_a_running_job_is_finished_for_those_who_watch_it(tmp_path):
    server = Server(tmp_path)
    picture, fields = pictures.slow_request()
    job = server.generate(picture, headers={"Prefer": "respond-async"}, **fields).json()
    with server.http.stream("GET", job["events_url"]) as stream:
        events = event_stream(stream.iter_lines())
        next(events)
        server.process.send_signal(signal.SIGTERM)
        assert list(events)[-1][0] == "done"
    server.stop()


def test_after_the_grace_the_server_goes_even_if_work_remains(tmp_path):
    server = Server(tmp_path, "--shutdown-grace-seconds", "0")
    pile = [pictures.slow_request() for _ in range(6)]
    for picture, fields in pile:
        server.generate(picture, headers={"Prefer": "respond-async"}, **fields)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)
    assert time.monotonic() - began < 5
    assert "panicked" not in server.log()


def test_idle_and_silent_connections_do_not_delay_the_stop(tmp_path):
    server = Server(tmp_path)
    server.http.get("/health")
    quiet = [server.raw() for _ in range(20)]
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5
    for connection in quiet:
        connection.close()


def test_a_stop_right_after_the_start_is_clean(tmp_path):
    for round_ in range(5):
        Server(tmp_path / str(round_)).stop()


def test_a_second_order_stops_at_once(tmp_path):
    server = Server(tmp_path)
    for _ in range(6):
        picture, fields = pictures.slow_request()
        server.generate(picture, headers={"Prefer": "respond-async"}, **fields)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    server.process.wait(20)
    assert time.monotonic() - began < 5


def test_the_port_is_free_again_at_once(tmp_path):
    first = Server(tmp_path / "first")
    first.http.get("/health")
    first.stop()
    Server(tmp_path / "second", port=first.port).stop()
