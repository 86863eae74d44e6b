"""Servers for the tests: one shared by the session, and as many of their own as tests ask for."""

from __future__ import annotations

import pytest
from server_process import BINARY, Server


def pytest_sessionstart(session) -> None:
    if not BINARY.exists():
        pytest.exit(f"no binary at {BINARY}: run `cargo build` or ./test e2e", returncode=3)


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Server:
    """Default settings, shared: a test must not rely on its counters or on what else it holds."""
    with Server(tmp_path_factory.mktemp("shared-server")) as running:
        yield running


@pytest.fixture
def serve(tmp_path_factory):
    """`serve(...)` starts a server for this test alone; all are stopped at its end."""
    running: list[Server] = []

    def start(*arguments, directory=None, **options) -> Server:
        server = Server(directory or tmp_path_factory.mktemp("server"), *arguments, **options)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in Server.started:
            if server.process.poll() is None:
                report.sections.append((f"log of serve on port {server.port}", server.log()[-6000:]))
