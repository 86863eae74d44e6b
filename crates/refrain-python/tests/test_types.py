"""What type checkers find: every mistake of `typed_calls.py`, and nothing in its calls that are right."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest

CALLS = pathlib.Path(__file__).with_name("typed_calls.py")


def mistakes():
    return [number for number, line in enumerate(CALLS.read_text().splitlines(), 1) if line.endswith("# wrong")]


def test_there_are_forty_of_each():
    rights = [line for line in CALLS.read_text().splitlines() if re.match(r"    \w+: .* = ", line) and not line.endswith("# wrong")]
    assert len(mistakes()) >= 40 and len(rights) >= 40


def test_mypy_finds_the_mistakes_and_nothing_else(tmp_path):
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    found = {int(number) for number in re.findall(r"typed_calls\.py:(\d+): error", done.stdout)}
    assert sorted(found) == mistakes(), done.stdout


def test_pyright_finds_the_mistakes_and_nothing_else(tmp_path):
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    try:
        diagnostics = json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        pytest.skip(f"pyright does not run here: {done.stderr[-200:]}")
    found = {each["range"]["start"]["line"] + 1 for each in diagnostics if each["severity"] == "error"}
    assert sorted(found) == mistakes(), diagnostics
