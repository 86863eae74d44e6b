#!/usr/bin/env python3
"""Mutation testing by hand: plants known bugs in a copy of the workspace, one at a time, and tells which tests find each.

    python3 tests/planted/plant.py            all of them, in about half an hour
    python3 tests/planted/plant.py --check    only whether each one can still be planted
    python3 tests/planted/plant.py NAME ...   these

A bug is a patch in the folder of its crate; its first line names the kinds of tests that claim to find it. A patch is found by the
lines around it, wherever they have moved. When code has changed too much for that, plant the bug again by hand and save
`git diff` below the first line. Ends with 1 when a bug was missed or could not be planted. Tests that hang have found their bug.
`CARGO_TARGET_DIR` saves building the dependencies anew.
"""

from __future__ import annotations

import os
import signal
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 150

# Arguments of `cargo test`, and the tool whose schedules they are.
TESTS = {
    "lib": (["--lib"], None),
    "it": (["--test", "it"], None),
    "sim": (["--test", "sim"], None),
    "tiers": (["--test", "tiers"], None),
    "loom": (["--lib", "schedules"], "loom"),
    "shuttle": (["--test", "schedules"], "shuttle"),
}


class Bug(NamedTuple):
    name: str
    crate: str
    patch: Path
    tests: list[str]


def read_bugs() -> list[Bug]:
    bugs = []
    for patch in sorted(HERE.glob("*/*.patch")):
        head, _, tests = patch.read_text().partition("\n")[0].partition(": ")
        if head != "found by" or not set(tests.split()) <= set(TESTS):
            sys.exit(f"{patch}: the first line is not `found by: ` and some of {', '.join(TESTS)}")
        bugs.append(Bug(patch.stem, patch.parent.name, patch, tests.split()))
    return bugs


def apply(tree: Path, bug: Bug, *options: str) -> str | None:
    """Applies the patch, or says why it cannot be. One line of context on each side has to be as it was."""
    command = ["git", "apply", "-C1", "--recount", "--whitespace=nowarn", *options, str(bug.patch)]
    # The copy must not be taken for a part of a repository around it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    return None if run.returncode == 0 else run.stderr.strip()


def is_found_by(tree: Path, crate: str, name: str) -> str | None:
    arguments, tool = TESTS[name]
    environment = dict(os.environ)
    target = Path(environment.get("CARGO_TARGET_DIR", tree / "target"))
    if tool:
        environment["RUSTFLAGS"] = f"{environment.get('RUSTFLAGS', '')} --cfg {tool}"
        environment["CARGO_TARGET_DIR"] = str(target / tool)
    # A tenth of what the ordinary run compares: each of these bugs shows early or not at all.
    environment.setdefault("REFRAIN_SIM_OPS", "200000")
    command = ["cargo", "test", "--quiet", "--package", crate, *arguments]
    build = subprocess.run([*command, "--no-run"], cwd=tree, env=environment, capture_output=True, text=True)
    if build.returncode:
        return f"DOES NOT BUILD for {name}:\n{build.stderr[-2000:]}"
    # In a session of its own, so that a test that hangs ends with the `cargo` that began it.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen(command, cwd=tree, env=environment, start_new_session=True, **quiet)
    try:
        return f"found by {name}" if run.wait(timeout=SECONDS) else None
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"found by {name}, which hangs"


def verdict_on(tree: Path, bug: Bug, only_check: bool) -> str:
    if only_check:
        refusal = apply(tree, bug, "--check")
        return f"CANNOT BE PLANTED: {refusal}" if refusal else "can be planted"
    if refusal := apply(tree, bug):
        return f"CANNOT BE PLANTED: {refusal}"
    try:
        found = (is_found_by(tree, bug.crate, name) for name in bug.tests)
        return next((by for by in found if by), f"MISSED by {' and '.join(bug.tests)}")
    finally:
        if refusal := apply(tree, bug, "--reverse"):
            sys.exit(f"{bug.name} cannot be taken out again: {refusal}")


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if not name.startswith("-")]
    wanted = [bug for bug in read_bugs() if not names or bug.name in names]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "refrain"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("target*", ".git", ".venv*"))
        for bug in wanted:
            began = time.monotonic()
            verdict = verdict_on(tree, bug, "--check" in arguments)
            failed += verdict.startswith(("CANNOT", "DOES NOT", "MISSED"))
            print(f"{bug.name:34} {verdict}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(wanted) - failed} of {len(wanted)}")
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
