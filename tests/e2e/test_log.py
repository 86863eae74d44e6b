"""The log may be gone, full or stalled: that costs log lines, and neither an answer nor the end of the server."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from server_process import BINARY, clean_environment, eventually, free_port

F_SETPIPE_SZ = 1031


class Logged:
    """A server whose standard error and output are what a test makes of them."""

    def __init__(self, directory: Path, *flags: str, **streams):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [str(BINARY), "serve", "--port", str(port), *flags],
            cwd=directory,
            env=clean_environment(directory),
            stdin=subprocess.DEVNULL,
            **streams,
        )

    def healthy(self) -> bool:
        try:
            return httpx.get(self.url + "/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def answers(self, count: int) -> None:
        eventually(self.healthy, what="the first answer")
        with httpx.Client(base_url=self.url, timeout=5) as http:
            assert {http.get("/health").status_code for _ in range(count)} == {200}

    def ends_well(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize("format", ["human", "json"])
def test_a_reader_of_the_log_that_goes_away_costs_no_answer(tmp_path, format):
    reader, writer = os.pipe()
    with Logged(tmp_path, "--log-format", format, stderr=writer) as server:
        os.close(writer)
        server.answers(1)
        os.close(reader)
        server.answers(20)
        server.ends_well()


def test_a_reader_of_the_log_that_never_came_costs_no_start(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with Logged(tmp_path, stderr=writer, stdout=writer) as server:
        os.close(writer)
        server.answers(5)
        server.ends_well()


@pytest.mark.parametrize("stream", ["stderr", "stdout"])
def test_a_full_disk_below_the_log_costs_no_answer(tmp_path, stream):
    with open("/dev/full", "wb") as full, Logged(tmp_path, "--json", **{stream: full}) as server:
        server.answers(20)
        server.ends_well()


@pytest.mark.parametrize("flags", [[], ["--json"], ["--log-format", "json"]])
def test_a_reader_of_the_log_that_stops_reading_costs_neither_an_answer_nor_the_end(tmp_path, flags):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    # Full before the server starts, so that its very first line waits.
    while True:
        try:
            os.write(writer, b"\n")
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    with Logged(tmp_path, *flags, stderr=writer, stdout=writer) as server:
        os.close(writer)
        server.answers(600)
        server.ends_well()
    os.close(reader)


def test_closed_descriptors_cost_no_answer(tmp_path):
    command = f'exec "{BINARY}" serve --port "$0" >&- 2>&-'
    port = free_port()
    process = subprocess.Popen(["sh", "-c", command, str(port)], cwd=tmp_path, env=clean_environment(tmp_path))
    try:
        url = f"http://127.0.0.1:{port}/health"

        def healthy() -> bool:
            try:
                return httpx.get(url).status_code == 200
            except httpx.TransportError:
                return False

        eventually(healthy, what="the first answer")
        assert all(healthy() for _ in range(20))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()


def test_lost_lines_are_counted_and_told_once_the_log_works_again(tmp_path):
    log = tmp_path / "small"
    # A file may not grow beyond this limit until the test lifts it, as on a full disk.
    command = f'exec "{BINARY}" "$@" 2>>"{log}"'
    port = free_port()
    process = subprocess.Popen(
        ["sh", "-c", command, "sh", "serve", "--port", str(port), "--log-format", "json"],
        cwd=tmp_path, env=clean_environment(tmp_path),
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as http:

            def healthy() -> bool:
                try:
                    return http.get("/health").status_code == 200
                except httpx.TransportError:
                    return False

            eventually(healthy, what="the first answer")
            limit = 4096
            subprocess.run(["prlimit", "--pid", str(process.pid), f"--fsize={limit}:"], check=True)
            for _ in range(100):
                assert healthy()
            eventually(lambda: log.stat().st_size == limit, what="the full file")
            subprocess.run(["prlimit", "--pid", str(process.pid), "--fsize=unlimited:"], check=True)

            def told() -> list[int]:
                assert healthy()
                documents = []
                for line in log.read_text().splitlines():
                    try:
                        documents.append(json.loads(line))
                    except json.JSONDecodeError:
                        assert len(line) < 4096, "only the line at the limit is torn"
                return [document["lost"] for document in documents if "lost" in document]

            numbers = eventually(told, what="the number of lost lines")
            assert len(numbers) == 1 and numbers[0] > 50
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()


@pytest.mark.parametrize("arguments", [["config"], ["--help"], ["completions", "bash"], ["config", "--json"]])
def test_a_reader_of_a_command_that_has_seen_enough_is_no_failure(tmp_path, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [str(BINARY), *arguments], stdout=writer, stderr=subprocess.PIPE, env=clean_environment(tmp_path), cwd=tmp_path
    )
    os.close(writer)
    assert ran.returncode in (0, 141, -signal.SIGPIPE), ran.stderr
    assert b"panicked" not in ran.stderr and b"Broken pipe" not in ran.stderr
