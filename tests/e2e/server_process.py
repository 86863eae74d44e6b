"""A running server with an HTTP client beside it, and what the tests ask of it."""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))
from running_server import BINARY, REPOSITORY, RunningServer, clean_environment, free_port  # noqa: E402

__all__ = ["BINARY", "REPOSITORY", "Server", "at_once", "base64_text", "clean_environment", "eventually", "free_port"]


class Server(RunningServer):
    """`arguments`, `environment`, `dotenv` and `toml` are the four doors of the configuration."""

    started: list[Server] = []

    def __init__(self, directory: Path, *arguments: str, dotenv: str | None = None, toml: str | None = None, **options):
        directory.mkdir(parents=True, exist_ok=True)
        if dotenv is not None:
            (directory / ".env").write_text(dotenv)
        if toml is not None:
            (directory / "refrain.toml").write_text(toml)
        super().__init__(directory, *arguments, **options)
        # Generous, because a generation at the finest quality on a busy machine takes a while.
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        # Plain bytes, as in most tests they are what is compared; a test of codings asks for them.
        plain = {"Accept-Encoding": "identity"}
        self.http = httpx.Client(base_url=self.url, timeout=120, limits=limits, headers=plain, trust_env=False)
        Server.started.append(self)

    def stop(self) -> None:
        self.http.close()
        super().stop()

    def kill(self) -> None:
        # It may not have come to a client.
        if hasattr(self, "http"):
            self.http.close()
        super().kill()

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
        return self.status_bytes("VmRSS")

    def peak_rss_bytes(self) -> int:
        """The high-water mark since the last `forget_peak_rss`, so no peak falls between two samples."""
        return self.status_bytes("VmHWM")

    def forget_peak_rss(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def status_bytes(self, field: str) -> int:
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
