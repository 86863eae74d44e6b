"""A real `refrain serve` in a directory of its own, started and stopped the way an operator does it.

The end-to-end tests and those of the Python package start their servers with it; hence only the standard library.
"""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# The tests of the Python package run from a copy outside of the repository.
REPOSITORY = Path(os.environ.get("REFRAIN_REPOSITORY", Path(__file__).resolve().parents[2]))
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
# `REFRAIN_BINARY` tries another build, for instance an optimised or an installed one.
BINARY = Path(os.environ.get("REFRAIN_BINARY", TARGET / "debug" / "refrain"))

START_SECONDS = 20
STOP_SECONDS = 20


def clean_environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """No setting of the machine the tests run on may reach the server."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home), **(extra or {})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """`arguments` and `environment` are two doors of the configuration; files in `directory` are the other two."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        port: int | None = None,
        cpus: set[int] | None = None,
    ):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
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
            if self._is_healthy():
                return
            time.sleep(0.02)
        raise AssertionError(f"serve was not healthy within {START_SECONDS} s:\n{self.log()}")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        """SIGTERM, as systemd and Docker send it; anything but a clean end is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"serve did not stop within {STOP_SECONDS} s of SIGTERM:\n{self.log()}") from None
        assert code == 0, f"serve ended with {code}:\n{self.log()}"
        assert "panicked" not in self.log(), f"something panicked:\n{self.log()}"

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, failure, *_) -> None:
        if failure is None:
            self.stop()
        else:
            self.kill()
