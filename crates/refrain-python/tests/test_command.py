"""`python -m refrain_cache`, tried from outside."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from refrain_cache import DiskTier


def run(*arguments):
    command = [sys.executable, "-m", "refrain_cache", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60)


@pytest.fixture
def folder(tmp_path):
    # Open meanwhile, as in a program that runs.
    with DiskTier(tmp_path / "cache") as tier:
        tier.set("large", b"x" * 5000, tags=["model:v1"], cost_seconds=12.5)
        tier.set("small", "text", ttl_seconds=1000, tags=["model:v2", "a\x1b[31m"])
        yield tier


def test_it_lists_what_is_in_a_folder(folder):
    listed = run("list", folder.path)
    lines = listed.stdout.decode().splitlines()
    assert (listed.returncode, listed.stderr, len(lines)) == (0, b"", 4)
    assert lines[1].split()[1:] == ["8192", "12.5", "s", "for", "ever", "model:v1"]
    assert lines[2].endswith("model:v2 a?[31m") and lines[3] == "2 results, 12288 bytes"
    tagged = json.loads(run("list", folder.path, "--json", "--tag", "model:v2").stdout)
    assert [(entry["bytes"], entry["tags"]) for entry in tagged] == [(4096, ["model:v2", "a\x1b[31m"])]


def test_it_shows_one_result_by_the_first_digits_of_its_key(folder, tmp_path):
    key = str(next(key for key, about in folder.entries() if about["bytes"] == 8192))
    shown = json.loads(run("show", folder.path, key[:6], "--json").stdout)
    assert (shown["bytes"], shown["codec"], shown["tags"]) == (5000, "bytes", ["model:v1"])
    assert run("show", folder.path, key).stdout.decode().splitlines()[:2] == ["bytes: 5000", "codec: bytes"]
    assert run("show", folder.path, key, "--output", "-").stdout == b"x" * 5000
    assert run("show", folder.path, key, "--output", tmp_path / "out").returncode == 0
    assert (tmp_path / "out").read_bytes() == b"x" * 5000


@pytest.mark.parametrize("way", ["key", "tag", "all"])
def test_it_clears_for_every_program_that_uses_the_folder(folder, way):
    key = next(key for key, about in folder.entries() if about["bytes"] == 8192)
    what = {"key": [str(key)[:8]], "tag": ["--tag", "model:v1"], "all": []}[way]
    cleared = run("clear", folder.path, *what)
    assert cleared.stdout.decode() == f"{2 if way == 'all' else 1} results removed\n", cleared.stderr
    assert folder.get("large") is None and len(folder) == (0 if way == "all" else 1)


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["list", "/nowhere"], 2, "there is no folder `/nowhere`"),
        (["polish", "/"], 2, "invalid choice"),
        ([], 2, "required: COMMAND"),
        (["show", None, "0000000000"], 1, "no key begins with `0000000000`"),
        (["show", None, "00"], 1, "too short"),
        (["show", None, "z" * 64], 1, "is no key"),
        (["show", None, "0" * 64], 1, "there is no result"),
        (["clear", None, "0000", "--tag", "t"], 1, "either keys or `--tag`"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_with_a_message_and_changes_nothing(folder, arguments, status, message):
    done = run(*[folder.path if argument is None else argument for argument in arguments])
    assert (done.returncode, done.stdout) == (status, b"")
    assert message in done.stderr.decode() and "Traceback" not in done.stderr.decode()
    assert len(folder) == 2
