"""A real `refrain serve` in a directory of its own, started and stopped the way an operator does it."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
# `REFRAIN_BINARY` tries another build, for instance an installed one.
BINARY = Path(os.environ.get("REFRAIN_BINARY", TARGET / "release" / "refrain"))

START_SECONDS = 20
STOP_SECONDS = 20


def clean_environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """No setting of the machine the tests run on may reach the server."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home), **(extra or {})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`arguments`, `environment`, `dotenv` and `toml` are the four doors of the configuration."""

    started: list[Server] = []
    _numbers = itertools.count(1)

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        dotenv: str | None = None,
        toml: str | None = None,
        port: int | None = None,
        cpus: set[int] | None = None,
    ):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if dotenv is not None:
            (directory / ".env").write_text(dotenv)
        if toml is not None:
            (directory / "refrain.toml").write_text(toml)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = directory / f"serve-{next(self._numbers)}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "serve", "--port", str(self.port), *arguments],
                cwd=directory,
                env=clean_environment(directory, environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None,
            )
        # Generous, because a generation at the finest quality on a busy machine takes a while.
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        self.http = httpx.Client(base_url=self.url, timeout=120, limits=limits, trust_env=False)
        Server.started.append(self)
        try:
            self._wait_until_healthy()
        except BaseException:
            self.kill()
            raise

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log()}")
            with contextlib.suppress(httpx.TransportError):
                if self.http.get("/health").status_code == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(f"serve was not healthy within {START_SECONDS} s:\n{self.log()}")

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        """SIGTERM, as systemd and Docker send it; anything but a clean end is a failure."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"serve did not stop within {STOP_SECONDS} s of SIGTERM:\n{self.log()}"
            ) from None
        assert code == 0, f"serve ended with {code}:\n{self.log()}"
        assert "panicked" not in self.log(), f"something panicked:\n{self.log()}"

    def kill(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, failure, *_) -> None:
        if failure is None:
            self.stop()
        else:
            self.kill()

    # What the server says of itself.

    def stats(self) -> dict:
        answer = self.http.get("/api/cache/stats")
        assert answer.status_code == 200, answer.text
        return answer.json()["stats"]

    def config(self) -> dict:
        answer = self.http.get("/api/cache/config")
        assert answer.status_code == 200, answer.text
        return answer.json()["config"]

    def entries(self, **parameters) -> dict:
        answer = self.http.get("/api/cache/entries", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # Requests.

    def generate(self, picture: bytes, *, headers: dict[str, str] | None = None, **fields):
        """One `relief` request as JSON with the picture in base64."""
        return self.post_json({"image": base64_text(picture), **fields}, headers=headers)

    def post_json(self, document, *, headers=None, generator: str = "relief") -> httpx.Response:
        body = document if isinstance(document, (str, bytes)) else json.dumps(document)
        return self.http.post(
            f"/api/generate/{generator}",
            content=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )

    # Memory, as the kernel counts it.

    def rss_bytes(self) -> int:
        return self._status_bytes("VmRSS")

    def peak_rss_bytes(self) -> int:
        """The high-water mark since the last `forget_peak_rss`, so no peak falls between two samples."""
        return self._status_bytes("VmHWM")

    def forget_peak_rss(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _status_bytes(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} in /proc/{self.process.pid}/status")

    def raw(self, data: bytes = b"", timeout: float = 30) -> socket.socket:
        """A bare connection, for what no HTTP library would send."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        if data:
            connection.sendall(data)
        return connection


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def at_once(calls) -> list:
    """Runs all `calls` in threads of their own, released together; returns the results in order."""
    calls = list(calls)
    results: list = [None] * len(calls)
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(calls))

    def run(index: int, call) -> None:
        try:
            barrier.wait()
            results[index] = call()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def eventually(condition, within: float = 20, what: str = "the condition"):
    """Polls until `condition()` is truthy and returns that value."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {within} s"
        time.sleep(0.01)
