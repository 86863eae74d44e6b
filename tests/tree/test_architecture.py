"""The requests that ARCHITECTURE.md follows through the house: each function it names is in the file it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from repository import REPOSITORY

PAGE = (REPOSITORY / "ARCHITECTURE.md").read_text()
ROWS = re.findall(r"^\| \d+ \| `([\w:.]+)` \| `([\w./-]+)` \| (.+) \|$", PAGE, re.MULTILINE)
FILES = sorted(set(re.findall(r"`((?:refrain[\w-]*)/[\w./-]+)`", PAGE)))


def file_of(name: str) -> Path:
    """`refrain/flight/table.rs` is short for `crates/refrain/src/flight/table.rs`."""
    first, _, rest = name.partition("/")
    if first == "refrain_cache":
        return REPOSITORY / "crates/refrain-python/python" / name
    return REPOSITORY / "crates" / first / "src" / rest


def test_five_requests_are_followed():
    headings = re.findall(r"^## (.+), followed$", PAGE, re.MULTILINE)
    assert len(headings) == 5
    assert len(ROWS) > 40
    assert len(ROWS) == len(re.findall(r"^\| \d+ \|", PAGE, re.MULTILINE)), "a row is a function, its file and a sentence"


@pytest.mark.parametrize("name", FILES)
def test_a_room_exists(name):
    assert file_of(name).exists()


@pytest.mark.parametrize(("function", "file"), sorted({(function, file) for function, file, _ in ROWS}))
def test_a_function_is_in_its_file(function, file):
    text = file_of(file).read_text()
    *owner, name = re.split(r"::|\.", function)
    assert re.search(rf"\b(?:fn|def) {name}\b", text), f"no `{name}` in {file}"
    for part in owner:
        named = rf"(?:impl\b[^{{;]*\b{part}\b|class {part}\b)"
        assert re.search(named, text), f"nothing of `{part}` in {file}"
